/** Mean and variance of all elements. */
import type { Rounding } from './rounding';
import { at, need, type Values } from './values';

export function moments({ data }: Values): Values {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  return { shape: [2], data: Float64Array.of(mean, variance) };
}

/** Both are sums in double, of terms as large as the elements and as the variance; the results are rounded. */
export const momentsRounding: Rounding = ({ inputs: [x], outputs: [result] }, { relative }) => {
  const { data } = need(x);
  const size = data.reduce((sum, value) => sum + Math.abs(value), 0) / data.length;
  const [mean, variance] = [Math.abs(at(need(result).data, 0)), at(need(result).data, 1)];
  // What double loses: a part of the elements' size, and of its square.
  const lost = 1e-14;
  return [Float64Array.of(relative * mean + lost * size, relative * variance + (lost * size) ** 2)];
};
