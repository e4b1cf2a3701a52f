/** Initial distributions of weights. Xavier and MSRA are defined as in MXNet, the framework of the paper's authors. */
import { invalid } from '../errors';
import { encodeActivation, initialGain } from '../ops/activation';
import type { Activation } from '../ops/activations';
import { callback, custom, type Field, oneOf, optional } from '../options/field';
import { Options } from '../options/options';
import type { Philox } from '../random';
import { checkShape, sizeOf } from '../tensor/tensor';
import { orthonormalMatrix } from './orthonormal';

/** A function that draws the values of a weight, row-major, of shape [O, I] (linear) or [O, KH, KW, I] (convolution). */
export type Initializer = (shape: readonly number[], random: Philox) => Float32Array;

/** The fan that scales the weights: fan in, fan out, or their mean. */
export type Factor = 'in' | 'out' | 'avg';
/** The distribution of the weights. */
export type Distribution = 'gaussian' | 'uniform';
/**
 * The definition of the fan out of a convolution [O, KH, KW, I]. 'kernel': O KH KW, as MXNet computes it today. 'channels': O
 * alone, as it did at the paper's time (`fan_in, fan_out = np.prod(shape[1:]), shape[0]`). The fan in is I KH KW in both.
 */
export type FanOut = 'kernel' | 'channels';

/**
 * Accepts an Initializer.
 * @internal
 */
export const initializerField: Field<Initializer> = callback('a function such as initializers.xavier()');

const positive = custom<number>('a positive number', (value) => Number.isFinite(value) && (value as number) > 0);

function draw(shape: readonly number[], next: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = next();
  return values;
}

/** Sets all values to 0, the usual start of biases. */
export const zeros: Initializer = (shape) => new Float32Array(sizeOf(checkShape('shape', shape)));

const gaussianOptions = new Options<{ deviation: number }>('gaussian()', { deviation: positive });

/**
 * Draws from a normal distribution with mean 0 and standard deviation `deviation`.
 * @param options `deviation`
 * @throws ERR_INVALID_ARGUMENT unless `deviation` is positive
 */
export function gaussian(options: { deviation: number }): Initializer {
  const { deviation } = gaussianOptions.check(options);
  return (shape, random) => draw(shape, () => deviation * random.gaussian());
}

const uniformOptions = new Options<{ limit: number }>('uniform()', { limit: positive });

/**
 * Draws from the uniform distribution between -limit and limit.
 * @param options `limit`
 * @throws ERR_INVALID_ARGUMENT unless `limit` is positive
 */
export function uniform(options: { limit: number }): Initializer {
  const { limit } = uniformOptions.check(options);
  return (shape, random) => draw(shape, () => limit * (2 * random.uniform() - 1));
}

/**
 * Returns fan in, fan out and their mean, for weights [O, I] or [O, KH, KW, I].
 * @throws ERR_INVALID_ARGUMENT for other shapes
 */
export function fans(shape: readonly number[], fanOut: FanOut = 'kernel'): Record<Factor, number> {
  checkShape('shape', shape);
  if (fanOut !== 'kernel' && fanOut !== 'channels') throw invalid('fanOut', "'kernel' or 'channels'", fanOut);
  if (shape.length !== 2 && shape.length !== 4)
    throw invalid('shape of a weight', '[O, I] or [O, KH, KW, I]', [...shape]);
  const outputs = shape[0]!;
  const inputs = shape[shape.length - 1]!;
  const area = shape.length === 4 ? shape[1]! * shape[2]! : 1;
  const [fanIn, out] = [inputs * area, fanOut === 'kernel' ? outputs * area : outputs];
  return { in: fanIn, out, avg: (fanIn + out) / 2 };
}

/** Options of xavier(). */
export interface XavierOptions {
  /** The number that is divided by the fan, positive; default 3. */
  magnitude?: number;
  /** The fan to divide by: 'in', 'out', or 'avg', their mean (default). */
  factor?: Factor;
  /** 'uniform' (default) or 'gaussian'. */
  distribution?: Distribution;
  /** Definition of the fan out of a convolution; default 'kernel'. */
  fanOut?: FanOut;
}

