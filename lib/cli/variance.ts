/** `saturnn variance`: Section 2 of the paper, measured layer by layer, and predicted where that can be done. */
import { join, relative } from 'node:path';
import { Command, Option } from 'commander';
import { invalid } from '../errors';
import { paperActivations } from '../experiments/paper';
import { defaultMagnitude } from '../experiments/prediction/chain';
import { type VarianceChain, varianceChain } from '../experiments/variance/chain';
import { chainPage, variancePage } from '../experiments/variance/report';
import { chainSummary, chainTables, factorTables, layerTables } from '../experiments/variance/tables';
import { type VarianceRun, variance } from '../experiments/variance/variance';
import { prepareFolder, writeAtomically } from '../files/durable';
import { type Initialization, initializationForms } from '../initial/initialization';
import { environment } from '../measure/harness';
import { createModel, models } from '../models';
import { formatActivation } from '../ops/activation';
import { type Activation, parseActivation } from '../ops/activations';
import type { ReportPage, ReportTable } from '../report/page';
import { table } from '../report/textTable';
import { writeReport } from '../report/write';
import { addDeviceOption } from './arithmeticOptions';
import { addDataOptions, type DataOptions, openData } from './dataOptions';
import * as read from './options';

interface Options extends DataOptions {
  model: string;
  activations: Activation[];
  init?: Initialization[];
  device: string;
  width?: number;
  batch: number;
  draws?: number;
  seed: number;
  steps?: number;
  lr?: number;
  layers?: number;
  magnitude?: number;
  inputDeviation?: number;
  all?: boolean;
  out?: string;
  json?: boolean;
}

const chain = 'chain';
const defaultWidth = 0.25;

export function varianceCommand(): Command {
  const command = new Command('variance').description(
    'measure how far values and gradients spread in every layer, at step 0 and after training; beside the prediction on a plain chain',
  );
  command
    .addOption(
      new Option('--model <name>', 'network, or chain: a plain chain of square layers, where the prediction holds')
        .choices([...Object.keys(models), chain])
        .default('inception33'),
    )
    .option(
      '--activations <name[:a],...>',
      `which, in this order (default: ${paperActivations.join(',')})`,
      (text: string) => text.split(',').map((one) => read.activation(one.trim())),
      paperActivations.map(parseActivation),
    )
    .addOption(
      new Option('--init <names...>', `initial weights, one or several: ${initializationForms}`).argParser(
        (text: string, before: Initialization[] | undefined) => [...(before ?? []), read.initialization(text)],
      ),
    )
    .option(
      '--width <w>',
      `factor on all channel counts (default: ${defaultWidth}); of a chain: channels (default: 128)`,
      read.positiveNumber,
    )
    .option('--batch <n>', 'images', read.positiveInteger, 64)
    .option('--draws <n>', 'draws of the weights, averaged (default: 1; of a chain: 100)', read.positiveInteger)
    .option('--seed <n>', 'of weights, order and crops', read.seed, 0)
    .option(
      '--steps <k>',
      'training steps before the second measurement; 0: none (default: 50)',
      read.reading(wholeNumber),
    )
    .option('--lr <x>', 'learning rate of these steps (default: 0.01)', read.positiveNumber)
    .option('--layers <n>', 'of a chain (default: 20)', read.positiveInteger)
    .option('--magnitude <x>', 'of a chain: channels times Var[w] (default: by --init)', read.positiveNumber)
    .option('--input-deviation <x>', 'of a chain: deviation of its gaussian inputs (default: 1)', read.positiveNumber)
    .option('--all', 'print every layer, not only those on the longest path')
    .option('--out <dir>', 'write a report, charts, and everything as JSON into this folder')
    .option('--json', 'print one JSON object');
  return addDeviceOption(addDataOptions(command)).action(run);
}

function wholeNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error('Expected an integer of at least 0');
  return value;
}

/** Options that the other kind of network has. */
const ofChains = ['layers', 'magnitude', 'inputDeviation'] as const;
const ofModels = ['steps', 'lr'] as const;

