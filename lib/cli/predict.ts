/** `saturnn predict`: classifies pictures, or the images of a data set, with a trained network. */
import { Command } from 'commander';
import { invalid } from '../errors';
import { writeSafetensors } from '../files/safetensors';
import { loadPredictor } from '../train/loadPredictor';
import { type FilePrediction, predictFilesDefaults, predictFilesFields } from '../train/predict/files';
import type { Predictor } from '../train/predictor';
import { type ArithmeticOptions, arithmeticOf, openDeviceFor } from './options/arithmetic';
import { addOptions, declare, doesNotApply } from './options/declare';
import { type AppliedOptions, addAppliedOptions, openForNetwork } from './options/network';
import { jsonOption, outOption } from './options/output';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';
import { percent } from './terminal/progress';

const topOption = declare({
  flags: '--top <n>',
  help: 'files: how many of the most probable classes are printed for each',
  field: predictFilesFields.top,
  default: predictFilesDefaults.top,
});

const noResizeOption = declare({
  flags: '--no-resize',
  help: 'files: refuse pictures of another size than those of the training, which are scaled otherwise',
});

interface PredictOptions extends AppliedOptions, ArithmeticOptions {
  top: number;
  resize: boolean;
  out?: string;
}

export function predictCommand(): Command {
  const command = new Command('predict')
    .description('classify pictures, or the images of a data set, with a trained network')
    .argument('[files...]', 'pictures, and folders of them; without any, --data is classified');
  addOptions(
    addAppliedOptions(command),
    topOption(),
    noResizeOption(),
    outOption({ argument: '<file>', note: ': a safetensors file with logits, probabilities and labels of all images' }),
    jsonOption({ note: ': one line for each image' }),
  );
  return command.action((files: string[], options: PredictOptions) => {
    const given = (name: string) => command.getOptionValueSource(name) === 'cli';
    if (files.length === 0) {
      for (const [name, flag] of [['top', '--top'] as const, ['resize', '--no-resize'] as const])
        if (given(name)) throw doesNotApply(flag, 'without files');
      return predictData(options);
    }
    for (const [name, flag] of ofData) if (given(name)) throw doesNotApply(flag, 'to files');
    return predictNamed(files, options);
  });
}

/** The options that say something of --data, and nothing of files. */
const ofData = [
  ...[['data', '--data'] as const, ['dataDir', '--data-dir'] as const, ['labels', '--labels'] as const],
  ...[['split', '--split'] as const, ['crop', '--crop'] as const, ['limit', '--limit'] as const],
  ...[['storedSize', '--stored-size'] as const, ['fit', '--fit'] as const, ['out', '--out'] as const],
  ...[['testShare', '--test-share'] as const, ['testSeed', '--test-seed'] as const],
];

async function predictNamed(files: readonly string[], options: PredictOptions): Promise<void> {
  const { weights, batch, top, resize, json, onBroken } = options;
  const device = openDeviceFor(options);
  const interruption = new Interruption();
  try {
    using predictor = await loadPredictor(weights, { batch, device, ...arithmeticOf(options) });
    const { signal } = interruption;
    const predictions = await predictor.predictFiles(files, { top, resize, onBroken, signal });
    for (const prediction of predictions) print(json ? `${JSON.stringify(prediction)}\n` : textOf(prediction));
  } finally {
    interruption.dispose();
  }
}

function textOf({ path, guesses, broken }: FilePrediction): string {
  if (broken !== null) return `${path}: left out, ${broken}\n`;
  const texts = guesses.map(({ name, label, probability }) => `${name ?? `class ${label}`} ${percent(probability)}`);
  return `${path}: ${texts.join(', ')}\n`;
}

async function predictData(options: PredictOptions): Promise<void> {
  const { weights, batch, split, crop, out, json } = options;
  const device = openDeviceFor(options);
  const sources = await openForNetwork(options);
  try {
    const source = sources[split];
    const arithmetic = { batch, device, ...arithmeticOf(options) };
    using predictor = await loadPredictor(weights, { shape: source.shape, crop, ...arithmetic });
    const { classes, inputShape, loss } = predictor;
    if (loss.kind !== 'classes')
      throw invalid(
        '--weights',
        'a network that computes one class of each image (Predictor.predict() takes others)',
        `the loss "${loss.name}"`,
      );
    if (source.classes > classes) throw invalid('--data', `at most the network's ${classes} classes`, source.classes);
    const { count, logits, probabilities } = await predictor.predict(source);
    const { labels } = source;
    const names = namesFor(predictor, source.classNames);
    let correct = 0;
    for (let row = 0; row < count; row++) {
      const guesses = probabilities.subarray(row * classes, (row + 1) * classes);
      const guess = guesses.reduce((best, value, index) => (value > guesses[best]! ? index : best), 0);
      if (guess === labels[row]) correct++;
      const named = names ? { name: names[guess] } : {};
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

/** Returns the names of the network's classes; if it has none, those of the data set. */
const namesFor = ({ classNames }: Predictor, ofData: readonly string[] | null) => classNames ?? ofData;
