/** `saturnn trace`: where the time of a step goes, and how much of the machine each kernel uses. */
import { Command, Option } from 'commander';
import { type Ceilings, measureCeilings } from '../measure/ceilings';
import { drawImages, PreparedStep, stateFor } from '../measure/preparedStep';
import { type Grouping, groupings, groupKernels, type StepTrace, type TraceRow, traceStep } from '../measure/stepTrace';
import { table } from '../report/textTable';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './arithmeticOptions';
import { addModelOptions, describeModelOptions, type ModelOptions, modelFrom } from './modelOptions';
import { addOptimizerOptions, type OptimizerOptions, optimizerFrom } from './optimizerOptions';
import * as read from './options';
import { percent } from './progress';

interface TraceOptions extends ModelOptions, OptimizerOptions, ArithmeticOptions {
  batch?: number;
  inference?: boolean;
  steps: number;
  by: Grouping;
  json?: boolean;
}

const classes = 100;
const warmup = 2;

interface TraceReport extends StepTrace {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly ceilings: Ceilings;
  readonly gigaflopsPerSecond: number;
  readonly gigabytesPerSecond: number;
  readonly arenaBytes: number;
  readonly rows: readonly TraceRow[];
}

export function traceCommand(): Command {
  const command = new Command('trace').description(
    'time every kernel of one step against what the machine can do; random images',
  );
  return addArithmeticOptions(addOptimizerOptions(addModelOptions(command)))
    .option('--batch <n>', 'images per step (default: 64 on the CPU, 128 on a GPU)', read.positiveInteger)
    .option('--inference', 'the forward pass alone')
    .option('--steps <n>', 'steps that are traced; times are medians', read.positiveInteger, 5)
    .addOption(new Option('--by <what>', 'rows: one per op, layer or kernel').choices(groupings).default('op'))
    .option('--json', 'print one JSON object, with every kernel')
    .action(async (options: TraceOptions) => {
      const report = await trace(options);
      process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : format(report, options.by));
    });
}

async function trace(options: TraceOptions): Promise<TraceReport> {
  const { precision, inference, steps, by, labelSmoothing } = options;
  using device = openDeviceFor(options);
  const { batch = device.backend === 'cpu' ? 64 : 128 } = options;
  const model = modelFrom(options, classes);
  const computation = { ...arithmeticOf(options), optimizer: optimizerFrom(options, model), labelSmoothing, inference };
  const stepOptions = { model, device, batch, ...computation };
  const { shape, images } = drawImages(model, batch);
  using resident = device.upload(images);
  using state = stateFor(stepOptions);
  const step = await PreparedStep.prepare(stepOptions, state, { images: resident, shape });
  const traced = await traceStep(step, { steps, warmup });
  const ceilings = await measureCeilings(device, precision);
  const total = (of: 'flops' | 'bytes') => traced.kernels.reduce((sum, kernel) => sum + kernel[of], 0);
  const settings = {
    ...{ model: model.name, width: options.width, ...describeModelOptions(options), optimizer: options.optimizer },
    ...{ batch, precision, inference: inference ?? false, steps, device: device.name, deviceInfo: device.info },
  };
  return {
    settings,
    ceilings,
    ...traced,
    gigaflopsPerSecond: total('flops') / traced.stepMilliseconds / 1e6,
    gigabytesPerSecond: total('bytes') / traced.stepMilliseconds / 1e6,
    arenaBytes: step.plan.arenaBytes,
    rows: groupKernels(traced, by, ceilings),
  };
}

/** Least and largest columns by grouping. */
const nameColumns: Readonly<Record<Grouping, readonly (keyof TraceRow)[]>> = {
  op: ['op'],
  layer: ['layer'],
  kernel: ['layer', 'op', 'implementation', 'shape'],
};

function format(report: TraceReport, by: Grouping): string {
  const { rows, ceilings, kernelMilliseconds, stepMilliseconds, kernels } = report;
  const names = nameColumns[by];
  const counts = by === 'kernel' ? [] : ['kernels'];
  const header = [...names, ...counts, 'ms', 'share', 'GFLOP/s', 'GB/s', 'of ceiling'];
  const cells = rows.map((row) => [
    ...names.map((name) => String(row[name])),
    ...counts.map(() => String(row.kernels)),
    row.milliseconds.toFixed(3),
    percent(row.share),
    row.gigaflopsPerSecond === null ? '-' : row.gigaflopsPerSecond.toFixed(0),
    row.gigabytesPerSecond.toFixed(1),
    percent(row.ofCeiling),
  ]);
  const speed = `${report.gigaflopsPerSecond.toFixed(0)} GFLOP/s, ${report.gigabytesPerSecond.toFixed(1)} GB/s`;
  const flops = `${ceilings.gigaflopsPerSecond.toFixed(0)} GFLOP/s (${report.settings.precision} matrix product, ${ceilings.implementation})`;
  const lines = [
    `${kernels.length} kernels: ${kernelMilliseconds.toFixed(2)} ms; a whole step: ${stepMilliseconds.toFixed(2)} ms, ${speed}`,
    `ceilings of this machine, measured now: ${flops}, ${ceilings.gigabytesPerSecond.toFixed(1)} GB/s (copy)`,
    'Operations are those of a direct convolution, of which Winograd needs fewer; bytes are the least that must move.',
  ];
  return `${table(header, cells)}\n${lines.join('\n')}\n`;
}
