/** `saturnn estimate`: measures what memory and time a training run will take. */
import { Command } from 'commander';
import { evaluatedSet } from '../data/source';
import type { Validation } from '../data/validation';
import { type Estimate, estimate, uploadData } from '../measure/estimate';
import { table } from '../report/textTable';
import { renderSvg } from '../train/curves';
import { frozenBy } from '../train/fineTuning/freeze';
import { defaultBatch } from '../train/trainerOptions';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './options/arithmetic';
import { addDataOptions, type DataOptions, noTestOption, openData, validationOption } from './options/data';
import { addOptions } from './options/declare';
import { type FineTuneOptions, freezeOption } from './options/fineTune';
import { batchByDevice, batchOption, stepsOption } from './options/length';
import { addModelOptions, describeModelOptions, type ModelOptions, modelFrom } from './options/model';
import { addOptimizerOptions, type OptimizerOptions, optimizerFrom } from './options/optimizer';
import { jsonOption, oneObject } from './options/output';
import { networkSize } from './options/pictures';
import { print } from './terminal/print';

interface EstimateOptions
  extends DataOptions,
    ModelOptions,
    OptimizerOptions,
    ArithmeticOptions,
    Pick<FineTuneOptions, 'freeze'> {
  batch?: number[];
  /** False with --no-test. */
  test: boolean;
  validation?: Validation;
  steps: number;
  json?: boolean;
}

const defaultSteps = 5;

export function estimateCommand(): Command {
  const command = new Command('estimate').description('measure what memory and time a training run will take');
  addOptions(
    addArithmeticOptions(addOptimizerOptions(addModelOptions(addDataOptions(command)))),
    batchOption({ several: 'distinct', otherwise: batchByDevice }),
    stepsOption({ note: 'that are measured for each batch size', default: defaultSteps }),
    ...[noTestOption(), validationOption(), freezeOption(), jsonOption({ note: oneObject })],
  );
  return command.action(async (options: EstimateOptions) => {
    const report = await run(options);
    print(options.json ? `${JSON.stringify(report)}\n` : format(report));
  });
}

interface Report {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly estimates: readonly Estimate[];
}

async function run(options: EstimateOptions): Promise<Report> {
  const { precision, steps, labelSmoothing } = options;
  using device = openDeviceFor(options);
  const { batch = [defaultBatch(device)] } = options;
  const opened = await openData(options);
  const { train, test, mode, close } = opened;
  try {
    // A run draws its curves at the end: the modules that this loads are part of the process's memory.
    renderSvg('estimate', { epochs: [], steps: [] });
    const uploaded = mode === 'resident' ? await uploadData(device, { train, test }) : null;
    const common = { device, ...arithmeticOf(options), labelSmoothing, train, test, data: mode, steps };
    const estimates: Estimate[] = [];
    for (const size of batch) {
      // A model's parameters belong to one State: each batch size has its own.
      const model = modelFrom({ ...options, ...networkSize(opened, options) }, train);
      const fresh = { model, optimizer: optimizerFrom(options, model), batch: Math.min(size, train.count) };
      const frozen = frozenBy(options.freeze ?? [], model);
      estimates.push(await estimate({ ...common, ...fresh, frozen }, uploaded));
    }
    const settings = {
      ...{ model: options.model, width: options.width, ...describeModelOptions(options), precision },
      ...{ optimizer: options.optimizer, trainImages: train.count, testImages: test?.count ?? 0, data: mode },
      ...(test && { evaluated: evaluatedSet(test) }),
      ...(options.freeze && { freeze: options.freeze }),
      ...{ device: device.name, deviceInfo: device.info },
    };
    return { settings, estimates };
  } finally {
    await close();
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

const memoryRows = [
  ['process', 'processBytes'],
  ['data set', 'dataBytes'],
  ['state', 'stateBytes'],
  ['training step', 'trainingBytes'],
  ['evaluation step', 'evaluationBytes'],
  ['constants, inputs', 'otherBytes'],
  ['saving a checkpoint', 'checkpointBytes'],
  ['peak, resident', 'peakBytes'],
  ['of that the device', 'deviceBytes'],
] as const;

function format({ settings, estimates }: Report): string {
  const onHost = settings.device === 'cpu';
  const header = ['MB at batch', ...estimates.map(({ batch }) => String(batch))];
  const rows = memoryRows.map(([title, key]) => [
    key === 'deviceBytes' && !onHost ? 'and on the device' : title,
    ...estimates.map(({ memory }) => megabytes(memory[key])),
  ]);
  const times = estimates.map(({ batch, time }) => [
    String(batch),
    time.stepMilliseconds.toFixed(1),
    time.imagesPerSecond.toFixed(1),
    String(time.stepsPerEpoch),
    duration(time.epochSeconds),
  ]);
  const [first] = estimates;
  const evaluated = settings.evaluated ? ` and the ${settings.testImages} of the ${settings.evaluated} set` : '';
  const note = `Times are medians of ${first?.time.measuredSteps} measured steps; an epoch is ${settings.trainImages} images${evaluated}.`;
  const speed = table(['batch', 'ms a step', 'images/s', 'steps', 'an epoch'], times);
  return `${table(header, rows)}\n${speed}\n${note}\n`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
