/**
 * Measures the variances of Section 2 of the paper: of values and gradients in every layer of a network, before and during
 * training.
 */

import { type ImageSource, Subset, sourceField } from '../../data/source';
import { type StatisticsOptions, statisticsField } from '../../data/statistics';
import { checkInteger, invalid, type Range, SaturnnError } from '../../errors';
import { type Initialization, parseInitialization } from '../../initial/initialization';
import type { Initializer } from '../../layers/initializers';
import { type Model, madeModel } from '../../models/model';
import { activationField, formatActivation } from '../../ops/activation';
import type { Activation } from '../../ops/activations';
import { rateField } from '../../optim/schedule';
import { anyNumber, arrayOf, callback, instance, integer, optional } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import { isCallback } from '../../options/values';
import { seedRange } from '../../random';
import { type Device, deviceField, deviceOf } from '../../runtime/device';
import { Trainer } from '../../train/trainer';
import type { FactorName } from './factors';
import { Gauge, type VarianceMoment } from './gauge';
import type { ChannelStatistics } from './statistics';

/** Options of variance(). */
export interface VarianceOptions {
  /** Makes the network, with new Parameters at each call. `initializer` is that of the convolutions; undefined: the default. */
  model: (options: { activation: Activation; initializer: Initializer | undefined }) => Model;
  /** Activations to measure, at least one. */
  activations: readonly Activation[];
  /**
   * Initialisations to measure, at least one. Each has `text` (its name in the result), `initializer` (returns an Initializer of
   * the convolutions' weights for an activation, or undefined: the model's default) and `prepare` (changes the weights before
   * training and resolves to null). Default: the model's own.
   */
  initializations?: readonly Initialization[];
  /** Images for training and measuring. */
  train: ImageSource;
  /** Normalisation of pixels. Default: mean 0 and deviation 1 per channel over the training set. */
  statistics?: StatisticsOptions;
  /** Training steps before the second measurement; 0 leaves it out. Default 50. */
  steps?: number;
  /** Learning rate of all trainings, 0 to 1e6. Default 0.01. */
  learningRate?: number;
  /** Images per step, from 2 to the number of images. Default 64, or all images if there are fewer. */
  batch?: number;
  /** Number of seeds (of weights, order and crops), 1 to 1000. Variances are averaged over them. Default 1. */
  draws?: number;
  /** The first of the seeds. Default 0. */
  seed?: number;
  /** A device, or its name for openDevice(). Default "auto". */
  device?: Device | string;
  /** Called with the activation and initialisation, as text, whose measurement begins. */
  onProgress?: (text: string) => void;
}

/** The defaults of VarianceOptions. */
export const varianceDefaults = { steps: 50, learningRate: 0.01, batch: 64, draws: 1, seed: 0 } as const;
/** Limits of VarianceOptions.draws. */
const varianceDrawsRange: Range = [1, 1000];
/** The fewest images per step that have a variance. */
const fewestImages = 2;

/** Accepts an Initialization. */
const initializationField = instance<Initialization>(
  'an Initialization such as parseInitialization("lsuv")',
  ({ initializer, prepare }) => isCallback(initializer) && isCallback(prepare),
);

/** Schema of the options of variance(). */
export const varianceFields: Fields<VarianceOptions> = {
  model: callback('a function that makes a Model'),
  activations: arrayOf(activationField, 'an array of activations'),
  initializations: optional(arrayOf(initializationField, 'an array of initialisations')),
  train: sourceField,
  statistics: optional(statisticsField),
  steps: optional(integer(0)),
  learningRate: optional(rateField),
  batch: optional(anyNumber),
  draws: optional(integer(...varianceDrawsRange)),
  seed: optional(integer(...seedRange)),
  device: optional(deviceField),
  onProgress: optional(callback()),
};

const varianceOptions = new Options('variance()', varianceFields);

/** Measurements with one activation and one initialisation. */
export interface VarianceRun {
  /** Text as parseActivation() reads it: "leakyTanh:0.25". */
  readonly activation: string;
  /** Text of the initialisation: "default". */
  readonly initialization: string;
  /** Measurements at step 0 and, unless training diverged with one of the seeds, after `steps` steps. */
  readonly moments: readonly VarianceMoment[];
  /** Message of the first seed whose training diverged; null: none. */
  readonly failure: string | null;
}

const modelsOwn = parseInitialization('default');

/**
 * Measures the variances of values and gradients in every layer, for every activation with every initialisation, at step 0
 * and after training. The measured plan is the next training step without its update, with statistics as further ops.
 * @throws ERR_INVALID_ARGUMENT if an option is not valid; what openDevice(), compile(), a Trainer and the initialisers throw
 */
