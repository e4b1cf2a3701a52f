/** References of batch normalisation, moments and running averages, and their allowed rounding errors. */
import type { Rounding } from './rounding';
import { type Attributes, accumulate, at, map, need, type Values, zeros } from './values';

/** Returns the sum of f over all rows, for each channel (last dimension). */
function channelSums(values: Values, f: (value: number, index: number, channel: number) => number): Values {
  const channels = values.shape.at(-1) ?? 1;
  const sums = zeros([channels]);
  const { data } = values;
  for (let i = 0; i < data.length; i++) accumulate(sums, i % channels, f(at(data, i), i, i % channels));
  return sums;
}

const rowsOf = ({ data, shape }: Values): number => data.length / (shape.at(-1) ?? 1);

/** Returns mean and biased variance of each channel, computed in two passes. */
export function statistics(x: Values): { mean: Values; variance: Values } {
  const n = rowsOf(x);
  const mean = map(
    channelSums(x, (value) => value),
    (sum) => sum / n,
  );
  const variance = map(
    channelSums(x, (value, _, c) => (value - at(mean.data, c)) ** 2),
    (sum) => sum / n,
  );
  return { mean, variance };
}

/** (x - mean) / sqrt(variance + epsilon) */
function standardized(x: Values, mean: Values, variance: Values, { epsilon = 0 }: Attributes): Values {
  const channels = mean.data.length;
  return map(
    x,
    (value, i) => (value - at(mean.data, i % channels)) / Math.sqrt(at(variance.data, i % channels) + epsilon),
  );
}

/** inputs: x, mean, variance, scale, shift. */
export function batchNormInference(inputs: readonly Values[], attributes: Attributes): Values {
  const [x, mean, variance, scale, shift] = inputs as [Values, Values, Values, Values, Values];
  const channels = scale.data.length;
  return map(
    standardized(x, mean, variance, attributes),
    (value, i) => value * at(scale.data, i % channels) + at(shift.data, i % channels),
  );
}

export function batchNorm(x: Values, scale: Values, shift: Values, attributes: Attributes): Values[] {
  const { mean, variance } = statistics(x);
  return [batchNormInference([x, mean, variance, scale, shift], attributes), mean, variance];
}

/** inputs: dy, x, mean, variance, scale. Unless frozen, the mean is computed from x; the given one is rounded. */
export function batchNormGradient(inputs: readonly Values[], attributes: Attributes): Values[] {
  const [dy, x, given, variance, scale] = inputs as [Values, Values, Values, Values, Values];
  const { epsilon = 0, frozen = 0 } = attributes;
  const n = rowsOf(x);
  const channels = scale.data.length;
  const z = standardized(x, frozen ? given : statistics(x).mean, variance, attributes);
  const dshift = channelSums(dy, (value) => value);
  const dscale = channelSums(dy, (value, i) => value * at(z.data, i));
  const dx = map(dy, (value, i) => {
    const c = i % channels;
    const factor = at(scale.data, c) / Math.sqrt(at(variance.data, c) + epsilon);
    if (frozen) return factor * value;
    return factor * (value - at(dshift.data, c) / n - (at(z.data, i) * at(dscale.data, c)) / n);
  });
  return [dx, dscale, dshift];
}

/** Errors of y (a product plus a shift), mean and variance (sums over n). The variance's does not grow with the mean. */
export const batchNormRounding: Rounding = (
  { inputs: [x, , shift], outputs: [y, mean, variance] },
  { relative, sum },
) => {
  const n = rowsOf(need(x));
  const spread = channelSums(need(x), (value, _, c) => Math.abs(value - at(need(mean).data, c)));
  return [
    shiftedRounding(need(y), need(shift), relative),
    need(mean).data.map((want, c) => relative * Math.abs(want) + (sum * at(spread.data, c)) / n),
    need(variance).data.map((want) => (relative + sum) * want),
  ];
};

export const batchNormInferenceRounding: Rounding = ({ inputs, outputs: [y] }, { relative }) => [
  shiftedRounding(need(y), need(inputs[4]), relative),
];

/** Error of y = product + shift. Both are rounded, and |product| is at most |y| + |shift|. */
function shiftedRounding(y: Values, shift: Values, relative: number): Float64Array {
  const channels = shift.data.length;
  return y.data.map((want, i) => relative * (Math.abs(want) + 2 * Math.abs(at(shift.data, i % channels))));
}

/** Errors of dscale and dshift (sums), and of dx (three terms, two of which contain a sum). */
export const batchNormGradientRounding: Rounding = ({ inputs, attributes, outputs }, { relative, sum, term }) => {
  const [dy, x, given, variance, scale] = inputs.map(need) as [Values, Values, Values, Values, Values];
  const { epsilon = 0, frozen = 0 } = attributes;
  const n = rowsOf(x);
  const channels = scale.data.length;
  const z = standardized(x, frozen ? given : statistics(x).mean, variance, attributes);
  const allowed = (factor: (index: number) => number) => {
    const absolutes = channelSums(dy, (value, i) => Math.abs(value * factor(i)));
    const squares = channelSums(dy, (value, i) => (value * factor(i)) ** 2);
    return absolutes.data.map((total, c) => sum * total + term * Math.sqrt(at(squares.data, c)));
  };
  const ofScale = allowed((i) => at(z.data, i));
  const ofShift = allowed(() => 1);
  const dscale = need(outputs[1]).data;
  const dshift = need(outputs[2]).data;
  const dx = dy.data.map((value, i) => {
    const c = i % channels;
    const factor = Math.abs(at(scale.data, c)) / Math.sqrt(at(variance.data, c) + epsilon);
    if (frozen) return relative * factor * Math.abs(value);
    const shifted = relative * Math.abs(at(dshift, c)) + at(ofShift, c);
    const scaled = Math.abs(at(z.data, i)) * (relative * Math.abs(at(dscale, c)) + at(ofScale, c));
    return factor * (relative * Math.abs(value) + (shifted + scaled) / n);
  });
  return [dx, ofScale.map((error, c) => error + relative * Math.abs(at(dscale, c))), ofShift];
};

/** Returns mean and variance of all elements, [2]. */
export function moments({ data }: Values): Values {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  return { shape: [2], data: Float64Array.of(mean, variance) };
}

/** Errors of mean and variance: kernels sum in double, in which little is lost, and round the results. */
export const momentsRounding: Rounding = ({ inputs: [x], outputs: [result] }, { relative }) => {
  const { data } = need(x);
  const size = data.reduce((sum, value) => sum + Math.abs(value), 0) / data.length;
  const [mean, variance] = [Math.abs(at(need(result).data, 0)), at(need(result).data, 1)];
  // Error of sums in double, relative to the mean absolute element; the variance has the square of that error.
  const lost = 1e-14;
  return [Float64Array.of(relative * mean + lost * size, relative * variance + (lost * size) ** 2)];
};

/** Returns a running average: keep old + take value. */
export function blend(old: Values, value: Values, { keep = 0, take = 0 }: Attributes): Values {
  return map(old, (before, i) => keep * before + take * at(value.data, i));
}
