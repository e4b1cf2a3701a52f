/** `saturnn predict`: what a trained network makes of images. */
import { Command, Option } from 'commander';
import { openSource } from '../data/openSource';
import { invalid } from '../errors';
import { writeSafetensors } from '../files/safetensors';
import { loadPredictor } from '../train/loadPredictor';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './arithmeticOptions';
import { addSourceOptions, type DataOptions } from './dataOptions';
import * as read from './options';
import { percent } from './progress';

interface PredictOptions
  extends Pick<DataOptions, 'data' | 'dataDir' | 'labels' | 'verify' | 'limit'>,
    ArithmeticOptions {
  weights: string;
  split: 'train' | 'test';
  batch: number;
  out?: string;
  json?: boolean;
}

export function predictCommand(): Command {
  const command = new Command('predict').description('the guesses of a trained network for the images of a data set');
  return addArithmeticOptions(addSourceOptions(command))
    .requiredOption('--weights <file>', 'model.safetensors or best.safetensors of a run')
    .addOption(new Option('--split <name>', 'which images').choices(['train', 'test']).default('test'))
    .option('--limit <n>', 'the first n images', read.positiveInteger)
    .option('--batch <n>', 'images per step', read.positiveInteger, 64)
    .option('--out <file>', 'write logits, probabilities and labels of all images as a safetensors file')
    .option('--json', 'print one line of JSON per image')
    .action(predict);
}

async function predict(options: PredictOptions): Promise<void> {
  const { weights, batch, split, out, json } = options;
  const device = openDeviceFor(options);
  const sources = await openSource(options);
  try {
    const source = sources[split];
    using predictor = await loadPredictor(weights, { shape: source.shape, batch, device, ...arithmeticOf(options) });
    const { classes } = predictor;
    if (source.classes > classes) throw invalid('--data', `at most the network's ${classes} classes`, source.classes);
    const { count, logits, probabilities } = await predictor.predict(source);
    const { labels, classNames } = source;
    let correct = 0;
    for (let row = 0; row < count; row++) {
      const guesses = probabilities.subarray(row * classes, (row + 1) * classes);
      const guess = guesses.reduce((best, value, index) => (value > guesses[best]! ? index : best), 0);
      if (guess === labels[row]) correct++;
      const named = classNames ? { name: classNames[guess] } : {};
      const line = { index: row, guess, ...named, probability: guesses[guess], label: labels[row] };
      if (json) process.stdout.write(`${JSON.stringify(line)}\n`);
    }
    if (out) {
      const shape = [count, classes];
      const tensors = new Map([
        ['logits', { shape, data: logits }],
        ['probabilities', { shape, data: probabilities }],
        ['labels', { shape: [count], data: Int32Array.from(labels) }],
      ] as const);
      writeSafetensors(out, { tensors, metadata: { weights } });
    }
    if (!json) process.stdout.write(`${count} images, accuracy ${percent(correct / count)}\n`);
  } finally {
    await sources.close();
  }
}