interface Study {
  readonly result: Readonly<Record<string, unknown>>;
  readonly tables: readonly ReportTable[];
  readonly page: ReportPage;
}

async function run(options: Options): Promise<void> {
  const { model, out, json = false } = options;
  for (const name of model === chain ? ofModels : ofChains) {
    if (options[name] === undefined) continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw invalid(
      flag,
      model === chain ? 'nothing with --model chain' : 'nothing without --model chain',
      options[name],
    );
  }
  const { result, tables, page } = model === chain ? await studyChain(options) : await studyModel(options);
  if (process.stderr.isTTY) onProgress('');
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(tables.map(text).join('\n'));
  if (out === undefined) return;
  prepareFolder(out);
  writeAtomically(join(out, 'variance.json'), `${JSON.stringify(result, null, 1)}\n`);
  const { report } = writeReport(out, page);
  if (!json) process.stdout.write(`\nreport: ${relative('', report)}\n`);
}

const text = ({ title, heads, rows, note }: ReportTable): string =>
  `${title}\n${table(heads, rows)}${note ? `${note}\n` : ''}`;

async function studyChain(options: Options): Promise<Study> {
  const { activations, layers = 20, width = 128, batch, draws = 100, seed, inputDeviation = 1, device } = options;
  const { init = [read.initialization('default')] } = options;
  const magnitudes = options.magnitude === undefined ? init.map(magnitudeOf) : [() => options.magnitude!];
  const chains: VarianceChain[] = [];
  for (const magnitude of magnitudes) {
    const onDraw = (done: number) => onProgress(`draw ${done} of ${draws}`);
    const setting = { activations, layers, width, batch, draws, seed, inputDeviation, device };
    chains.push(...(await varianceChain({ ...setting, magnitude, onDraw: process.stderr.isTTY ? onDraw : undefined })));
  }
  const settings = { model: chain, layers, width, batch, draws, seed, inputDeviation, device };
  const { versions, ...page } = { ...settings, versions: environment() };
  return {
    result: { command: 'variance', settings: { ...page, versions }, chains },
    tables: [...chainTables(chains), chainSummary(chains)],
    page: chainPage(chains, { ...page, versions }),
  };
}

/** Channels times Var[w] of a square layer. @throws ERR_INVALID_ARGUMENT for an initialiser whose weights are not independent */
function magnitudeOf({ text }: Initialization): (activation: Activation) => number {
  const [name = '', options = ''] = text.split(':');
  if (name === 'default') return defaultMagnitude;
  if (name === 'msra') return ({ slope }) => 2 / (1 + slope * slope);
  // Magnitude 3; a uniform variable's variance is a third of the square of its limit.
  if (name === 'xavier') return () => (options.includes('gaussian') ? 3 : 1);
  throw invalid('--init', 'default, msra or xavier with --model chain, whose weights are independent', text);
}

async function studyModel(options: Options): Promise<Study> {
  const { model, activations, init, width = defaultWidth, batch, draws = 1, seed, steps = 50, lr = 0.01 } = options;
  const { train, statistics, close } = await openData(options);
  try {
    const runs: VarianceRun[] = await variance({
      model: (made) => createModel(model, { width, classes: train.classes, ...made }),
      initializations: init,
      ...{ activations, train, statistics, steps, learningRate: lr, batch, draws, seed, device: options.device },
      onProgress,
    });
    const settings = {
      ...{ model, width, activations: activations.map(formatActivation).join(', ') },
      ...{ init: (init ?? []).map((one) => one.text).join(', ') || 'default' },
      ...{ data: options.data, images: train.count, batch, steps, learningRate: lr, draws, seed },
      ...{ device: options.device, versions: environment() },
    };
    return {
      result: { command: 'variance', settings, runs },
      tables: [...layerTables(runs, { all: options.all }), ...factorTables(runs)],
      page: variancePage(runs, `${model} at width ${width}`, settings),
    };
  } finally {
    await close();
  }
}

/** On a terminal one line that changes; stdout is for results. */
function onProgress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
  else process.stderr.write(`${what}\n`);
}
