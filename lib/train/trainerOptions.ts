import { types } from 'node:util';
import { Augmenter } from '../data/augmentation/augmenter';
import {
  type Augmentation,
  augmentationsField,
  checkAugmentations,
  formatAugmentation,
} from '../data/augmentation/kinds';
import { type DataMode, dataModeField, type ImageSource, type Split, sourceField } from '../data/source';
import { type Statistics, type StatisticsOptions, statisticsField } from '../data/statistics';
import { checkInteger, checkNumber, invalid, type Range } from '../errors';
import { type Model, modelField } from '../models/model';
import { labelSmoothingField } from '../ops/classification';
import type { Optimizer } from '../optim/optimizer';
import { constantRate, learningRateRange, rateField, type Schedule, scheduleField } from '../optim/schedule';
import { Sgd } from '../optim/sgd';
import { arrayOf, type Field, flag, instance, integer, optional, pathField } from '../options/field';
import { type Fields, Options } from '../options/options';
import { patternField } from '../options/selection';
import { isCallback } from '../options/values';
import { seedRange } from '../random';
import { type Device, deviceField, deviceOf, type Precision, precisionField } from '../runtime/device';
import { precisionTable } from '../runtime/precisions';
import { type Callback, callbackField, checkHooks } from './callback';
import { type Description, hashOf } from './checkpoint/checkpointInfo';
import { type ClassWeights, checkClassWeights, classWeightsField, classWeightsOf } from './classWeights';
import { checkEvaluateEvery, type EvaluateEvery, evaluateEveryDefault, evaluateEveryField } from './evaluateEvery';
import { type Frozen, frozenBy } from './fineTuning/freeze';
import { headField, type ResolvedNetwork, resolveNetwork } from './fineTuning/network';
import { type Loss, lossField, type ResolvedLoss, resolveLoss } from './loss/loss';
import type { HeadOptions } from './modelFile/loadModel';

/** Options of a Trainer. */
export interface TrainerOptions {
  /**
   * The model to train. It must not belong to another State: make a new one for each Trainer. Default: the network of the file
   * `weights`, which needs no code.
   */
  model?: Model;
  /**
   * A file of weights with which the training begins: a model file, or, for a `model`, also safetensors of PyTorch with the natural
   * names (docs/weights.md). It must have all weights of the model and no others. Images are normalised as the file says, unless
   * `statistics` is given. Default: the model's own first values.
   */
  weights?: string;
  /**
   * Gives the network of `weights` a new last layer with so many classes, of random weights. A `model` has it already: then its last
   * layer is not read from the file. Default: the last layer stays.
   */
  head?: HeadOptions;
  /** The training set. Its images are at least as large as the model's input; each step augments them. */
  train: ImageSource;
  /**
   * Patterns of names: what they select is not trained. A pattern fits the name of a parameter, of running statistics, or of a layer that
   * contains them ("3*" all of 3a and 3b; "classifier/bias" one parameter); `*` stands for one or more characters of a part of the name, `**`
   * for one or more whole parts. Frozen parameters keep their values and cost neither a gradient nor memory of the optimizer.
   * Frozen running statistics keep theirs, and their batch normalisation normalises with them. Dropout stays. Default: none.
   */
  freeze?: readonly string[];
  /**
   * The test set, with images of the same shape. It is evaluated after each epoch, cropped at the centre. Without one, events have no
   * test metrics; what compares epochs by one takes that of the training set, unless the metric was chosen.
   */
  test?: ImageSource;
  /**
   * When the test set is evaluated: `{ epochs: n }` or `{ steps: n }`; default after every epoch. It is also evaluated at the end of
   * fit(). With steps, an evaluation within an epoch yields an epoch event whose `complete` is false. What compares epochs by a metric of
   * the test set (early stopping, plateauRate()) counts evaluations that were due, not that of the end.
   */
  evaluateEvery?: EvaluateEvery;
  /**
   * "resident" (default): both sets are in the device's memory. "streaming": the host gathers the images of each step while the
   * device computes the steps before. The results are the same.
   */
  data?: DataMode;
  /**
   * How training images are changed at random, in this order: see the functions of `augmentations`. It depends on the seed, the epoch
   * and the index of an image. Default: that of the training set, which is random crops and mirrors for CIFAR and generated images,
   * as in the paper, and none for others. The training loss and accuracy are those of augmented images; where images are mixed,
   * accuracy counts an image's own label.
   */
  augmentation?: readonly Augmentation[];
  /**
   * Normalisation of the pixels, computed from the training set. Default: that of `weights` if the file says it, else by mean and
   * standard deviation per channel.
   */
  statistics?: StatisticsOptions;
  /** A device, or its name for openDevice. Default "auto". */
  device?: Device | string;
  /** Images per step, 1 to 65536 and at most the training set. Default 64 on a CPU, 128 on a GPU, or all images if fewer. */
  batch?: number;
  /**
   * The number of equal parts in which each step is computed, one after the other, 1 to 65536; a divisor of `batch`. The gradients of the
   * parts are summed before the weights change, so the results are those of the whole batch up to rounding, and the memory is that of
   * batch / accumulate images. Batch normalisation takes its statistics from each part, and its running statistics follow the last one;
   * dropout draws other numbers for each part; mixup and cutmix mix the images of a part. Not with precision "fp16". Default 1.
   */
  accumulate?: number;
  /** A learning rate for all steps, 0 to 1e6; default 0.01. Give either this or `schedule`. */
  learningRate?: number;
  /** The learning rate of every step, for example cosineRate(). Give either this or `learningRate`. */
  schedule?: Schedule;
  /** Default: Sgd with momentum 0.9 and weight decay 1e-4. */
  optimizer?: Optimizer;
  /**
   * The loss: "crossEntropy" (default; of the labels or, if the sets have targets, of these as probabilities of the classes),
   * "meanSquaredError", "meanAbsoluteError" or "binaryCrossEntropy" (several labels per image), which compare the outputs of the
   * network with the targets of the sets; or a function that makes the loss, f32 [1], of `{ outputs, labels, targets, weights }`. What
   * the events have as metrics depends on it: accuracies only if the network computes classes.
   */
  loss?: Loss;
  /**
   * Part of the target probability that is divided equally among all classes: 0 to below 1, default 0. The test loss has
   * none.
   */
  labelSmoothing?: number;
  /**
   * Factors on the losses of training images, by their class: "balanced" gives every class the same share of the loss however many
   * images it has; or one number from 0 to 1e6 per class. The mean still divides by the number of images. Default: none. The
   * training loss is then the weighted one; the test loss and all accuracies have no weights.
   */
  classWeights?: ClassWeights;
  /** Arithmetic of the plans. Default "f32". The constructor throws ERR_UNSUPPORTED if the device does not have it. */
  precision?: Precision;
  /** Use only kernels that give the same bits in every run. Default true; without it some convolutions may be faster on a GPU. */
  deterministic?: boolean;
  /** On a GPU, time the candidates of each convolution and keep the fastest (seconds, at the first compile). Default true. */
  autotune?: boolean;
  /** Seed of initial weights, order of the images, augmentation and dropout: 0 to 2^31 - 1, default 0. */
  seed?: number;
  /** Objects that are called at every event, in this order. Their names must be different. Default: none. */
  callbacks?: readonly Callback[];
}

