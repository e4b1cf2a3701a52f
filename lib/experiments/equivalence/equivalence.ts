/**
 * Compares sigmoid* with sigmoid: by the exact re-parametrisation, and by factors on the learning rate such as the paper's 4.
 */

import { generated, generatedClasses, generatedCounts } from '../../data/generated';
import { type ImageSource, imageBytes, sourceField } from '../../data/source';
import { type StatisticsOptions, statisticsField, statisticsOf } from '../../data/statistics';
import { invalid, type Range } from '../../errors';
import { type Model, madeModel, widthField } from '../../models/model';
import { momentumRange, weightDecayRange } from '../../optim/flatOptimizer';
import { rateField } from '../../optim/schedule';
import { anyOf, callback, flag, integer, number, oneOf, optional, signal } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import { seedRange } from '../../random';
import { type Device, deviceField, deviceOf, type Precision, precisionField } from '../../runtime/device';
import { precisionTable } from '../../runtime/precisions';
import { uploadImages } from '../../train/feed';
import { batchRange } from '../../train/trainerOptions';
import type { ContestImages } from './contestant';
import { type EquivalenceModelName, equivalenceModel, equivalenceModels } from './models';
import { rules } from './rules';
import { type Comparison, compareRules, type RuleRun } from './run';

export type { Comparison, RuleRun };

/** Options of equivalence(). */
export interface EquivalenceOptions {
  /**
   * The sigmoid* network: "chain" (eight 3x3 convolutions), "small" (two blocks of three branches; default), "smallMax" (the
   * same with max pools) or "inception33"; or a function that makes a network with new Parameters at each call and follows
   * `padding`.
   */
  model?: EquivalenceModelName | ((options: { padding: boolean; classes: number }) => Model);
  /**
   * Whether convolutions pad with zeros. Default: both ways are compared; for inception33, which needs padding, only true.
   */
  padding?: boolean;
  /** Training steps, 1 to 100,000. Default 100. */
  steps?: number;
  /** Learning rate of the sigmoid* network, 0 to 1e6. Default 0.03. */
  learningRate?: number;
  /** Momentum of all networks, 0 to 1. Default 0.9. */
  momentum?: number;
  /** Weight decay of the sigmoid* network, 0 to 1e6. Default 1e-4. */
  weightDecay?: number;
  /** Images per step. Default 16. */
  batch?: number;
  /** Number of test images whose logits are compared, the first of the test set. Default 16. */
  probe?: number;
  /** Height and width, in pixels, of the crops of a named network: at least 4 with padding, 20 without. Default 20. */
  size?: number;
  /** Factor on the channel counts of inception33. Default 0.25. */
  width?: number;
  /** Seed of the weights, the order of images, crops and mirrors, 0 to 2^31 - 1. Default 0. */
  seed?: number;
  /** Training images. `train` and `test` are given together. Default: as many generated images as are used. */
  train?: ImageSource;
  /** Test images. Default: as many generated images as `probe` says. */
  test?: ImageSource;
  /** Normalisation of pixels. Default: mean 0 and deviation 1 per channel over the training set. */
  statistics?: StatisticsOptions;
  /** A device, or its name for openDevice(). Default "auto". */
  device?: Device | string;
  /** f32, tf32 or bf16. Default f32. Not fp16, whose loss scaling may skip steps of one network only. */
  precision?: Precision;
  /** Stops the comparison between two steps; equivalence() then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step of all networks with the number of steps done and their total over all comparisons. */
  onStep?: (done: number, total: number) => void;
}

/** The defaults of EquivalenceOptions. */
export const equivalenceDefaults = {
  model: 'small',
  width: 0.25,
  size: 20,
  steps: 100,
  batch: 16,
  probe: 16,
  learningRate: 0.03,
  momentum: 0.9,
  weightDecay: 1e-4,
  precision: 'f32',
  seed: 0,
} as const satisfies EquivalenceOptions;
/** Limits of EquivalenceOptions.steps. */
const equivalenceStepsRange: Range = [1, 100_000];
/** Limits of EquivalenceOptions.size; without padding, some models need more than the least. */
const equivalenceSizeRange: Range = [4, 4096];

/** Schema of the options of equivalence(). */
export const equivalenceFields: Fields<EquivalenceOptions> = {
  model: optional(
    anyOf(
      `${equivalenceModels.join(', ')}, or a function that makes a Model`,
      oneOf(equivalenceModels),
      callback<MakeModel>(),
    ),
  ),
  padding: optional(flag),
  steps: optional(integer(...equivalenceStepsRange)),
  ...{ learningRate: optional(rateField), momentum: optional(number(momentumRange)) },
  weightDecay: optional(number(weightDecayRange)),
  ...{ batch: optional(integer(...batchRange)), probe: optional(integer(...batchRange)) },
  ...{ size: optional(integer(...equivalenceSizeRange)), width: optional(widthField) },
  seed: optional(integer(...seedRange)),
  ...{ train: optional(sourceField), test: optional(sourceField), statistics: optional(statisticsField) },
  ...{ device: optional(deviceField), precision: optional(precisionField) },
  ...{ signal: optional(signal), onStep: optional(callback()) },
};

