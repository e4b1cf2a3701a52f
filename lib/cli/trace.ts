/** `saturnn trace`: times every kernel of a step, and compares it with what the machine can do. */
import { Command } from 'commander';
import { type Ceilings, measureCeilings } from '../measure/ceilings';
import { drawImages, PreparedStep, stateFor } from '../measure/preparedStep';
import { type Grouping, groupings, groupKernels, type StepTrace, type TraceRow, traceStep } from '../measure/stepTrace';
import { table } from '../report/textTable';
import { defaultBatch } from '../train/trainerOptions';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './options/arithmetic';
import { addOptions, declare } from './options/declare';
import { batchByDevice, batchOption, stepsOption } from './options/length';
import { addModelOptions, describeModelOptions, type ModelOptions, modelFrom } from './options/model';
import { addOptimizerOptions, type OptimizerOptions, optimizerFrom } from './options/optimizer';
import { jsonOption } from './options/output';
import { print } from './terminal/print';
import { percent } from './terminal/progress';

const inferenceOption = declare({ flags: '--inference', help: 'trace the forward pass alone' });

const defaultGrouping: Grouping = 'op';
const byOption = declare({
  flags: '--by <what>',
  help: 'the rows of the table: one for each op, layer or kernel',
  choices: groupings,
  default: defaultGrouping,
  shown: defaultGrouping,
});

interface TraceOptions extends ModelOptions, OptimizerOptions, ArithmeticOptions {
  batch?: number;
  inference?: boolean;
  steps: number;
  by: Grouping;
  json?: boolean;
}

const classes = 100;
const warmup = 2;
const defaultSteps = 5;

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
    'time every kernel of a step on random images, and compare with what the machine can do',
  );
  addOptions(
    addArithmeticOptions(addOptimizerOptions(addModelOptions(command))),
    batchOption({ otherwise: batchByDevice }),
    inferenceOption(),
    stepsOption({ note: 'that are traced; times are medians', default: defaultSteps }),
    byOption(),
    jsonOption({ note: ': one object, with every kernel' }),
  );
  return command.action(async (options: TraceOptions) => {
    const report = await trace(options);
    print(options.json ? `${JSON.stringify(report)}\n` : format(report, options.by));
  });
}

async function trace(options: TraceOptions): Promise<TraceReport> {
  const { precision, inference, steps, by, labelSmoothing } = options;
  using device = openDeviceFor(options);
  const { batch = defaultBatch(device) } = options;
  const model = modelFrom(options, { classes });
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

/** The columns that name a row, by grouping. */
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