/** TrainerOptions with all defaults, an opened device, and always a schedule. */
export type ResolvedOptions = Required<
  Omit<TrainerOptions, 'device' | 'test' | 'learningRate' | 'classWeights' | 'weights' | 'head' | 'loss'>
> & {
  /** The network and its first values. */
  readonly network: ResolvedNetwork;
  /** Null: the last layer stays, or there are no other weights. */
  readonly head: HeadOptions | null;
  /** Null: there is none. */
  readonly test: ImageSource | null;
  /** What `freeze` selects. */
  readonly frozen: Frozen;
  readonly device: Device;
  /** Draws what `augmentation` says. */
  readonly augmenter: Augmenter;
  readonly loss: ResolvedLoss;
  /** As given; null: none. */
  readonly classWeights: ClassWeights | null;
  /** Images that a plan computes at the same time: batch / accumulate. */
  readonly part: number;
  /** A weight per class of the training set; null without class weights. */
  readonly weightsByClass: Float32Array | null;
  /** The constant learning rate; null if `schedule` was given. */
  readonly learningRate: number | null;
};

/** The defaults of TrainerOptions. */
export const trainerDefaults = {
  data: 'resident',
  learningRate: 0.01,
  loss: 'crossEntropy',
  labelSmoothing: 0,
  accumulate: 1,
  seed: 0,
  precision: 'f32',
  deterministic: true,
  autotune: true,
} as const satisfies Partial<TrainerOptions>;
/** Images per step by default, where the training set has as many. */
export const defaultBatches = { cpu: 64, gpu: 128 } as const;
/** Limits of TrainerOptions.batch. */
export const batchRange: Range = [1, 65536];

/** Accepts an Optimizer. */
const optimizerField: Field<Optimizer> = instance<Optimizer>('an Optimizer', ({ update }) => isCallback(update));

