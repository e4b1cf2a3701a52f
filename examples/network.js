// Trains a network of your own with an activation of your own: node network.js
// Everything that is made of ops has a gradient, and saturnn fuses it where that is possible.
const { Trainer, activate, add, functionalModel, generated, layers, leakyRelu, tanh } = require('saturnn');

/** Returns tanh(x) + leakyRelu(x), which is steep around 0 and flat nowhere. */
const tanhPlus = (x) => add(activate(x, tanh()), activate(x, leakyRelu(0.1)));

function residualNetwork({ classes, channels }) {
  const convolution = (name, inputs, outputs, stride = 1) =>
    new layers.Conv2d({ name, inputs, outputs, kernel: 3, padding: 1, stride });
  const stem = convolution('stem', 3, channels);
  const first = convolution('first', channels, channels);
  const second = convolution('second', channels, channels);
  const down = convolution('down', channels, 2 * channels, 2);
  const top = new layers.Linear({ name: 'top', inputs: 2 * channels, outputs: classes });
  const pool = new layers.GlobalAveragePool();
  return functionalModel({
    name: 'residual',
    parameters: [stem, first, second, down, top].flatMap((layer) => layer.parameters),
    inputShape: [28, 28, 3],
    classes,
    forward(images) {
      const x = tanhPlus(stem.forward(images));
      const block = add(x, second.forward(tanhPlus(first.forward(x))));
      return top.forward(pool.forward(tanhPlus(down.forward(tanhPlus(block)))));
    },
  });
}

async function main() {
  const { train, test } = generated({ train: 1600, test: 400, classes: 10 });
  const trainer = new Trainer({
    model: residualNetwork({ classes: 10, channels: 16 }),
    train,
    test,
    batch: 32,
    learningRate: 0.02,
  });
  for await (const event of trainer.fit({ epochs: 2 })) {
    if (event.event === 'epoch') console.log(`epoch ${event.epoch}: test accuracy ${event.testAccuracy.toFixed(3)}`);
  }
  trainer.dispose();
}

main();
