/** References of the finite check, gradient clipping and loss scaling. */
import { type Attributes, at, map, type Values } from './values';

export function finiteCheck(loss: Values, gradient: Values): Values[] {
  const norm = Math.fround(Math.sqrt(gradient.data.reduce((sum, g) => sum + g * g, 0)));
  const flag = Number.isFinite(at(loss.data, 0)) && Number.isFinite(norm) ? 0 : 1;
  return [
    { shape: [1], data: Float64Array.of(flag) },
    { shape: [1], data: Float64Array.of(norm) },
  ];
}

/** Returns halt (0 or 1), the norm of the unscaled gradient, and the factor on the scaled gradient. */
export function unscale(
  { loss, overflow, norm, scale }: Readonly<Record<'loss' | 'overflow' | 'norm' | 'scale', number>>,
  { limit = 0 }: Attributes,
): Values[] {
  const trueNorm = norm / scale;
  const clip = trueNorm <= limit ? 1 : limit / trueNorm;
  const halt = !Number.isFinite(loss) || (overflow !== 0 && scale <= 1);
  return [Number(halt), trueNorm, clip / scale].map((value) => ({ shape: [1], data: Float64Array.of(value) }));
}

/** Returns the next scale, and the number of steps since it last changed. */
export function adjustLossScale(overflow: number, scale: number, steps: number, { growthInterval = 0 }: Attributes) {
  const grown = steps + 1 >= growthInterval;
  const next =
    overflow !== 0 ? [Math.max(1, scale / 2), 0] : grown ? [Math.min(2 ** 24, 2 * scale), 0] : [scale, steps + 1];
  return next.map((value) => ({ shape: [1], data: Float64Array.of(value) }));
}

/** Returns min(1, limit / norm). */
export const clipFactor = (norm: Values, { limit = 0 }: Attributes): Values =>
  map(norm, (value) => (value <= limit ? 1 : limit / value));