/** Schema of the options of a Trainer. */
export const trainerFields: Fields<TrainerOptions> = {
  ...{ model: optional(modelField), weights: optional(pathField), head: optional(headField) },
  ...{ train: sourceField, test: optional(sourceField) },
  freeze: optional(arrayOf(patternField, 'an array of patterns of names')),
  evaluateEvery: optional(evaluateEveryField),
  ...{ data: optional(dataModeField), statistics: optional(statisticsField) },
  augmentation: optional(augmentationsField),
  ...{ device: optional(deviceField), batch: optional(integer(...batchRange)) },
  accumulate: optional(integer(...batchRange)),
  ...{ learningRate: optional(rateField), schedule: optional(scheduleField), optimizer: optional(optimizerField) },
  loss: optional(lossField),
  labelSmoothing: optional(labelSmoothingField),
  classWeights: optional(classWeightsField),
  ...{ precision: optional(precisionField), deterministic: optional(flag), autotune: optional(flag) },
  seed: optional(integer(...seedRange)),
  callbacks: optional(arrayOf(callbackField, 'an array of callbacks')),
};

const trainerOptions = new Options('Trainer', trainerFields);

/** Returns a training's training or test set. @throws ERR_INVALID_ARGUMENT if it has none */
export function sourceOf(options: Pick<ResolvedOptions, Split>, split: Split): ImageSource {
  const source = options[split];
  if (!source) throw invalid('data', 'a set that this Trainer has: it has no test set,', split);
  return source;
}

/** Returns the images per step by default on a device, where the training set has as many. */
export const defaultBatch = ({ backend }: Device): number =>
  backend === 'cpu' ? defaultBatches.cpu : defaultBatches.gpu;

/** Checks the options, fills in the defaults and opens the device. @throws ERR_INVALID_ARGUMENT; what openDevice throws */
export function resolveTrainerOptions(given: TrainerOptions): ResolvedOptions {
  const options = trainerOptions.check(given);
  const network = resolveNetwork(options);
  const { model } = network;
  const {
    train,
    head = null,
    test = null,
    evaluateEvery = evaluateEveryDefault,
    statistics = {},
    learningRate,
    schedule,
    optimizer = new Sgd(),
    classWeights = null,
    callbacks = [],
    freeze = [],
  } = options;
  const {
    data = trainerDefaults.data,
    labelSmoothing = trainerDefaults.labelSmoothing,
    seed = trainerDefaults.seed,
  } = options;
  const { precision = trainerDefaults.precision } = options;
  const { deterministic = trainerDefaults.deterministic, autotune = trainerDefaults.autotune } = options;
  checkSource('train', train, model);
  if (test) checkSource('test', test, model);
  if (test && String(train.shape) !== String(test.shape))
    throw invalid('shape of test', `train's [${train.shape}]`, test.shape);
  checkCallbacks(callbacks);
  const frozen = frozenBy(freeze, model);
  const device = deviceOf(options.device);
  device.checkPrecision(precision);
  const { batch = Math.min(defaultBatch(device), train.count) } = options;
  if (batch > train.count) throw invalid('batch', `at most the ${train.count} images of train`, batch);
  const { accumulate = trainerDefaults.accumulate } = options;
  checkAccumulate(accumulate, { batch, precision, optimizer });
  const rate = resolveRate(learningRate, schedule);
  const machine = { device, precision, deterministic, autotune };
  const sources = {
    train,
    test,
    evaluateEvery: checkEvaluateEvery(evaluateEvery),
    data,
    statistics: { ...statistics },
  };
  const augmentation = checkAugmentations(options.augmentation ?? train.augmentation ?? []);
  const settings = { model, train, test, labelSmoothing, classWeights, augmentation, accumulate };
  const loss = resolveLoss(options.loss ?? trainerDefaults.loss, settings);
  const [height, width] = model.inputShape;
  const { shape: stored, labels } = train;
  const augmenter = new Augmenter({ augmentation, seed, stored, size: [height, width], labels });
  checkMean(augmentation, statistics);
  const images = { augmentation, augmenter };
  return {
    model,
    network,
    head,
    freeze,
    frozen,
    ...sources,
    ...images,
    ...machine,
    ...{ batch, accumulate, part: batch / accumulate },
    optimizer,
    loss,
    ...{ labelSmoothing, ...resolveWeights(classWeights, train) },
    seed,
    callbacks: [...callbacks],
    ...rate,
  };
}

/** Checks that colours can be changed, which needs a mean that does not move with the pixels. @throws ERR_INVALID_ARGUMENT */
function checkMean(augmentation: readonly Augmentation[], { per }: StatisticsOptions): void {
  if (per !== 'pixel' || !augmentation.some(({ kind }) => kind === 'colourJitter')) return;
  throw invalid('augmentation colourJitter', 'statistics.per "channel"', per);
}

