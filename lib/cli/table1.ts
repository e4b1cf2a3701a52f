/** `saturnn table1`: the paper's Table 1 and Figures 1-4, trained here. */
import { join, relative } from 'node:path';
import { Command, Option } from 'commander';
import { SaturnnError } from '../errors';
import { paperActivations } from '../experiments/paper';
import { type PresetName, presets } from '../experiments/presets';
import {
  type Table1,
  type Table1Event,
  type Table1Options,
  type Table1Plan,
  table1,
} from '../experiments/table1/table1';
import { table1Text } from '../experiments/table1/text';
import { initializationForms } from '../initial/initialization';
import { models } from '../models';
import { formatActivation } from '../ops/activation';
import { scheduleForms } from '../optim/parseSchedule';
import { precisions } from '../runtime/device';
import { addOptionalDeviceOption } from './arithmeticOptions';
import { dataName } from './dataOptions';
import { Interruption } from './interruption';
import { layerRateOption, readSchedule, readWarmup } from './optimizerOptions';
import * as read from './options';
import { createProgress, type Progress } from './progress';
import { collectGiven, type Given } from './runOptions';

export interface TrainingsOptions extends Omit<Table1Options, 'learningRate' | 'signal' | 'onEvent' | 'init'> {
  preset: PresetName;
  lr?: 'auto' | number;
  init?: { readonly text: string };
  lrLayers?: string;
  json?: boolean;
}

export function table1Command(): Command {
  const command = withOptions();
  const given = collectGiven(command, ['--minutes', '--json']);
  return command.action((options: TrainingsOptions) => run(options, given));
}

function withOptions(): Command {
  const command = new Command('table1')
    .description(
      "train the network once per activation and print the paper's Table 1 beside its figures; run again, it completes what is missing",
    )
    .option('--out <dir>', 'folder of everything (default: results/table1-PRESET)')
    .option('--activations <list>', `which, in this order (default: ${paperActivations.join(',')})`, activations);
  return addTrainingsOptions(command);
}

/** How a table of trainings is made: for every command that makes one. */
export function addTrainingsOptions(command: Command): Command {
  const titles = Object.entries(presets).map(([name, { title }]) => `${name} (${title})`);
  command
    .addOption(
      new Option('--preset <name>', titles.join('; '))
        .choices(Object.keys(presets))
        .default('smoke' satisfies PresetName),
    )
    .option('--minutes <x>', 'stop after about x minutes, and print the command that goes on', read.positiveNumber)
    .option('--seeds <n>', 'trainings of each, with the seeds 0 to n - 1', read.positiveInteger)
    .option('--lr <auto|x>', 'learning rate: searched on a short grid for each activation, or x for all', rate)
    .option('--epochs <n>', 'passes over the training images', read.positiveInteger)
    .addOption(new Option('--model <name>', 'network').choices(Object.keys(models)))
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber)
    .option('--batch <n>', 'images per step', read.positiveInteger)
    .option('--data <name>', "generated, cifar10, cifar100, or a folder or .tar.gz in CIFAR's binary layout", dataName)
    .option('--data-dir <dir>', 'folder of cifar10 or cifar100 (default: where `saturnn data get` puts them)')
    .option('--classes <n>', 'only the images of the first n classes', read.positiveInteger)
    .option('--limit <n>', 'of those, the first n training images', read.positiveInteger)
    .option('--test-limit <n>', 'and the first n test images', read.positiveInteger);
  addOptionalDeviceOption(command)
    .addOption(new Option('--precision <name>', 'arithmetic; tf32 and fp16 on a GPU').choices(precisions))
    .addOption(
      new Option('--init <name[:options]>', `initial weights: ${initializationForms}`).argParser(read.initialization),
    )
    .option('--schedule <form>', `learning rate over a training: ${scheduleForms}`, readSchedule)
    .option('--warmup <n>', 'epochs, or steps as in 500steps, in which it rises; or none', warmup)
    .addOption(layerRateOption())
    .option('--momentum <x>', 'of SGD', read.fraction)
    .option('--weight-decay <x>', 'of weights; biases have none', read.nonNegative)
    .option(
      '--checkpoint-minutes <x>',
      'a checkpoint when the last one is x minutes old (default: 1)',
      read.positiveNumber,
    )
    .option('--json', 'print the table as JSON, and progress on stderr');
  return command;
}

const activations = (text: string): string[] =>
  text.split(',').map((one) => formatActivation(read.activation(one.trim())));

