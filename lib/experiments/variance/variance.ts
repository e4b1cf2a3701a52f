/** Section 2 of the paper, measured: how far values and gradients spread in every layer of a network, before and in training. */
import { type ImageSource, Subset } from '../../data/source';
import type { StatisticsOptions } from '../../data/statistics';
import { checkInteger, checkNumber, checkOptions, invalid, SaturnnError } from '../../errors';
import { type Initialization, parseInitialization } from '../../initial/initialization';
import type { Initializer } from '../../initial/initializers';
import type { Model } from '../../models/model';
import { formatActivation } from '../../ops/activation';
import type { Activation } from '../../ops/activations';
import { type Device, deviceOf } from '../../runtime/device';
import { Trainer } from '../../train/trainer';
import type { FactorName } from './factors';
import { Gauge, type VarianceMoment } from './gauge';
import type { ChannelStatistics } from './statistics';

export interface VarianceOptions {
  /** Makes the network; its parameters must be new each time. */
  model: (options: { activation: Activation; initializer: Initializer | undefined }) => Model;
  activations: readonly Activation[];
  /** As parseInitialization() makes them. Default: the model's own. */
  initializations?: readonly Initialization[];
  /** What is trained on and measured with. */
  train: ImageSource;
  statistics?: StatisticsOptions;
  /** Training steps before the second measurement; 0: there is none. Default 50. */
  steps?: number;
  /** Default 0.01, for all activations. */
  learningRate?: number;
  /** Images per step, at least 2; default 64. */
  batch?: number;
  /** Seeds: of weights, order and crops. Variances are averaged over them. Default 1. */
  draws?: number;
  /** The first of the seeds; default 0. */
  seed?: number;
  device?: Device | string;
  /** Told of what is begun. */
  onProgress?: (text: string) => void;
}

export interface VarianceRun {
  readonly activation: string;
  readonly initialization: string;
  /** At step 0 and, where training went well in every seed, after the steps that were asked for. */
  readonly moments: readonly VarianceMoment[];
  /** Why training ended early. */
  readonly failure: string | null;
}

const modelsOwn = parseInitialization('default');

/**
 * Measures every activation with every initialiser at step 0 and after training. Statistics are ops of a plan that is the
 * next training step without its update.
 * @throws ERR_INVALID_ARGUMENT; what openDevice, compile and the initialisers throw
 */
export async function variance(options: VarianceOptions): Promise<VarianceRun[]> {
  const { initializations = [modelsOwn], activations, onProgress } = resolve(options);
  const runs: VarianceRun[] = [];
  for (const initialization of initializations) {
    for (const activation of activations) {
      onProgress?.(`${formatActivation(activation)}, ${initialization.text}`);
      runs.push(await measure(options, activation, initialization));
    }
  }
  return runs;
}

function resolve(options: VarianceOptions): VarianceOptions {
  checkOptions('{ model, activations, train }', options);
  const { model, activations, initializations = [modelsOwn], train } = options;
  if (typeof model !== 'function') throw invalid('model', 'a function that makes a Model', model);
  if (!Array.isArray(activations) || activations.length === 0)
    throw invalid('activations', 'at least one Activation', activations);
  if (!Array.isArray(initializations) || initializations.length === 0)
    throw invalid('initializations', 'at least one', initializations);
  checkInteger('steps', options.steps ?? 0, 0);
  checkInteger('draws', options.draws ?? 1, 1, 1000);
  checkInteger('batch', options.batch ?? 2, 2, train?.count);
  checkNumber('learningRate', options.learningRate ?? 0, 0, 1e6);
  return options;
}

async function measure(
  options: VarianceOptions,
  activation: Activation,
  initialization: Initialization,
): Promise<VarianceRun> {
  const { draws = 1, seed = 0 } = options;
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
  const { train, statistics = {}, steps = 50, learningRate = 0.01 } = options;
  const batch = options.batch ?? Math.min(64, train.count);
  const device = deviceOf(options.device);
  const model = options.model({ activation, initializer: initialization.initializer(activation) });
  // fit() ends with an evaluation that nobody asks for here: of one batch.
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

/** Of the same network with several seeds. Variances are averaged, and factors in their logarithm. */
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
