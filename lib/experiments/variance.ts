/** Section 2 of the paper, measured: how far values and gradients spread in every layer of a network, before and in training. */
import { compile, type Plan } from '../compile';
import { DataLoader } from '../data/loader';
import { type ImageSource, imageBytes, Subset } from '../data/source';
import { type StatisticsOptions, statisticsOf } from '../data/statistics';
import { type Device, deviceOf } from '../device';
import { checkInteger, checkNumber, checkOptions, invalid, SaturnnError } from '../errors';
import { type Initialization, parseInitialization } from '../initialization';
import type { Initializer } from '../initializers';
import type { Model } from '../models/model';
import { type Activation, formatActivation } from '../ops/activation';
import { Trainer } from '../train/trainer';
import { type Factor, type FactorName, factorsOf } from './varianceFactors';
import { gradientKey, type Probe, probeGraph } from './varianceProbe';
import { type ChannelStatistics, readStatistics } from './varianceStatistics';

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
  /** Images per step; default 64. */
  batch?: number;
  /** Seeds: of weights, order and crops. Variances are averaged over them. Default 1. */
  draws?: number;
  /** The first of the seeds; default 0. */
  seed?: number;
  device?: Device | string;
  /** Told of what is begun. */
  onProgress?: (text: string) => void;
}

/** Of one pre-activation y. Averages over seeds. */
export interface VarianceLayer {
  readonly name: string;
  /** Convolutions and linear layers on the longest way to it, its own included. */
  readonly depth: number;
  readonly onLongestPath: boolean;
  /** y: over batch and position within a channel, averaged over channels. */
  readonly y: ChannelStatistics;
  /** dE/dy, the same way, E being the loss of one image. */
  readonly gradient: ChannelStatistics;
}

/** A network at one moment. */
export interface VarianceMoment {
  /** Training steps done. */
  readonly step: number;
  /** Of the batch that was measured. */
  readonly loss: number;
  readonly layers: readonly VarianceLayer[];
  /** What each convolution, activation, pool and concatenation does to variances. */
  readonly factors: readonly Factor[];
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
  checkInteger('batch', options.batch ?? 1, 1, train?.count);
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

interface GaugeOptions {
  readonly model: Model;
  readonly trainer: Trainer;
  readonly train: ImageSource;
  readonly statistics: StatisticsOptions;
  readonly batch: number;
  readonly activation: Activation;
  readonly seed: number;
  readonly device: Device;
}

/** Measures a Trainer's model with the batch that its next step takes. */
class Gauge {
  private constructor(
    private readonly options: GaugeOptions,
    private readonly probe: Probe,
    private readonly plan: Plan,
  ) {}

  static async of(options: GaugeOptions): Promise<Gauge> {
    const { model, trainer, train, batch, device } = options;
    const statistics = await statisticsOf(train, options.statistics);
    const images = [batch, ...train.shape];
    const probe = probeGraph({ model, state: trainer.state, statistics, images, batch });
    return new Gauge(options, probe, await compile(probe.graph, { device, autotune: false }));
  }

  async measure(): Promise<VarianceMoment> {
    const { trainer, activation } = this.options;
    const { probe } = this;
    const { outputs } = await this.plan.run(await this.#inputs());
    const value = (key: string) => readStatistics(outputs, key);
    const slope = (key: string) => readStatistics(outputs, key, probe.scale);
    const meanSquares = new Map<string, number>();
    for (const { weight } of probe.parts) {
      if (!weight) continue;
      const values = await trainer.state.read(weight);
      meanSquares.set(weight.name, values.reduce((sum, w) => sum + w * w, 0) / values.length);
    }
    return {
      step: trainer.step,
      loss: outputs.loss![0]!,
      layers: probe.layers.map(({ y, ...layer }) => ({ ...layer, y: value(y), gradient: slope(gradientKey(y)) })),
      factors: factorsOf({ parts: probe.parts, value, slope, activation, meanSquares }),
    };
  }

  async #inputs() {
    const { trainer, train, batch, seed } = this.options;
    const loader = new DataLoader({ labels: train.labels, batch, shuffle: true, seed });
    const place = trainer.step % loader.steps;
    // The last batch of an epoch may be filled up with rows that do not count: the first one instead.
    const full = (place + 1) * batch <= train.count ? place : 0;
    const { indices, labels } = loader.epoch(Math.floor(trainer.step / loader.steps)).batches(full, 1);
    const images = new Uint8Array(batch * imageBytes(train));
    await train.read(indices, images);
    return { images, indices: Int32Array.from({ length: batch }, (_, row) => row), labels };
  }

  [Symbol.dispose](): void {
    this.plan.dispose();
  }
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
