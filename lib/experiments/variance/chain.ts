/**
 * Measures the plain chain of Section 2, on which equations 3 to 6 can be checked: square layers, no padding, independent
 * inputs.
 */

import { compile, type Plan } from '../../compile/compile';
import { gradientFrom } from '../../compile/gradient';
import { Graph } from '../../compile/graph';
import { invalid, type Range } from '../../errors';
import { activate, activationField, curveOf, formatActivation } from '../../ops/activation';
import type { Activation } from '../../ops/activations';
import { conv2d } from '../../ops/convolution';
import { arrayOf, callback, flag, integer, number, optional } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import { Philox, seedRange } from '../../random';
import { type Device, deviceField, deviceOf } from '../../runtime/device';
import type { TypedArray } from '../../runtime/native';
import { Parameter, State } from '../../tensor/state';
import { input, sizeOf, type Tensor } from '../../tensor/tensor';
import { type ChainLayer, defaultMagnitude, predictChain } from '../prediction/chain';
import { isResolved, readStatistics, StatisticsBuilder } from './statistics';

/** Options of varianceChain(). */
export interface VarianceChainOptions {
  /** Activations to measure, at least one. */
  activations: readonly Activation[];
  /** Also measures f - f(0) for activations with f(0) other than 0 (sigmoid), by means of biases. Default true. */
  centred?: boolean;
  /** Layers of the chain, 1 to 1000. Default 20. */
  layers?: number;
  /** Channels of every layer, 2 to 4096. Default 128. */
  width?: number;
  /** Inputs per draw, 2 to 65,536. Default 64. */
  batch?: number;
  /** Draws of weights, inputs and gradients of the last layer, 2 to 100,000. Default 100. */
  draws?: number;
  /** Channels times Var[w] of each activation. Default: defaultMagnitude(). */
  magnitude?: (activation: Activation) => number;
  /** Standard deviation of the gaussian inputs, 1e-6 to 1e6. Default 1. */
  inputDeviation?: number;
  /** Seed of all draws, 0 to 2^31 - 1. Default 0. */
  seed?: number;
  /** A device, or its name for openDevice(). Default "auto". */
  device?: Device | string;
  /** Called after each draw with the number of draws done and their total. */
  onDraw?: (done: number, draws: number) => void;
}

/** The defaults of VarianceChainOptions. */
export const chainDefaults = { layers: 20, width: 128, batch: 64, draws: 100, seed: 0, inputDeviation: 1 } as const;
/** Limits of the numbers in VarianceChainOptions. */
const chainRanges = {
  layers: [1, 1000],
  width: [2, 4096],
  batch: [2, 65536],
  draws: [2, 100_000],
  inputDeviation: [1e-6, 1e6],
} as const satisfies Readonly<Partial<Record<keyof VarianceChainOptions, Range>>>;

/** Schema of the options of varianceChain(). */
export const chainFields: Fields<VarianceChainOptions> = {
  activations: arrayOf(activationField, 'an array of activations'),
  centred: optional(flag),
  layers: optional(integer(...chainRanges.layers)),
  width: optional(integer(...chainRanges.width)),
  batch: optional(integer(...chainRanges.batch)),
  draws: optional(integer(...chainRanges.draws)),
  magnitude: optional(callback('a function of an Activation')),
  inputDeviation: optional(number(chainRanges.inputDeviation)),
  seed: optional(integer(...seedRange)),
  device: optional(deviceField),
  onDraw: optional(callback()),
};

const chainOptions = new Options('varianceChain()', chainFields);

/** A measured value and its prediction. */
export interface Compared {
  /** Mean over draws. */
  readonly measured: number;
  /** Standard error of `measured`. */
  readonly error: number;
  /**
   * Prediction of predictChain(). For a variance it is multiplied by 1 - 1 / batch, because a measured one divides by the
   * count.
   */
  readonly predicted: number;
  /** (measured - predicted) / error; null if the predicted value is too small for f32 to resolve. */
  readonly z: number | null;
}

/** Measurements of one layer's pre-activation y. */
export interface VarianceChainLayer {
  /** Var[y] over inputs within a channel, averaged over channels. */
  readonly variance: Compared;
  /** E[y²] over inputs and channels. */
  readonly meanSquare: Compared;
  /** Var[dE/dy] over inputs within a channel, averaged over channels. dE/dy of the last layer is drawn from N(0, 1). */
  readonly gradient: Compared;
  /** Predictions by equations 4 and 6 of the paper, which use f' at 0. */
  readonly linear: ChainLayer['linear'];
}

/** Measurements of the chain with one activation. */
export interface VarianceChain {
  /** Text as parseActivation() reads it: "leakyTanh:0.25". */
  readonly activation: string;
  /** Whether the activation is f - f(0). */
  readonly centred: boolean;
  /** Channels times Var[w]. */
  readonly magnitude: number;
  /** All layers, the first one first. */
  readonly layers: readonly VarianceChainLayer[];
}

