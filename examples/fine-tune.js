// Trains a network, and fine-tunes it for other classes, of which there are few images: node fine-tune.js [FOLDER]
const { Dataset, Trainer, cosineRate, generated, loadModel, subInception } = require('saturnn');
const { mkdirSync } = require('node:fs');
const { join } = require('node:path');

const all = generated({ train: 400, test: 400, classes: 20 });

/** Returns the images of the classes from `first` to before `end`, at most `most` in all. */
function classes(data, first, end, most = data.count) {
  const indices = [...data.labels.keys()].filter((index) => data.labels[index] >= first && data.labels[index] < end);
  const { images, labels, shape } = data.subset(indices.slice(0, most));
  return Dataset.from({ images, labels: labels.map((label) => label - first), shape, classes: end - first });
}

/** Trains, and prints the accuracy on the test set. */
async function train(what, epochs, options) {
  // The test set is evaluated at the end only.
  const evaluateEvery = { epochs: 1000 };
  const trainer = new Trainer({ schedule: cosineRate({ rate: 0.05 }), evaluateEvery, seed: 1, ...options });
  const started = performance.now();
  await trainer.fit({ epochs });
  const accuracy = `${(100 * trainer.epochs.at(-1).testAccuracy).toFixed(1)} %`;
  console.log(`${what}: accuracy ${accuracy}, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return trainer;
}

async function main(folder = 'runs/fine-tune') {
  mkdirSync(folder, { recursive: true });
  const [base, tuned] = ['base', 'tuned'].map((name) => join(folder, `${name}.safetensors`));
  const model = (classes) => subInception({ width: 0.1, size: 20, normalization: 'batch', classes });

  // Fifteen classes with many images.
  const many = { train: classes(all.train, 0, 15), test: classes(all.test, 0, 15) };
  const first = await train('15 classes', 3, { model: model(15), ...many, batch: 32 });
  await first.saveWeights(base);
  first.dispose();

  // Five other classes with two images each: alone they are too few.
  const few = { train: classes(all.train, 15, 20, 10), test: classes(all.test, 15, 20), batch: 5 };
  const scratch = await train('5 classes, from random weights', 8, { model: model(5), ...few });
  scratch.dispose();

  // The file holds the network. Its last layer is new, and the only one that is trained.
  const frozen = ['3*', '4*', '5*'];
  const head = await train('5 classes, a new last layer', 8, {
    weights: base,
    head: { classes: 5 },
    freeze: frozen,
    ...few,
  });
  await head.saveWeights(tuned);
  head.dispose();

  // Then the whole network, with smaller steps.
  const schedule = cosineRate({ rate: 0.005 });
  const whole = await train('5 classes, and then the whole network', 4, { weights: tuned, schedule, ...few });
  await whole.saveWeights(tuned);
  whole.dispose();

  const { from } = (await loadModel(tuned)).card;
  console.log(`fine-tuned from ${from.file}, and that from ${from.card.from.file}`);
}

main(...process.argv.slice(2));
