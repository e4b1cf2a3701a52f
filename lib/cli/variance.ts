/** `saturnn variance`: measures Section 2 of the paper layer by layer, beside the prediction where there is one. */
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { paperActivations } from '../experiments/paper';
import { defaultMagnitude, predictedChainFields } from '../experiments/prediction/chain';
import { ResultFolder } from '../experiments/resultFolder';
import { chainDefaults, chainFields, type VarianceChain, varianceChain } from '../experiments/variance/chain';
import { chainPage, variancePage } from '../experiments/variance/report';
import { chainSummary, chainTables, factorTables, layerTables } from '../experiments/variance/tables';
import { type VarianceRun, variance, varianceDefaults, varianceFields } from '../experiments/variance/variance';
import { writeAtomically } from '../files/durable';
import { type Initialization, initializationForms, parseInitialization } from '../initial/initialization';
import { environment } from '../measure/harness';
import { createModel, models } from '../models';
import { modelSizeFor } from '../models/imageSize';
import { formatActivation } from '../ops/activation';
import { type Activation, parseActivation } from '../ops/activations';
import { numberWithin } from '../options/field';
import type { ReportPage, ReportTable } from '../report/page';
import { table } from '../report/textTable';
import { writeReport } from '../report/write';
import { openDevice } from '../runtime/device';
import { deviceOption, threadsOption } from './options/arithmetic';
import { addDataOptions, type DataOptions, openData } from './options/data';
import { addOptions, declare, doesNotApply, limitsText } from './options/declare';
import { batchOption, seedOption, stepsOption } from './options/length';
import { activationsOption, initOption, modelOption, widthOption } from './options/model';
import { lrOption } from './options/optimizer';
import { jsonOption, oneObject, outOption } from './options/output';
import * as read from './options/readers';
import { print } from './terminal/print';
import { clearStatusLine, statusLine } from './terminal/statusLine';

interface Options extends DataOptions {
  model: string;
  activations: Activation[];
  init?: Initialization[];
  device: string;
  threads?: number;
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
/** The default --width of a model, narrower than the model's own: every activation is trained and measured. */
const defaultWidth = 0.25;

// The ranges of --width and --draws depend on the model: the library checks them.
const positiveNumber = read.numberOf(numberWithin({ least: 0, open: 'least' }));

const drawsOption = declare({
  flags: '--draws <n>',
  help: 'how often the weights are drawn; the results are averaged',
  field: varianceFields.draws,
  read: read.positiveInteger,
  otherwise: `${varianceDefaults.draws}; chain: ${chainDefaults.draws}, ${limitsText(chainFields.draws.limits!)}`,
});

const layersOption = declare({
  flags: '--layers <n>',
  help: 'number of layers of --model chain',
  field: chainFields.layers,
  otherwise: `${chainDefaults.layers}`,
});

const magnitudeOption = declare({
  flags: '--magnitude <x>',
  help: 'channels times Var[w] of --model chain',
  field: predictedChainFields.magnitude,
  otherwise: 'that of --init',
});

const inputDeviationOption = declare({
  flags: '--input-deviation <x>',
  help: 'standard deviation of the gaussian inputs of --model chain',
  field: chainFields.inputDeviation,
  otherwise: `${chainDefaults.inputDeviation}`,
});

const allOption = declare({
  flags: '--all',
  help: 'print every layer, not only those on the longest path',
});

export function varianceCommand(): Command {
  const command = new Command('variance').description(
    'measure how far values and gradients spread in every layer, at step 0 and after training; on a plain chain, beside the prediction',
  );
  addOptions(
    command,
    modelOption({
      choices: [...Object.keys(models), chain],
      note: ', or chain: a plain chain of square layers, where the prediction holds',
    }),
    activationsOption({
      several: 'any',
      default: paperActivations.map(parseActivation),
      shown: paperActivations.join(','),
    }),
    initOption({
      argument: '<names...>',
      note: `, one or several: ${initializationForms}`,
      default: undefined,
      read: (text: string, before: Initialization[] | undefined) => [...(before ?? []), read.initialization(text)],
    }),
    widthOption({
      read: positiveNumber,
      default: undefined,
      note: `; of a chain, the channels of its layers (${limitsText(chainFields.width.limits!)})`,
      otherwise: `${defaultWidth}; chain: ${chainDefaults.width}`,
    }),
    batchOption({ field: chainFields.batch, default: varianceDefaults.batch }),
    drawsOption(),
    seedOption(),
    stepsOption({
      field: varianceFields.steps,
      note: 'before the second measurement; 0: there is none',
      otherwise: `${varianceDefaults.steps}`,
    }),
    lrOption({ note: 'of these steps', otherwise: `${varianceDefaults.learningRate}` }),
    ...[layersOption(), magnitudeOption(), inputDeviationOption(), allOption()],
    outOption({ note: ': a folder, for a report, charts, and everything as JSON' }),
    jsonOption({ note: oneObject }),
  );
  return addOptions(addDataOptions(command), deviceOption(), threadsOption()).action(run);
}

/** Options that only a chain, or only another model, has. */
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
    throw doesNotApply(flag, `to --model ${model}`, options[name]);
  }
  // Before anything is computed, so that a folder that cannot be written is found at once.
  using _results = out === undefined ? null : new ResultFolder(out);
  const { result, tables, page } = model === chain ? await studyChain(options) : await studyModel(options);
  clearStatusLine();
  if (json) print(`${JSON.stringify(result)}\n`);
  else print(tables.map(text).join('\n'));
  if (out === undefined) return;
  writeAtomically(join(out, 'variance.json'), `${JSON.stringify(result, null, 1)}\n`);
  const { report } = writeReport(out, page);
  if (!json) print(`\nreport: ${relative('', report)}\n`);
}