const quantities = ['variance', 'meanSquare', 'gradient'] as const;
type Quantity = (typeof quantities)[number];
/** Measured values by quantity, layer and draw. */
type Samples = Record<Quantity, number[][]>;

type ResolvedChain = Required<Omit<VarianceChainOptions, 'device' | 'onDraw' | 'activations' | 'centred'>>;

/**
 * Measures variances and gradients along a plain chain, y1 = W1 x, y2 = W2 f(y1), ..., for every activation with the same
 * draws, and compares them with predictChain().
 * @throws ERR_INVALID_ARGUMENT if an option is not valid; what openDevice() and compile() throw
 */
export async function varianceChain(given: VarianceChainOptions): Promise<VarianceChain[]> {
  const options = chainOptions.check(given);
  const setting = resolve(options);
  const { activations, centred = true, onDraw } = options;
  const { layers, width, batch, draws, seed, inputDeviation } = setting;
  const device = deviceOf(options.device);
  const shifted = (activation: Activation) => curveOf(activation).value(0) !== 0;
  const chains = activations.flatMap((activation) => [
    new Chain(activation, false, setting),
    ...(centred && shifted(activation) ? [new Chain(activation, true, setting)] : []),
  ]);
  try {
    await Promise.all(chains.map((chain) => chain.prepare(device)));
    const drawn = (draw: number) => ({
      weights: gaussians(layers * width * width, new Philox(seed, 0, draw)),
      images: gaussians(batch * width, new Philox(seed, 1, draw), inputDeviation),
      top: gaussians(batch * width, new Philox(seed, 2, draw)),
    });
    let next = drawn(0);
    for (let draw = 0; draw < draws; draw++) {
      const { weights, ...inputs } = next;
      for (const chain of chains) await chain.write(weights);
      const running = chains.map((chain) => chain.run(inputs));
      // The next numbers are drawn while the device works.
      if (draw + 1 < draws) next = drawn(draw + 1);
      await Promise.all(running);
      onDraw?.(draw + 1, draws);
    }
    return chains.map((chain) => chain.result());
  } finally {
    for (const chain of chains) chain.dispose();
  }
}

function resolve({ activations, ...options }: VarianceChainOptions): ResolvedChain {
  if (activations.length === 0) throw invalid('activations', 'at least one Activation', activations);
  const { magnitude = defaultMagnitude, layers = chainDefaults.layers, width = chainDefaults.width } = options;
  const { batch = chainDefaults.batch, draws = chainDefaults.draws, seed = chainDefaults.seed } = options;
  const { inputDeviation = chainDefaults.inputDeviation } = options;
  return { magnitude, layers, width, batch, draws, seed, inputDeviation };
}

/** The chain of one activation. It has its own State and plan, so that several chains can be queued at once. */
class Chain {
  readonly #magnitude: number;
  readonly #predicted: readonly ChainLayer[];
  readonly #weights: readonly Parameter[];
  /** One bias per layer if f(0) is to be subtracted, else none. */
  readonly #biases: readonly Parameter[];
  readonly #state: State;
  readonly #values: Float32Array;
  readonly #samples: Samples;
  /** Power of two on the gradient of the last layer, so that gradients at both ends of the chain stay in the range of f32. */
  readonly #scale: number;
  #plan: Plan | null = null;

