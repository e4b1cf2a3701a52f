// Predicts with weights that PyTorch has trained: node pytorch.js MODEL.safetensors. In Python:
//
//   class Network(nn.Module):
//       def __init__(self):
//           super().__init__()
//           self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
//           self.bn1 = nn.BatchNorm2d(8)
//           self.conv2 = nn.Conv2d(8, 12, (3, 1), stride=2, padding=(1, 0))
//           self.block = ConvBn(12, 16)     # a module with conv (1x1, bias=False) and bn, and a ReLU
//           self.fc = nn.Linear(16, 5)
//       def forward(self, x):
//           x = self.block(torch.relu(self.conv2(torch.relu(self.bn1(self.conv1(x))))))
//           return self.fc(x.mean((2, 3)))
//
//   safetensors.torch.save_file(network.state_dict(), 'network.safetensors')
const {
  activate,
  convertWeights,
  functionalModel,
  globalAveragePool,
  layers,
  loadPredictor,
  relu,
} = require('saturnn');

/** The same network, with the same names. */
function network() {
  const body = new layers.Sequential([
    new layers.Conv2d({ name: 'conv1', inputs: 3, outputs: 8, kernel: 3, padding: 1, bias: false }),
    new layers.BatchNorm({ name: 'bn1', channels: 8 }),
    (x) => activate(x, relu()),
    new layers.Conv2d({
      ...{ name: 'conv2', inputs: 8, outputs: 12, kernel: [3, 1], stride: 2, padding: [1, 0] },
      activation: relu(),
    }),
    new layers.Conv2d({
      ...{ name: 'block', inputs: 12, outputs: 16, kernel: 1, normalization: 'batch' },
      activation: relu(),
    }),
    (x) => globalAveragePool(x),
    new layers.Linear({ name: 'fc', inputs: 16, outputs: 5 }),
  ]);
  const { parameters, buffers } = body;
  return functionalModel({ parameters, buffers, inputShape: [32, 32, 3], classes: 5, forward: (x) => body.forward(x) });
}

async function main(weights) {
  const { fitted, leftOut } = convertWeights(weights, 'network.safetensors', {
    ...{ to: 'saturnn', model: network() },
    // As the images of the training were normalised in PyTorch, for pixels of 0 to 1.
    ...{ imageMean: [0.485, 0.456, 0.406], imageStd: [0.229, 0.224, 0.225] },
    classNames: ['cat', 'dog', 'fish', 'bird', 'frog'],
  });
  for (const { name, from, fromShape } of fitted) console.log(`${from} [${fromShape}] is ${name}`);
  if (leftOut.length > 0) console.log(`left out: ${leftOut.join(', ')}`);
  // The file holds the graph, too: this needs no code of the network.
  const predictor = await loadPredictor('network.safetensors', { device: 'cpu' });
  const { probabilities } = await predictor.predict(new Uint8Array(32 * 32 * 3).fill(128));
  predictor.classNames.forEach((name, label) => {
    console.log(`${name}: ${(100 * probabilities[label]).toFixed(1)} %`);
  });
  predictor.dispose();
}

main(...process.argv.slice(2));