export async function variance(given: VarianceOptions): Promise<VarianceRun[]> {
  const options = varianceOptions.check(given);
  const { initializations = [modelsOwn], activations, onProgress } = resolve(options);
  const pairs = initializations.flatMap((initialization) =>
    activations.map((activation) => ({ initialization, activation })),
  );
  const runs: VarianceRun[] = [];
  for (const { initialization, activation } of pairs) {
    onProgress?.(`${formatActivation(activation)}, ${initialization.text}`);
    runs.push(await measure(options, activation, initialization));
  }
  return runs;
}

function resolve(options: VarianceOptions): VarianceOptions {
  const { activations, initializations, train } = options;
  if (activations.length === 0) throw invalid('activations', 'at least one Activation', activations);
  if (initializations?.length === 0) throw invalid('initializations', 'at least one', initializations);
  checkInteger('batch', options.batch ?? fewestImages, fewestImages, train.count);
  return options;
}

async function measure(
  options: VarianceOptions,
  activation: Activation,
  initialization: Initialization,
): Promise<VarianceRun> {
  const { draws = varianceDefaults.draws, seed = varianceDefaults.seed } = options;
  const all: Drawn[] = [];
  for (let draw = 0; draw < draws; draw++)
    all.push(await measureSeed(options, activation, initialization, seed + draw));
  const failure = all.find((drawn) => drawn.failure !== null)?.failure ?? null;
  const count = Math.min(...all.map(({ moments }) => moments.length));
  return {
    activation: formatActivation(activation),
    initialization: initialization.text,
    moments: Array.from({ length: count }, (_, index) => averageOf(all.map(({ moments }) => moments[index]!))),
    failure,
  };
}

interface Drawn {
  readonly moments: readonly VarianceMoment[];
  readonly failure: string | null;
}

async function measureSeed(
  options: VarianceOptions,
  activation: Activation,
  initialization: Initialization,
  seed: number,
): Promise<Drawn> {
  const { train, statistics = {}, steps = varianceDefaults.steps } = options;
  const { learningRate = varianceDefaults.learningRate } = options;
  const batch = options.batch ?? Math.min(varianceDefaults.batch, train.count);
  const device = deviceOf(options.device);
  const model = madeModel(options.model({ activation, initializer: initialization.initializer(activation) }));
  // fit() ends with an evaluation, which is not needed here, so the test set is one batch.
  const test = new Subset(
    train,
    Int32Array.from({ length: Math.min(batch, train.count) }, (_, index) => index),
  );
  using trainer = new Trainer({ model, train, test, statistics, batch, learningRate, seed, device });
  await initialization.prepare({ model, state: trainer.state, dataset: train, statistics, device, seed });
  using gauge = await Gauge.of({ model, trainer, train, statistics, batch, activation, seed, device });
  const moments = [await gauge.measure()];
  if (steps === 0) return { moments, failure: null };
  try {
    for await (const _ of trainer.fit({ steps }));
  } catch (error) {
    if (!(error instanceof SaturnnError) || error.code !== 'ERR_NON_FINITE') throw error;
    return { moments, failure: error.message };
  }
  moments.push(await gauge.measure());
  return { moments, failure: null };
}

/** Averages the moments of several seeds: variances arithmetically, factors geometrically. */
function averageOf(moments: readonly VarianceMoment[]): VarianceMoment {
  const [first] = moments;
  const mean = (of: (moment: VarianceMoment) => number) =>
    moments.reduce((sum, moment) => sum + of(moment), 0) / moments.length;
  const statistics = (of: (moment: VarianceMoment) => ChannelStatistics): ChannelStatistics => ({
    variance: mean((moment) => of(moment).variance),
    meanSquare: mean((moment) => of(moment).meanSquare),
    betweenImages: mean((moment) => of(moment).betweenImages),
  });
  const geometric = (of: (moment: VarianceMoment) => number | null): number | null => {
    const values = moments.map(of);
    return values.includes(null) ? null : Math.exp(mean((moment) => Math.log(of(moment)!)));
  };
  return {
    step: first!.step,
    loss: mean(({ loss }) => loss),
    layers: first!.layers.map((layer, index) => ({
      ...layer,
      y: statistics(({ layers }) => layers[index]!.y),
      gradient: statistics(({ layers }) => layers[index]!.gradient),
    })),
    factors: first!.factors.map((factor, index) => {
      const of = (key: FactorName) => geometric(({ factors }) => factors[index]![key]);
      const measured = { forward: of('forward'), betweenImages: of('betweenImages'), backward: of('backward') };
      const predictions = { predictedForward: of('predictedForward'), predictedBackward: of('predictedBackward') };
      return { ...factor, ...measured, ...predictions };
    }),
  };
}