/** Checks that steps can be computed in parts. @throws ERR_INVALID_ARGUMENT */
function checkAccumulate(
  accumulate: number,
  { batch, precision, optimizer }: Required<Pick<TrainerOptions, 'batch' | 'precision' | 'optimizer'>>,
): void {
  if (accumulate === 1) return;
  if (batch % accumulate !== 0) throw invalid('accumulate', `a divisor of the batch, ${batch},`, accumulate);
  if (precisionTable[precision].scalesLoss)
    throw invalid('precision', 'f32, tf32 or bf16 with accumulate, as the loss is not scaled in parts,', precision);
  if (optimizer.accumulates !== true) throw invalid('optimizer', 'one that sums gradients, for accumulate,', optimizer);
}

function resolveWeights(given: ClassWeights | null, { labels, classes }: ImageSource) {
  if (given === null) return { classWeights: null, weightsByClass: null };
  const classWeights = checkClassWeights(given);
  return { classWeights, weightsByClass: classWeightsOf(classWeights, labels, classes) };
}

function resolveRate(learningRate: number | undefined, schedule: Schedule | undefined) {
  if (schedule === undefined) {
    const { rate = trainerDefaults.learningRate } = { rate: learningRate };
    return { schedule: constantRate(rate), learningRate: rate };
  }
  if (learningRate !== undefined) throw invalid('options', 'one of learningRate and schedule', 'both');
  return { schedule, learningRate: null };
}

/** Returns the settings, beside model and data, that a resumed run must share with the one before to compute the same. */
export function describeSettings(options: ResolvedOptions): Description {
  const { batch, seed, precision, deterministic, statistics, optimizer, schedule, learningRate } = options;
  const { loss, labelSmoothing, classWeights, augmentation, evaluateEvery, freeze, head, network, accumulate } =
    options;
  const rate = learningRate ?? describeSchedule(schedule);
  return {
    batch,
    seed,
    precision,
    // Left out if it is the default: checkpoints of earlier versions do not have it.
    ...(deterministic ? {} : { deterministic }),
    statistics: network.normalization ? describeNormalization(network.normalization) : statistics,
    augmentation: formatAugmentation(augmentation),
    ...(loss.name !== trainerDefaults.loss && { loss: loss.name }),
    labelSmoothing,
    ...(classWeights && { classWeights }),
    ...(accumulate > 1 && { accumulate }),
    ...(freeze.length > 0 && { freeze }),
    ...(head && { head }),
    ...(evaluateEvery.epochs !== 1 && { evaluateEvery }),
    optimizer: describeObject(optimizer),
    learningRate: rate,
  };
}

/** Describes a normalisation that a file has given; a mean image by its hash. */
const describeNormalization = ({ mean, scale }: Statistics): Description => ({
  mean: mean.length > 4 ? hashOf([...mean]) : [...mean],
  scale: [...scale],
});

/** Describes a schedule by its rates at some steps of a run of 1000; one that depends on metrics by its settings. */
function describeSchedule(schedule: Schedule): Description {
  const { name, settings } = schedule;
  if (schedule.save) return { name, ...settings };
  const length = { stepsPerEpoch: 10, totalSteps: 1000 };
  return { name, rates: [0, 1, 10, 100, 500, 900, 999].map((step) => schedule.at(step, length)) };
}

/** Describes an object by the name of its class and its fields. A RegExp is written as text; JSON would make {} of it. */
export function describeObject(object: object): Description {
  const fields = JSON.stringify(object, (_, value) => (types.isRegExp(value) ? String(value) : value));
  return { kind: object.constructor.name, ...JSON.parse(fields) };
}

/** Checks a schedule's learning rate for a step. @throws ERR_INVALID_ARGUMENT, naming schedule and step, unless it is 0 to 1e6 */
export function checkScheduledRate(rate: number, { name }: Schedule, step: number): number {
  return checkNumber(`learning rate of schedule "${name}" at step ${step}`, rate, ...learningRateRange);
}

function checkSource(name: string, source: ImageSource, model: Model): void {
  if (!types.isInt32Array(source.labels)) throw invalid(`labels of ${name}`, 'an Int32Array', source.labels);
  const { classes, shape, count, labels } = source;
  if (!(count > 0)) throw invalid(name, 'at least one image', count);
  if (labels.length !== count) throw invalid(`labels of ${name}`, `one for each of ${count} images`, labels.length);
  // The label -1 would mask an image, and a label beyond the classes would make every loss NaN.
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
  const names = new Set<string>();
  for (const callback of callbacks) {
    checkHooks(callback);
    if (names.has(callback.name)) throw invalid('callbacks', 'different names', callback.name);
    names.add(callback.name);
    if (callback.everySteps !== undefined) checkInteger(`everySteps of "${callback.name}"`, callback.everySteps, 1);
  }
}