  constructor(
    readonly activation: Activation,
    readonly centred: boolean,
    private readonly setting: ResolvedChain,
  ) {
    const { layers, width, inputDeviation } = setting;
    this.#magnitude = setting.magnitude(activation);
    this.#predicted = predictChain({
      ...{ activation, centred, layers, width },
      ...{ magnitude: this.#magnitude, inputVariance: inputDeviation ** 2 },
    });
    const parameters = (part: string, shape: readonly number[]) =>
      Array.from(
        { length: layers },
        (_, layer) =>
          new Parameter({
            name: `layer${1 + layer}/${part}`,
            shape,
            decay: part === 'weight',
            initialize: () => new Float32Array(sizeOf(shape)), // Written before every run.
          }),
      );
    this.#weights = parameters('weight', [width, 1, 1, width]);
    this.#biases = centred ? parameters('bias', [width]) : [];
    this.#state = new State([...this.#weights, ...this.#biases], { optimizerSlots: 0 });
    this.#values = new Float32Array(this.#state.size);
    const empty = () => Array.from({ length: layers }, (): number[] => []);
    this.#samples = { variance: empty(), meanSquare: empty(), gradient: empty() };
    const [first] = this.#predicted;
    this.#scale = 2 ** -Math.round(Math.log2(first!.gradient) / 4);
  }

  async prepare(device: Device): Promise<void> {
    await this.#state.on(device);
    this.#plan = await compile(this.#graph(), { device, autotune: false });
  }

  /** Builds the graph. Inputs: images, and top (dE/dy of the last layer). Outputs: statistics of every layer's y and dE/dy. */
  #graph(): Graph {
    const { batch, width } = this.setting;
    const shape = [batch, 1, 1, width];
    const ys: Tensor[] = [];
    let x = input('images', shape);
    for (const [index, weight] of this.#weights.entries()) {
      const name = `layer${1 + index}`;
      // The first layer reads images, which have mean 0 already.
      const bias = index === 0 ? undefined : this.#biases[index];
      x = conv2d(index === 0 ? x : activate(x, this.activation, { name }), weight, { bias, name });
      ys.push(x);
    }
    const gradients = gradientFrom(x, input('top', shape), ys);
    const statistics = new StatisticsBuilder();
    ys.forEach((y, index) => {
      statistics.add(`y${index}`, y);
      statistics.add(`g${index}`, gradients[index]!);
    });
    return Graph.from({ outputs: statistics.outputs });
  }

  /** Writes weights and biases. @param normal numbers from N(0, 1), layer by layer, [width, width] each */
  async write(normal: Float32Array): Promise<void> {
    const { width } = this.setting;
    const deviation = Math.sqrt(this.#magnitude / width);
    const offset = curveOf(this.activation).value(0);
    const values = this.#values;
    this.#weights.forEach((weight, layer) => {
      const at = this.#state.offsetOf(weight);
      const from = layer * width * width;
      for (let i = 0; i < width * width; i++) values[at + i] = deviation * normal[from + i]!;
      const bias = this.#biases[layer];
      if (!bias) return;
      const biasAt = this.#state.offsetOf(bias);
      for (let output = 0; output < width; output++) {
        let sum = 0;
        for (let i = at + output * width; i < at + (output + 1) * width; i++) sum += values[i]!;
        values[biasAt + output] = -offset * sum;
      }
    });
    await this.#state.writeArena('parameters', new Uint8Array(values.buffer));
  }

  async run({ images, top }: { images: Float32Array; top: Float32Array }): Promise<void> {
    const scaled = top.map((value) => value * this.#scale);
    const { outputs } = await this.#plan!.run({ images, top: scaled });
    this.#record(outputs);
  }

  #record(outputs: Readonly<Record<string, TypedArray>>): void {
    const { variance, meanSquare, gradient } = this.#samples;
    for (let layer = 0; layer < this.setting.layers; layer++) {
      const y = readStatistics(outputs, `y${layer}`);
      variance[layer]!.push(y.variance);
      meanSquare[layer]!.push(y.meanSquare);
      gradient[layer]!.push(readStatistics(outputs, `g${layer}`, this.#scale).variance);
    }
  }

  result(): VarianceChain {
    const { activation, centred } = this;
    const offset = this.#magnitude * curveOf(activation).value(0) ** 2;
    const given = { batch: this.setting.batch, offset };
    const layers = this.#predicted.map((layer, index) => compareLayer(this.#samples, layer, index, given));
    return { activation: formatActivation(activation), centred, magnitude: this.#magnitude, layers };
  }

  dispose(): void {
    this.#plan?.dispose();
    this.#state.dispose();
  }
}

function gaussians(count: number, random: Philox, deviation = 1): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = deviation * random.gaussian();
  return values;
}

/**
 * Compares the samples of a layer.
 * @param offset part of y's mean square that is due to f(0), even if f(0) is subtracted later
 */
function compareLayer(
  samples: Samples,
  predicted: ChainLayer,
  layer: number,
  { batch, offset }: Pick<ResolvedChain, 'batch'> & { readonly offset: number },
): VarianceChainLayer {
  // A measured variance divides by the count of values, not by one less, so it is smaller by this factor on average.
  const biased = 1 - 1 / batch;
  const resolves = (value: number) => isResolved(value, Math.max(predicted.meanSquare, offset));
  const comparison = (quantity: Quantity, factor: number, compares = true) => {
    const compared = compare(samples[quantity][layer]!, predicted[quantity] * factor);
    return compares ? compared : { ...compared, z: null };
  };
  return {
    variance: comparison('variance', biased, resolves(predicted.variance)),
    meanSquare: comparison('meanSquare', 1, resolves(predicted.meanSquare)),
    gradient: comparison('gradient', biased),
    linear: predicted.linear,
  };
}

function compare(values: readonly number[], predicted: number): Compared {
  const count = values.length;
  const measured = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - measured) ** 2, 0);
  const error = Math.sqrt(squares / (count - 1) / count);
  return { measured, error, predicted, z: (measured - predicted) / error };
}
