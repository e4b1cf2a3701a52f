/** Initial distributions of weights (SPEC: Xavier and MSRA as the paper's framework defines them). */
import { invalid } from './errors';
import { type Activation, activationRow } from './ops/activation';
import type { Philox } from './random';
import { sizeOf } from './tensor';

/** Draws the values of a weight of this shape ([O, I] or [O, KH, KW, I]), row-major. */
export type Initializer = (shape: readonly number[], random: Philox) => Float32Array;

export type Factor = 'in' | 'out' | 'avg';
export type Distribution = 'gaussian' | 'uniform';

function checkPositive(argument: string, value: number): number {
  if (!(Number.isFinite(value) && value > 0)) throw invalid(argument, 'a positive number', value);
  return value;
}

function draw(shape: readonly number[], next: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = next();
  return values;
}

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

/** Inputs and outputs that one weight of an [O, I] or [O, KH, KW, I] tensor connects. */
export function fans(shape: readonly number[]): Record<Factor, number> {
  if (shape.length !== 2 && shape.length !== 4)
    throw invalid('shape of a weight', '[O, I] or [O, KH, KW, I]', [...shape]);
  const outputs = shape[0]!;
  const inputs = shape[shape.length - 1]!;
  const area = shape.length === 4 ? shape[1]! * shape[2]! : 1;
  return { in: inputs * area, out: outputs * area, avg: ((inputs + outputs) * area) / 2 };
}

export interface XavierOptions {
  /** Default 3. */
  magnitude?: number;
  /** Fan in, fan out, or their mean; default 'avg'. */
  factor?: Factor;
  /** Default 'uniform'. */
  distribution?: Distribution;
}

/** s = sqrt(magnitude / fan); U(-s, s) or N(0, s²). */
export function xavier({ magnitude = 3, factor = 'avg', distribution = 'uniform' }: XavierOptions = {}): Initializer {
  checkPositive('magnitude', magnitude);
  if (!['in', 'out', 'avg'].includes(factor)) throw invalid('factor', "'in', 'out' or 'avg'", factor);
  if (distribution !== 'gaussian' && distribution !== 'uniform') {
    throw invalid('distribution', "'gaussian' or 'uniform'", distribution);
  }
  return (shape, random) => {
    const scale = Math.sqrt(magnitude / fans(shape)[factor]);
    const make = distribution === 'gaussian' ? gaussian({ deviation: scale }) : uniform({ limit: scale });
    return make(shape, random);
  };
}

/** He et al.: gaussian, fan in, magnitude 2 / (1 + slope²), where `slope` is that of the negative side. */
export function msra({ slope = 0 }: { slope?: number } = {}): Initializer {
  return xavier({ magnitude: 2 / (1 + slope * slope), factor: 'in', distribution: 'gaussian' });
}

/**
 * What layers use when nothing is said: gaussian, fan in, magnitude 1 / E[f'²]. The plain sigmoid gets 1 as well, not
 * 16: that would repair exactly what the paper shows failing. Without an activation: 1.
 */
export function defaultInitializer(activation?: Activation): Initializer {
  const neutral = !activation || activation.kind === 'sigmoid';
  const gain = neutral ? 1 : activationRow(activation.kind).meanSquareGain(activation.slope);
  return xavier({ magnitude: 1 / gain, factor: 'in', distribution: 'gaussian' });
}