const equivalenceOptions = new Options('equivalence()', equivalenceFields);
type MakeModel = (options: { padding: boolean; classes: number }) => Model;

/** Result of equivalence(). */
export interface EquivalenceResult {
  /** All settings, for reports. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** One comparison with padding, one without, or both in this order. */
  readonly comparisons: readonly Comparison[];
}

/**
 * Trains a sigmoid* network and, on the same batches, a sigmoid network by each rule of docs/equivalence.md. After every step
 * it measures how far each network's logits, parameters and loss are from those of the sigmoid* network.
 * @throws ERR_INVALID_ARGUMENT if an option is not valid, or a model of the caller has no sigmoid counterpart;
 * ERR_UNSUPPORTED if the device lacks the precision; what compile throws; the signal's reason
 */
export async function equivalence(given: EquivalenceOptions = {}): Promise<EquivalenceResult> {
  const options = equivalenceOptions.check(given);
  const {
    model = equivalenceDefaults.model,
    width = equivalenceDefaults.width,
    precision = equivalenceDefaults.precision,
  } = options;
  const { signal, onStep } = options;
  const pixels = { ...options.statistics }; // it is read later
  const ownModel = typeof model === 'function';
  const numbers = numbersOf(options);
  if (Boolean(options.train) !== Boolean(options.test))
    throw invalid('train and test', 'both or neither', 'one of them');
  if (precisionTable[precision].scalesLoss) throw invalid('precision', 'f32, tf32 or bf16', precision);
  const paddings = choosePaddings(options.padding, model === 'inception33');
  const { classes } = options.train ?? { classes: generatedClasses };
  const make = (padding: boolean) => () => {
    return ownModel
      ? madeModel(model({ padding, classes }))
      : equivalenceModel(model, { padding, classes, width, size: numbers.size });
  };
  // Made before data are read, so that options that do not fit are refused at once.
  const models = paddings.map((padding) => make(padding)());
  const device = deviceOf(options.device);
  device.checkPrecision(precision);
  const { train, test } = options.train && options.test ? { train: options.train, test: options.test } : draw(numbers);
  const resident = await uploadImages(train, device);
  const probe = await probeImages(test, Math.min(numbers.probe, test.count), device);
  try {
    const statistics = await statisticsOf(train, pixels);
    const comparisons: Comparison[] = [];
    for (const [index, padding] of paddings.entries()) {
      const before = index * numbers.steps;
      const comparison = await compareRules({
        ...{ ...numbers, model: make(padding), padding, rules, signal, device, precision, statistics, probe },
        ...{ train: { resident, shape: [train.count, ...train.shape] }, labels: train.labels },
        onStep: (step) => onStep?.(before + step, paddings.length * numbers.steps),
      });
      comparisons.push(comparison);
    }
    const { name, width: factor } = models[0]!;
    const settings = {
      ...{ model: name, width: factor, classes, ...numbers, precision },
      ...{ trainImages: train.count, device: device.name, deviceInfo: device.info },
    };
    return { settings, comparisons };
  } finally {
    resident.dispose();
    probe.resident.dispose();
  }
}

function numbersOf(options: EquivalenceOptions) {
  const { steps = equivalenceDefaults.steps, learningRate = equivalenceDefaults.learningRate } = options;
  const { momentum = equivalenceDefaults.momentum, weightDecay = equivalenceDefaults.weightDecay } = options;
  const { batch = equivalenceDefaults.batch, probe = equivalenceDefaults.probe } = options;
  const { size = equivalenceDefaults.size, seed = equivalenceDefaults.seed } = options;
  return { steps, learningRate, momentum, weightDecay, batch, probe, size, seed };
}

/** Generates only as many images as are used: generating an image takes longer than a step with it. */
function draw({ steps, batch, probe }: ReturnType<typeof numbersOf>) {
  const { train, test } = generatedCounts;
  return generated({ train: Math.min(steps * batch, train), test: Math.min(probe, test) });
}

function choosePaddings(padding: boolean | undefined, needsIt: boolean): readonly boolean[] {
  if (padding !== undefined) return [padding];
  return needsIt ? [true] : [true, false];
}

async function probeImages(source: ImageSource, count: number, device: Device): Promise<ContestImages> {
  const images = new Uint8Array(count * imageBytes(source));
  await source.read(
    Int32Array.from({ length: count }, (_, index) => index),
    images,
  );
  return { resident: device.upload(images), shape: [count, ...source.shape] };
}
