/** The plain chain of Section 2, where equations 3 to 6 can be checked: square layers without padding, independent inputs. */
import { compile, type Plan } from '../compile';
import { type Device, deviceOf } from '../device';
import { checkInteger, checkNumber, checkOptions, invalid } from '../errors';
import { gradientFrom } from '../graph/gradient';
import { Graph } from '../graph/graph';
import type { TypedArray } from '../native';
import { type Activation, activate, formatActivation } from '../ops/activation';
import { conv2d } from '../ops/conv2d';
import { Philox } from '../random';
import { State } from '../state';
import { input, Parameter, type Tensor } from '../tensor';
import { type ChainLayer, defaultMagnitude, predictChain } from './predictionChain';
import { channelStatistics, readStatistics } from './varianceStatistics';

export interface VarianceChainOptions {
  activations: readonly Activation[];
  /** Default 20. */
  layers?: number;
  /** Channels of every layer; default 256. */
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
  /** (measured - predicted) / error. */
  readonly z: number;
}

export interface VarianceChainLayer {
  /** Var[y] over inputs within a channel, averaged over channels. */
  readonly variance: Compared;
  /** E[y²]. */
  readonly meanSquare: Compared;
  /** Var[dE/dy]; that of the last layer's is 1. */
  readonly gradient: Compared;
  /** Equations 4 and 6 with f' at 0. */
  readonly linear: ChainLayer['linear'];
}

export interface VarianceChain {
  readonly activation: string;
  readonly magnitude: number;
  readonly layers: readonly VarianceChainLayer[];
}

const quantities = ['variance', 'meanSquare', 'gradient'] as const;
type Quantity = (typeof quantities)[number];
/** By quantity and layer: a value per draw. */
type Samples = Record<Quantity, number[][]>;

/**
 * Measures a chain for every activation, with the same draws, and compares with predictChain().
 * @throws ERR_INVALID_ARGUMENT; what openDevice throws
 */
export async function varianceChain(options: VarianceChainOptions): Promise<VarianceChain[]> {
  checkOptions('{ activations }', options);
  const { activations, magnitude = defaultMagnitude, inputDeviation = 1, onDraw } = options;
  if (!Array.isArray(activations) || activations.length === 0)
    throw invalid('activations', 'at least one Activation', activations);
  const layers = checkInteger('layers', options.layers ?? 20, 1, 1000);
  const width = checkInteger('width', options.width ?? 256, 1, 4096);
  const batch = checkInteger('batch', options.batch ?? 64, 2, 65536);
  const draws = checkInteger('draws', options.draws ?? 100, 2, 100_000);
  const seed = checkInteger('seed', options.seed ?? 0, 0, 2 ** 31 - 1);
  checkNumber('inputDeviation', inputDeviation, 1e-6, 1e6);
  const device = deviceOf(options.device);
  const chains = activations.map((activation) => ({
    activation,
    magnitude: magnitude(activation),
    samples: emptySamples(layers),
  }));
  const parameters = Array.from(
    { length: layers },
    (_, layer) =>
      new Parameter({
        name: `layer${1 + layer}/weight`,
        shape: [width, 1, 1, width],
        decay: true,
        initialize: () => new Float32Array(width * width), // Written before every run.
      }),
  );
  using state = new State(parameters, { optimizerSlots: 0 });
  await state.on(device);
  const shape = [batch, 1, 1, width];
  const plans = await Promise.all(
    activations.map((activation) => compile(chainGraph(parameters, shape, activation), { device, autotune: false })),
  );
  try {
    const weights = new Float32Array(state.size);
    for (let draw = 0; draw < draws; draw++) {
      const normal = gaussians(state.size, new Philox(seed, 0, draw));
      const images = gaussians(batch * width, new Philox(seed, 1, draw), inputDeviation);
      const top = gaussians(batch * width, new Philox(seed, 2, draw));
      for (const [index, { magnitude, samples }] of chains.entries()) {
        const deviation = Math.sqrt(magnitude / width);
        for (let i = 0; i < weights.length; i++) weights[i] = deviation * normal[i]!;
        await state.writeArena('parameters', new Uint8Array(weights.buffer));
        const { outputs } = await (plans[index] as Plan).run({ images, top });
        record(samples, outputs);
      }
      onDraw?.(draw + 1, draws);
    }
  } finally {
    for (const plan of plans) plan.dispose();
  }
  return chains.map(({ activation, magnitude, samples }) => {
    const predicted = predictChain({ activation, layers, magnitude, width, inputVariance: inputDeviation ** 2 });
    return {
      activation: formatActivation(activation),
      magnitude,
      layers: predicted.map((layer, index) => compareLayer(samples, layer, index, batch)),
    };
  });
}

/** Inputs: images, and top, dE/dy of the last layer. Outputs: the statistics of every layer's y and dE/dy. */
function chainGraph(weights: readonly Parameter[], shape: readonly number[], activation: Activation): Graph {
  let x = input('images', shape);
  const ys: Tensor[] = [];
  for (const [index, weight] of weights.entries()) {
    const name = `layer${1 + index}`;
    const y = conv2d(index === 0 ? x : activate(x, activation, { name }), weight, { name });
    ys.push(y);
    x = y;
  }
  const gradients = gradientFrom(x, input('top', shape), ys);
  const outputs: Record<string, Tensor> = {};
  for (const [part, tensors] of Object.entries({ y: ys, g: gradients })) {
    tensors.forEach((tensor, index) => {
      const { variances, means } = channelStatistics(tensor, { name: `layer${1 + index}` });
      outputs[`${part}${index}/variances`] = variances;
      outputs[`${part}${index}/means`] = means;
    });
  }
  return Graph.from({ outputs });
}

function emptySamples(layers: number): Samples {
  const empty = () => Array.from({ length: layers }, (): number[] => []);
  return { variance: empty(), meanSquare: empty(), gradient: empty() };
}

function record(samples: Samples, outputs: Readonly<Record<string, TypedArray>>): void {
  const read = (key: string) => readStatistics(outputs[`${key}/variances`]!, outputs[`${key}/means`]!);
  samples.variance.forEach((values, layer) => {
    const { variance, meanSquare } = read(`y${layer}`);
    values.push(variance);
    samples.meanSquare[layer]!.push(meanSquare);
    samples.gradient[layer]!.push(read(`g${layer}`).variance);
  });
}

function gaussians(count: number, random: Philox, deviation = 1): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = deviation * random.gaussian();
  return values;
}

function compareLayer(samples: Samples, predicted: ChainLayer, layer: number, batch: number): VarianceChainLayer {
  // A variance that is divided by the count of values, not by one less, is smaller by this on average.
  const biased = 1 - 1 / batch;
  const factors: Record<Quantity, number> = { variance: biased, meanSquare: 1, gradient: biased };
  const compared = quantities.map((quantity) => {
    return [quantity, compare(samples[quantity][layer]!, predicted[quantity] * factors[quantity])] as const;
  });
  return { ...(Object.fromEntries(compared) as Record<Quantity, Compared>), linear: predicted.linear };
}

function compare(values: readonly number[], predicted: number): Compared {
  const count = values.length;
  const measured = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - measured) ** 2, 0);
  const error = Math.sqrt(squares / (count - 1) / count);
  return { measured, error, predicted, z: (measured - predicted) / error };
}
