// Trains a small network and keeps its weights: node train.js [FOLDER]
const { Trainer, generated, subInception, leakyTanh, cosineRate, warmUp } = require('saturnn');
const { mkdirSync } = require('node:fs');
const { join } = require('node:path');

async function main(folder = 'runs/example') {
  const { train, test } = generated({ train: 320, test: 100, classes: 10 });
  const trainer = new Trainer({
    model: subInception({ width: 0.1, classes: 10, activation: leakyTanh(0.25) }),
    train,
    test,
    batch: 32,
    schedule: warmUp(cosineRate({ rate: 0.05 }), { steps: 10 }),
    seed: 1,
  });
  for await (const event of trainer.fit({ epochs: 3 })) {
    if (event.event !== 'epoch') continue;
    const [trained, tested] = [event.trainAccuracy, event.testAccuracy].map((share) => `${(100 * share).toFixed(1)} %`);
    console.log(`epoch ${event.epoch}: loss ${event.trainLoss.toFixed(3)}, train ${trained}, test ${tested}`);
  }
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'model.safetensors');
  await trainer.saveWeights(path);
  console.log(`weights: ${path}`);
  trainer.dispose();
}

main(...process.argv.slice(2));