const factorField = oneOf<Factor>(['in', 'out', 'avg'], "'in', 'out' or 'avg'");
const fanOutField = oneOf<FanOut>(['kernel', 'channels'], "'kernel' or 'channels'");

const xavierOptions = new Options<XavierOptions>('xavier()', {
  magnitude: optional(positive),
  factor: optional(factorField),
  distribution: optional(oneOf<Distribution>(['gaussian', 'uniform'], "'gaussian' or 'uniform'")),
  fanOut: optional(fanOutField),
});

/**
 * Xavier initialisation (Glorot and Bengio 2010) in MXNet's form: with s = sqrt(magnitude / fan), values are drawn uniformly
 * between -s and s (variance s² / 3), or from a normal distribution with standard deviation s.
 * @throws ERR_INVALID_ARGUMENT
 */
export function xavier(options: XavierOptions = {}): Initializer {
  const checked = xavierOptions.check(options);
  const { magnitude = 3, factor = 'avg', distribution = 'uniform', fanOut = 'kernel' } = checked;
  return (shape, random) => {
    const scale = Math.sqrt(magnitude / fans(shape, fanOut)[factor]);
    const make = distribution === 'gaussian' ? gaussian({ deviation: scale }) : uniform({ limit: scale });
    return make(shape, random);
  };
}

/** Options of msra(). */
export interface MsraOptions {
  /** Slope of the activation for x < 0; default 0, which is relu. */
  slope?: number;
  /** The fan to divide by. Default 'in', as in the paper of He et al.; MXNet's MSRAPrelu uses 'avg'. */
  factor?: Factor;
  /** Definition of the fan out of a convolution; default 'kernel'. */
  fanOut?: FanOut;
}

const msraOptions = new Options<MsraOptions>('msra()', {
  slope: optional(custom<number>('a number', Number.isFinite)),
  factor: optional(factorField),
  fanOut: optional(fanOutField),
});

/**
 * The initialisation of He et al. (arXiv:1502.01852) for relu and leaky relu: a normal distribution with variance
 * 2 / ((1 + slope²) fan).
 * @param options slope (default 0), and the definition of the fan
 * @throws ERR_INVALID_ARGUMENT for a slope that is not finite, or an unknown factor or fan out
 */
export function msra(options: MsraOptions = {}): Initializer {
  const { slope = 0, factor = 'in', fanOut } = msraOptions.check(options);
  return xavier({ magnitude: 2 / (1 + slope * slope), factor, distribution: 'gaussian', fanOut });
}

const orthonormalOptions = new Options<{ gain?: number }>('orthonormal()', { gain: optional(positive) });

/**
 * Random orthonormal weights (Saxe et al., arXiv:1312.6120): `gain` (default 1) times a matrix [O, I] or [O, KH KW I] with
 * orthonormal rows, or with orthonormal columns if it has more rows than columns.
 * @param options `gain`
 * @throws ERR_INVALID_ARGUMENT unless `gain` is positive
 */
export function orthonormal(options: { gain?: number } = {}): Initializer {
  const { gain = 1 } = orthonormalOptions.check(options);
  return (shape, random) => {
    const rows = shape[0]!;
    return Float32Array.from(orthonormalMatrix(rows, sizeOf(shape) / rows, random), (value) => gain * value);
  };
}

/**
 * The default of layers: a normal distribution with variance magnitude / fan in and magnitude = 1 / E[f'(0)²], the mean of both
 * sides of 0 (equations 3 to 6 of the paper). It is 2 for gelu, silu and hardSwish, as for relu, which they are like far from 0.
 * Without an activation the magnitude is 1. It is 1 for sigmoid too, not 16, because
 * 16 would repair exactly the failure that the paper demonstrates.
 */
export function defaultInitializer(activation?: Activation): Initializer {
  if (activation !== undefined) encodeActivation(activation);
  const neutral = !activation || activation.kind === 'sigmoid';
  const gain = neutral ? 1 : initialGain(activation);
  return xavier({ magnitude: 1 / gain, factor: 'in', distribution: 'gaussian' });
}
