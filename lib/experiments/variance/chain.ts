/** The plain chain of Section 2, where equations 3 to 6 can be checked: square layers without padding, independent inputs. */

import { compile, type Plan } from '../../compile/compile';
import { gradientFrom } from '../../compile/gradient';
import { Graph } from '../../compile/graph';
import { checkInteger, checkNumber, checkOptions, invalid } from '../../errors';
import { activate, curveOf, formatActivation } from '../../ops/activation';
import type { Activation } from '../../ops/activations';
import { conv2d } from '../../ops/convolution';
import { Philox } from '../../random';
import { type Device, deviceOf } from '../../runtime/device';
import type { TypedArray } from '../../runtime/native';
import { Parameter, State } from '../../tensor/state';
import { input, sizeOf, type Tensor } from '../../tensor/tensor';
import { type ChainLayer, defaultMagnitude, predictChain } from '../prediction/chain';
import { isResolved, readStatistics, StatisticsBuilder } from './statistics';

export interface VarianceChainOptions {
  activations: readonly Activation[];
  /** Also measure f - f(0) of every activation with f(0) other than 0 (sigmoid): by biases that take f(0) away. Default true. */
  centred?: boolean;
  /** Default 20. */
  layers?: number;
  /** Channels of every layer; default 128. */
  width?: number;
  /** Inputs per draw; default 64. */
  batch?: number;
  /** Draws of weights, inputs and gradients at the top; default 100. */
  draws?: number;
  /** Channels times Var[w] by activation; default: the default initialiser's. */
  magnitude?: (activation: Activation) => number;
  /** Deviation of the gaussian inputs; default 1. */
  inputDeviation?: number;
  seed?: number;
  device?: Device | string;
  /** Told of each draw that is done. */
  onDraw?: (done: number, draws: number) => void;
}

/** A mean over draws beside its prediction. */
export interface Compared {
  readonly measured: number;
  /** Standard error of `measured`. */
  readonly error: number;
  readonly predicted: number;
  /** (measured - predicted) / error; null where the prediction lies below what f32 resolves. */
  readonly z: number | null;
}

export interface VarianceChainLayer {
  /** Var[y] over inputs within a channel, averaged over channels. */
  readonly variance: Compared;
  /** E[y²]. */
  readonly meanSquare: Compared;
  /** Var[dE/dy]; that of the last layer is 1. */
  readonly gradient: Compared;
  /** Equations 4 and 6 with f' at 0. */
  readonly linear: ChainLayer['linear'];
}

export interface VarianceChain {
  readonly activation: string;
  /** It is f - f(0). */
  readonly centred: boolean;
  readonly magnitude: number;
  readonly layers: readonly VarianceChainLayer[];
}

const quantities = ['variance', 'meanSquare', 'gradient'] as const;
type Quantity = (typeof quantities)[number];
/** By quantity and layer: a value per draw. */
type Samples = Record<Quantity, number[][]>;

type ResolvedChain = Required<Omit<VarianceChainOptions, 'device' | 'onDraw' | 'activations' | 'centred'>>;

/**
 * Measures a chain for every activation, with the same draws, and compares with predictChain().
 * @throws ERR_INVALID_ARGUMENT; what openDevice throws
 */
export async function varianceChain(options: VarianceChainOptions): Promise<VarianceChain[]> {
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
      // Drawn while the device works.
      if (draw + 1 < draws) next = drawn(draw + 1);
      await Promise.all(running);
      onDraw?.(draw + 1, draws);
    }
    return chains.map((chain) => chain.result());
  } finally {
    for (const chain of chains) chain.dispose();
  }
}

function resolve(options: VarianceChainOptions): ResolvedChain {
  checkOptions('{ activations }', options);
  const { activations, magnitude = defaultMagnitude } = options;
  if (!Array.isArray(activations) || activations.length === 0)
    throw invalid('activations', 'at least one Activation', activations);
  if (typeof magnitude !== 'function') throw invalid('magnitude', 'a function of an Activation', magnitude);
  return {
    magnitude,
    layers: checkInteger('layers', options.layers ?? 20, 1, 1000),
    width: checkInteger('width', options.width ?? 128, 2, 4096),
    batch: checkInteger('batch', options.batch ?? 64, 2, 65536),
    draws: checkInteger('draws', options.draws ?? 100, 2, 100_000),
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 31 - 1),
    inputDeviation: checkNumber('inputDeviation', options.inputDeviation ?? 1, 1e-6, 1e6),
  };
}

/** One activation's chain: its own State and plan, so that several can be queued at once. */
class Chain {
  readonly #magnitude: number;
  readonly #predicted: readonly ChainLayer[];
  readonly #weights: readonly Parameter[];
  /** One per layer, where f(0) is to be taken away. */
  readonly #biases: readonly Parameter[];
  readonly #state: State;
  readonly #values: Float32Array;
  readonly #samples: Samples;
  /** On the gradient at the top, so that neither end of the chain leaves f32. */
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

  /** Inputs: images, and top, dE/dy of the last layer. Outputs: the statistics of every layer's y and dE/dy. */
  #graph(): Graph {
    const { batch, width } = this.setting;
    const shape = [batch, 1, 1, width];
    const ys: Tensor[] = [];
    let x = input('images', shape);
    for (const [index, weight] of this.#weights.entries()) {
      const name = `layer${1 + index}`;
      // The images have mean 0 as they are.
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

  /** @param normal N(0, 1), layer by layer, [width, width] each */
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

/** @param offset what y's mean square owes to f(0), whether it is taken away or not */
function compareLayer(
  samples: Samples,
  predicted: ChainLayer,
  layer: number,
  { batch, offset }: Pick<ResolvedChain, 'batch'> & { readonly offset: number },
): VarianceChainLayer {
  // A variance that is divided by the count of values, not by one less, is smaller by this on average.
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