const rate = (text: string): 'auto' | number => (text === 'auto' ? text : read.positiveNumber(text));

function warmup(text: string): string {
  if (text !== 'none') readWarmup(text);
  return text;
}

/** Those of the library. */
export const libraryOptions = <T extends TrainingsOptions>({ lr, init, lrLayers, json, ...options }: T) => ({
  ...options,
  ...{ learningRate: lr, init: init?.text, layerRates: lrLayers },
});

async function run(options: TrainingsOptions, given: Given): Promise<void> {
  const { json = false } = options;
  const interruption = new Interruption();
  const show = createShow(json ? process.stderr : process.stdout);
  try {
    const table = await table1({
      ...libraryOptions(options),
      signal: interruption.signal,
      onEvent: show.event,
    });
    show.stop();
    if (json) process.stdout.write(`${JSON.stringify(table)}\n`);
    else process.stdout.write(summary(table));
    if (!table.interrupted) return;
    const goOn = commandOf('table1', given, options.minutes);
    if (!interruption.signal.aborted) show.line(`Stopped after ${options.minutes} minutes. To go on: ${goOn}`);
    else throw new SaturnnError('ERR_INTERRUPTED', `Interrupted. To go on: ${goOn}`);
  } finally {
    show.stop();
    interruption.dispose();
  }
}

function summary({ rows, out, report }: Table1): string {
  const isDrawn = rows.some(({ runs }) => runs.some(({ epochs }) => epochs.length > 0));
  const figures = isDrawn ? `figures: ${relative('', join(out, 'figures'))}\n` : '';
  return `\n${table1Text(rows)}\n${figures}report: ${relative('', report)}\n`;
}

/** The same again, from the same folder. */
export function commandOf(name: string, given: Given, minutes?: number): string {
  const all: Given = { ...given, ...(minutes === undefined ? {} : { '--minutes': `${minutes}` }) };
  const words = Object.entries(all).flatMap(([flag, value]) => (value === true ? [flag] : [flag, quoted(value)]));
  return ['saturnn', name, ...words].join(' ');
}

/** As a shell reads it as one word. */
const quoted = (text: string): string => (/^[\w./:,=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export interface Show {
  event(event: Table1Event): void;
  line(text: string): void;
  stop(): void;
}

/** Prints what happens. */
export function createShow(stream: NodeJS.WriteStream): Show {
  let progress: Progress | null = null;
  const line = (text: string): void => void stream.write(`${text}\n`);
  const stop = (): void => {
    progress?.stop();
    progress = null;
  };
  return {
    line,
    stop,
    event(event) {
      if (event.event === 'plan') line(planText(event));
      else if (event.event === 'chosen') {
        const { activation, chosen, note } = event.search;
        line(`learning rate of ${activation}: ${chosen}${note && ` (${note})`}`);
      } else if (event.event === 'begin') {
        const { training, begin, index, count, phase } = event;
        const from = begin.done > 0 ? `, from step ${begin.done} of ${begin.steps}` : '';
        line(`${phase === 'search' ? 'search' : 'training'} ${index + 1}/${count}: ${training.label}${from}`);
        progress = createProgress({ ...begin, json: false, stream });
      } else if (event.event === 'step') progress?.show(event.detail);
      else if (event.event === 'pause') stop();
      else if (event.record.status.kind === 'diverged') line(`diverged: ${event.record.status.message}`);
    },
  };
}

function planText({ settings, out, device, classes, trainImages, testImages, trainings, search }: Table1Plan): string {
  const { fixed, activations: names } = settings;
  const lines = [
    `preset ${fixed.preset}: ${fixed.model} at width ${fixed.width} on ${device} in ${fixed.precision}, into ${relative('', out) || '.'}`,
    `${fixed.data}: ${classes} classes, ${trainImages} training images, ${testImages} test images; batches of ${fixed.batch}`,
    `${trainings} trainings (${names.join(', ')}) of ${inEpochs(fixed.epochs)}`,
  ];
  if (search && fixed.search) {
    const { grid, epochs } = fixed.search;
    const share = `${(100 * search.share).toFixed(0)} % of all images that are trained on`;
    lines.push(
      `before them ${search.trials} short ones of ${inEpochs(epochs)} with the learning rates ${grid.join(', ')}: ${share}`,
    );
  }
  return lines.join('\n');
}

const inEpochs = (count: number): string => (count === 1 ? '1 epoch' : `${count} epochs`);
