/** `saturnn predict`: classifies images with a trained network. */
import { Command } from 'commander';
import { invalid } from '../errors';
import { writeSafetensors } from '../files/safetensors';
import { loadPredictor } from '../train/loadPredictor';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './options/arithmetic';
import { addSourceOptions, type DataOptions, limitNote, limitOption, openShown } from './options/data';
import { addOptions, declare } from './options/declare';
import { batchOption } from './options/length';
import { jsonOption, outOption } from './options/output';
import type { PictureFlags } from './options/pictures';
import { trainedShapeOf, weightsOption } from './options/weights';
import { print } from './terminal/print';
import { percent } from './terminal/progress';

const splits = ['train', 'test'] as const;
const defaultSplit: (typeof splits)[number] = 'test';
const defaultBatch = 64;

const cropOption = declare({
  flags: '--crop',
  help: 'take images of another size than those of the training: only their centre, of the size that the network reads',
});

const splitOption = declare({
  flags: '--split <name>',
  help: 'which images of the data set',
  choices: splits,
  default: defaultSplit,
  shown: defaultSplit,
});

interface PredictOptions
  extends Pick<DataOptions, 'data' | 'dataDir' | 'labels' | 'verify' | 'limit'>,
    PictureFlags,
    ArithmeticOptions {
  weights: string;
  split: (typeof splits)[number];
  crop?: boolean;
  batch: number;
  out?: string;
  json?: boolean;
}

export function predictCommand(): Command {
  const command = new Command('predict').description('classify the images of a data set with a trained network');
  addOptions(
    addArithmeticOptions(addSourceOptions(command)),
    weightsOption().makeOptionMandatory(),
    splitOption(),
    cropOption(),
    limitOption({ note: limitNote }),
    batchOption({ default: defaultBatch }),
    outOption({ argument: '<file>', note: ': a safetensors file with logits, probabilities and labels of all images' }),
    jsonOption({ note: ': one line for each image' }),
  );
  return command.action(predict);
}

async function predict(options: PredictOptions): Promise<void> {
  const { weights, batch, split, crop, out, json } = options;
  const device = openDeviceFor(options);
  // Pictures are decoded to the size of the training's images.
  const [height, width, channels] = trainedShapeOf(weights) ?? [];
  const trained = height && width ? { size: [height, width] as const, channels } : {};
  const sources = await openShown({ ...options, ...trained });
  try {
    const source = sources[split];
    const arithmetic = { batch, device, ...arithmeticOf(options) };
    using predictor = await loadPredictor(weights, { shape: source.shape, crop, ...arithmetic });
    const { classes, inputShape } = predictor;
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
      if (json) print(`${JSON.stringify(line)}\n`);
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
    const [from, to] = [source.shape, inputShape].map(([height, width]) => `${height}x${width}`);
    const cropped = from === to ? '' : ` of ${from}, cropped to ${to} at the centre`;
    if (!json) print(`${count} images${cropped}, accuracy ${percent(correct / count)}\n`);
  } finally {
    await sources.close();
  }
}
