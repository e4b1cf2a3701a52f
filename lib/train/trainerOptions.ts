import { type DataMode, dataModes, type ImageSource } from '../data/source';
import { checkStatisticsOptions, type StatisticsOptions } from '../data/statistics';
import { checkInteger, checkNumber, checkOptions, invalid, type Range } from '../errors';
import type { Model } from '../models/model';
import type { Optimizer } from '../optim/optimizer';
import { constantRate, learningRateRange, type Schedule } from '../optim/schedule';
import { Sgd } from '../optim/sgd';
import { type Device, deviceOf, type Precision } from '../runtime/device';
import type { Callback } from './callback';
import type { Description } from './checkpoint/checkpointInfo';

export interface TrainerOptions {
  model: Model;
  train: ImageSource;
  test: ImageSource;
  /**
   * "resident" (default): both sets lie on the device. "streaming": each step's images are gathered on the host while the
   * device works on those before. The results are the same.
   */
  data?: DataMode;
  /** What is subtracted from pixels and how they are scaled, from the training set; default: mean and deviation per channel. */
  statistics?: StatisticsOptions;
  /** A device, or its name for openDevice. Default "auto". */
  device?: Device | string;
  /** Images per step; default 64 on a CPU, 128 on a GPU, or all if there are fewer. */
  batch?: number;
  /** The same in every step; default 0.01. Or say `schedule`. */
  learningRate?: number;
  /** The learning rate of every step. */
  schedule?: Schedule;
  /** Default: Sgd with momentum 0.9 and weight decay 1e-4. */
  optimizer?: Optimizer;
  /** Part of the target that all classes share; default 0. Test loss has none. */
  labelSmoothing?: number;
  /** Default f32. @throws ERR_UNSUPPORTED by the first fit() where the device has no such arithmetic */
  precision?: Precision;
  /** Only kernels that give the same bits in every run; default true. */
  deterministic?: boolean;
  /** On a GPU, time the candidates of each convolution once; default true. */
  autotune?: boolean;
  /** Of initial weights, order and augmentation; default 0. */
  seed?: number;
  /** Told of every event, in this order. */
  callbacks?: readonly Callback[];
}

export type ResolvedOptions = Required<Omit<TrainerOptions, 'device' | 'learningRate'>> & {
  readonly device: Device;
  /** Of a schedule that has no other description. */
  readonly learningRate: number | null;
};

/** The defaults of TrainerOptions. */
export const trainerDefaults = {
  data: 'resident',
  learningRate: 0.01,
  labelSmoothing: 0,
  seed: 0,
  precision: 'f32',
  deterministic: true,
  autotune: true,
} as const satisfies Partial<TrainerOptions>;
/** Images per step by default, where the training set has as many. */
export const defaultBatches = { cpu: 64, gpu: 128 } as const;
/** Limits of TrainerOptions.batch. */
export const batchRange: Range = [1, 65536];

/** Returns the images per step by default on a device, where the training set has as many. */
export const defaultBatch = ({ backend }: Device): number =>
  backend === 'cpu' ? defaultBatches.cpu : defaultBatches.gpu;

/** With trainerDefaults. @throws ERR_INVALID_ARGUMENT; what openDevice throws */
export function resolveTrainerOptions(options: TrainerOptions): ResolvedOptions {
  checkOptions('{ model, train, test }', options);
  const {
    model,
    train,
    test,
    statistics = {},
    learningRate,
    schedule,
    optimizer = new Sgd(),
    callbacks = [],
  } = options;
  const {
    data = trainerDefaults.data,
    labelSmoothing = trainerDefaults.labelSmoothing,
    seed = trainerDefaults.seed,
  } = options;
  const { precision = trainerDefaults.precision } = options;
  const { deterministic = trainerDefaults.deterministic, autotune = trainerDefaults.autotune } = options;
  checkModel(model);
  checkSource('train', train, model);
  checkSource('test', test, model);
  if (String(train.shape) !== String(test.shape))
    throw invalid('shape of test', `train's [${train.shape}]`, test.shape);
  if (!dataModes.includes(data)) throw invalid('data', dataModes.join(' or '), data);
  checkStatisticsOptions(statistics);
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw invalid('labelSmoothing', 'at least 0, below 1', labelSmoothing);
  checkCallbacks(callbacks);
  if (typeof optimizer?.update !== 'function') throw invalid('optimizer', 'an Optimizer', optimizer);
  const device = deviceOf(options.device);
  device.checkPrecision(precision);
  const { batch = Math.min(defaultBatch(device), train.count) } = options;
  checkInteger('batch', batch, ...batchRange);
  if (batch > train.count) throw invalid('batch', `at most the ${train.count} images of train`, batch);
  const rate = resolveRate(learningRate, schedule);
  const machine = { device, precision, deterministic, autotune };
  const sources = { train, test, data, statistics };
  return { model, ...sources, ...machine, batch, optimizer, labelSmoothing, seed, callbacks, ...rate };
}