const text = ({ title, heads, rows, note }: ReportTable): string =>
  `${title}\n${table(heads, rows)}${note ? `${note}\n` : ''}`;

async function studyChain(options: Options): Promise<Study> {
  const { activations, batch, seed, device, layers = chainDefaults.layers, width = chainDefaults.width } = options;
  const { draws = chainDefaults.draws, inputDeviation = chainDefaults.inputDeviation } = options;
  const { init = [parseInitialization('default')] } = options;
  const magnitudes = options.magnitude === undefined ? init.map(magnitudeOf) : [() => options.magnitude!];
  const chains: VarianceChain[] = [];
  for (const magnitude of magnitudes) {
    const onDraw = (done: number) => statusLine(`draw ${done} of ${draws}`);
    const opened = openDevice(device, { threads: options.threads });
    const setting = { activations, layers, width, batch, draws, seed, inputDeviation, device: opened };
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

/**
 * Returns what --init makes of channels times Var[w] in a square layer.
 * @throws ERR_INVALID_ARGUMENT for an initialiser whose weights are not independent
 */
function magnitudeOf({ text }: Initialization): (activation: Activation) => number {
  const [name = '', options = ''] = text.split(':');
  if (name === 'default') return defaultMagnitude;
  if (name === 'msra') return ({ slope }) => 2 / (1 + slope * slope);
  // Magnitude 3; a uniform variable's variance is a third of the square of its limit.
  if (name === 'xavier') return () => (options.includes('gaussian') ? 3 : 1);
  throw doesNotApply(`--init ${text}`, 'to --model chain, whose weights are independent: use default, msra or xavier');
}

async function studyModel(options: Options): Promise<Study> {
  const { model, activations, init, width = defaultWidth, batch, seed } = options;
  const {
    draws = varianceDefaults.draws,
    steps = varianceDefaults.steps,
    lr = varianceDefaults.learningRate,
  } = options;
  const device = openDevice(options.device, { threads: options.threads });
  const { train, statistics, close } = await openData(options);
  try {
    const runs: VarianceRun[] = await variance({
      model: (made) => createModel(model, { width, classes: train.classes, ...modelSizeFor(train.shape), ...made }),
      initializations: init,
      ...{ activations, train, statistics, steps, learningRate: lr, batch, draws, seed, device },
      onProgress: statusLine,
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
