/** Initial distributions of weights (SPEC: Xavier and MSRA as the paper's framework defines them). */
import { invalid } from '../errors';
import { meanSquareGain } from '../ops/activation';
import type { Activation } from '../ops/activations';
import type { Philox } from '../random';
import { sizeOf } from '../tensor/tensor';
import { orthonormalMatrix } from './orthonormal';

/** Draws the values of a weight of this shape ([O, I] or [O, KH, KW, I]), row-major. */
export type Initializer = (shape: readonly number[], random: Philox) => Float32Array;

export type Factor = 'in' | 'out' | 'avg';
export type Distribution = 'gaussian' | 'uniform';
/**
 * What counts as the fan out of a convolution [O, KH, KW, I]. 'kernel': O KH KW, as MXNet computes it today. 'channels': O
 * alone, as it did at the paper's time (`fan_in, fan_out = np.prod(shape[1:]), shape[0]`). The fan in is I KH KW in both.
 */
export type FanOut = 'kernel' | 'channels';

function checkPositive(argument: string, value: number): number {
  if (!(Number.isFinite(value) && value > 0)) throw invalid(argument, 'a positive number', value);
  return value;
}

function draw(shape: readonly number[], next: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = next();
  return values;
}

/** 0 everywhere: biases. */
export const zeros: Initializer = (shape) => new Float32Array(sizeOf(shape));

/** N(0, deviation²). */
export function gaussian({ deviation }: { deviation: number }): Initializer {
  checkPositive('deviation', deviation);
  return (shape, random) => draw(shape, () => deviation * random.gaussian());
}

/** U(-limit, limit). */
export function uniform({ limit }: { limit: number }): Initializer {
  checkPositive('limit', limit);
  return (shape, random) => draw(shape, () => limit * (2 * random.uniform() - 1));
}

/** Fan in, fan out and their mean, of weights [O, I] or [O, KH, KW, I]. */
export function fans(shape: readonly number[], fanOut: FanOut = 'kernel'): Record<Factor, number> {
  if (fanOut !== 'kernel' && fanOut !== 'channels') throw invalid('fanOut', "'kernel' or 'channels'", fanOut);
  if (shape.length !== 2 && shape.length !== 4)
    throw invalid('shape of a weight', '[O, I] or [O, KH, KW, I]', [...shape]);
  const outputs = shape[0]!;
  const inputs = shape[shape.length - 1]!;
  const area = shape.length === 4 ? shape[1]! * shape[2]! : 1;
  const [fanIn, out] = [inputs * area, fanOut === 'kernel' ? outputs * area : outputs];
  return { in: fanIn, out, avg: (fanIn + out) / 2 };
}

export interface XavierOptions {
  /** Default 3. */
  magnitude?: number;
  /** Fan in, fan out, or their mean; default 'avg'. */
  factor?: Factor;
  /** Default 'uniform'. */
  distribution?: Distribution;
  /** Default 'kernel'. */
  fanOut?: FanOut;
}

/** s = sqrt(magnitude / fan); U(-s, s) or N(0, s²). */
export function xavier(options: XavierOptions = {}): Initializer {
  const { magnitude = 3, factor = 'avg', distribution = 'uniform', fanOut = 'kernel' } = options;
  checkPositive('magnitude', magnitude);
  if (!['in', 'out', 'avg'].includes(factor)) throw invalid('factor', "'in', 'out' or 'avg'", factor);
  if (distribution !== 'gaussian' && distribution !== 'uniform') {
    throw invalid('distribution', "'gaussian' or 'uniform'", distribution);
  }
  fans([1, 1], fanOut); // Refuses an unknown rule now, and not when the weights are drawn.
  return (shape, random) => {
    const scale = Math.sqrt(magnitude / fans(shape, fanOut)[factor]);
    const make = distribution === 'gaussian' ? gaussian({ deviation: scale }) : uniform({ limit: scale });
    return make(shape, random);
  };
}

export interface MsraOptions {
  /** Of the activation's negative side; default 0. */
  slope?: number;
  /** Default 'in', as in the paper; MXNet's MSRAPrelu has 'avg'. */
  factor?: Factor;
  /** Default 'kernel'. */
  fanOut?: FanOut;
}

/** He et al.: gaussian, magnitude 2 / (1 + slope²). */
export function msra({ slope = 0, factor = 'in', fanOut }: MsraOptions = {}): Initializer {
  if (!Number.isFinite(slope)) throw invalid('slope', 'a number', slope);
  return xavier({ magnitude: 2 / (1 + slope * slope), factor, distribution: 'gaussian', fanOut });
}

/**
 * Weights as a matrix [O, I] or [O, KH KW I] with orthonormal rows, or columns where there are more rows than columns, times
 * `gain` (Saxe et al., arXiv:1312.6120).
 */
export function orthonormal({ gain = 1 }: { gain?: number } = {}): Initializer {
  checkPositive('gain', gain);
  return (shape, random) => {
    const rows = shape[0]!;
    return Float32Array.from(orthonormalMatrix(rows, sizeOf(shape) / rows, random), (value) => gain * value);
  };
}

/**
 * What layers use when nothing is said: gaussian, fan in, magnitude 1 / E[f'²]. The plain sigmoid gets 1 as well, not
 * 16: that would repair exactly what the paper shows failing. Without an activation: 1.
 */
export function defaultInitializer(activation?: Activation): Initializer {
  const neutral = !activation || activation.kind === 'sigmoid';
  const gain = neutral ? 1 : meanSquareGain(activation);
  return xavier({ magnitude: 1 / gain, factor: 'in', distribution: 'gaussian' });
}