function resolveRate(learningRate: number | undefined, schedule: Schedule | undefined) {
  if (schedule === undefined) {
    const { rate = trainerDefaults.learningRate } = { rate: learningRate };
    return { schedule: constantRate(rate), learningRate: rate };
  }
  if (learningRate !== undefined) throw invalid('options', 'one of learningRate and schedule', 'both');
  if (typeof schedule?.at !== 'function') throw invalid('schedule', 'a Schedule', schedule);
  return { schedule, learningRate: null };
}

/** What a resumed run must have in common with the one before, beside model and data, to compute the same. */
export function describeSettings(options: ResolvedOptions): Description {
  const { batch, seed, precision, deterministic, statistics, labelSmoothing, optimizer, schedule, learningRate } =
    options;
  const rate = learningRate ?? describeSchedule(schedule);
  return {
    batch,
    seed,
    precision,
    // Only where it is not the default, which runs of earlier versions had.
    ...(deterministic ? {} : { deterministic }),
    statistics,
    labelSmoothing,
    optimizer: describeObject(optimizer),
    learningRate: rate,
  };
}

/** By the rates that it gives in a run of some length; by its settings where they depend on what it has seen. */
function describeSchedule(schedule: Schedule): Description {
  const { name, settings } = schedule;
  if (schedule.save) return { name, ...settings };
  const length = { stepsPerEpoch: 10, totalSteps: 1000 };
  return { name, rates: [0, 1, 10, 100, 500, 900, 999].map((step) => schedule.at(step, length)) };
}

/** Kind and fields. JSON would make an empty object of every RegExp. */
export function describeObject(object: object): Description {
  const fields = JSON.stringify(object, (_, value) => (value instanceof RegExp ? String(value) : value));
  return { kind: object.constructor.name, ...JSON.parse(fields) };
}

/** The learning rate of a step. @throws ERR_INVALID_ARGUMENT naming schedule and step, if it is no number that can be used */
export function checkScheduledRate(rate: number, { name }: Schedule, step: number): number {
  return checkNumber(`learning rate of schedule "${name}" at step ${step}`, rate, ...learningRateRange);
}

function checkModel(model: Model): void {
  const parts = [model?.parameters, model?.inputShape];
  if (typeof model?.forward !== 'function' || !parts.every(Array.isArray)) throw invalid('model', 'a Model', model);
}

function checkSource(name: string, source: ImageSource, model: Model): void {
  const parts = source instanceof Object && Array.isArray(source.shape) && source.labels instanceof Int32Array;
  if (!parts || typeof source.read !== 'function') throw invalid(name, 'a Dataset or another ImageSource', source);
  const { classes, shape, count, labels } = source;
  if (!(count > 0)) throw invalid(name, 'at least one image', count);
  if (labels.length !== count) throw invalid(`labels of ${name}`, `one for each of ${count} images`, labels.length);
  // -1 would mask an image, and a label beyond the classes make every loss NaN.
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0) throw invalid(`labels[${wrong}] of ${name}`, `an integer from 0 to ${classes - 1}`, labels[wrong]);
  if (classes > model.classes) throw invalid(`classes of ${name}`, `at most the model's ${model.classes}`, classes);
  const [height, width, channels] = shape;
  const [modelHeight, modelWidth, modelChannels] = model.inputShape;
  if (height < modelHeight || width < modelWidth) {
    throw invalid(
      `image size of ${name}`,
      `at least the model's ${modelHeight}x${modelWidth} (its option "size")`,
      `${height}x${width}`,
    );
  }
  if (channels !== modelChannels) throw invalid(`channels of ${name}`, `the model's ${modelChannels}`, channels);
}

function checkCallbacks(callbacks: readonly Callback[]): void {
  if (!Array.isArray(callbacks)) throw invalid('callbacks', 'an array', callbacks);
  const names = new Set<string>();
  for (const callback of callbacks) {
    if (typeof callback?.name !== 'string') throw invalid('callbacks', 'objects with a name', callback);
    if (names.has(callback.name)) throw invalid('callbacks', 'different names', callback.name);
    names.add(callback.name);
    if (callback.everySteps !== undefined) checkInteger(`everySteps of "${callback.name}"`, callback.everySteps, 1);
  }
}
