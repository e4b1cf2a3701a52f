/**
 * References of the mean of a loss of every element, and its gradient. prediction and target [N] or [N, K], labels and weights [N].
 * A row with a negative label does not count; weights are factors on the losses of the rows, and the mean divides by the number of
 * elements that count.
 */
import { type Attributes, at, need, type Values, zeros } from './values';

interface Loss {
  readonly loss: (x: number, t: number) => number;
  readonly slope: (x: number, t: number) => number;
  /** The size of the numbers that are added up to the loss, and to its slope. */
  readonly sizes: (x: number, t: number) => readonly [loss: number, slope: number];
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** By attribute `kind`: x itself, squared, absolute, binary cross-entropy of a logit. */
const losses: readonly Loss[] = [
  { loss: (x) => x, slope: () => 1, sizes: (x) => [Math.abs(x), 1] },
  {
    loss: (x, t) => (x - t) ** 2,
    slope: (x, t) => 2 * (x - t),
    sizes: (x, t) => [3 * (x - t) ** 2, 2 * Math.abs(x - t)],
  },
  {
    loss: (x, t) => Math.abs(x - t),
    slope: (x, t) => Math.sign(x - t),
    sizes: (x, t) => [Math.abs(x - t), 1],
  },
  {
    loss: (x, t) => softplus(x) - x * t,
    slope: (x, t) => 1 / (1 + Math.exp(-x)) - t,
    sizes: (x, t) => [softplus(x) + Math.abs(x * t), 1 + Math.abs(t)],
  },
];

/** The inputs of both ops, but for dloss. */
export type LossInputs = readonly (Values | null | undefined)[];

/** Calls `each` with every element that counts; returns how many there are. */
function forElements(
  [prediction, target, labels, weights]: LossInputs,
  { kind = 0 }: Attributes,
  each: (i: number, loss: Loss, x: number, t: number, weight: number) => void,
): number {
  const { data, shape } = need(prediction);
  const columns = data.length / at(shape, 0);
  let count = 0;
  data.forEach((x, i) => {
    const row = Math.floor(i / columns);
    if (labels && at(labels.data, row) < 0) return;
    count++;
    each(i, losses[kind] as Loss, x, target ? at(target.data, i) : 0, weights ? at(weights.data, row) : 1);
  });
  return count;
}

export function elementLoss(inputs: LossInputs, attributes: Attributes): Values {
  let sum = 0;
  const count = forElements(inputs, attributes, (_, { loss }, x, t, weight) => {
    sum += weight * loss(x, t);
  });
  return { shape: [1], data: Float64Array.of(count === 0 ? 0 : sum / count) };
}

export function elementLossGradient(inputs: LossInputs, dloss: number, attributes: Attributes): Values {
  const gradient = zeros(need(inputs[0]).shape);
  const count = forElements(inputs, attributes, (i, { slope }, x, t, weight) => {
    gradient.data[i] = weight * dloss * slope(x, t);
  });
  return { ...gradient, data: gradient.data.map((value) => (count === 0 ? 0 : value / count)) };
}

/** Returns the sizes of the numbers that are rounded: for the loss, and for each element of the gradient. */
export function elementLossSizes(inputs: LossInputs, dloss: number, attributes: Attributes) {
  const gradient = zeros(need(inputs[0]).shape).data;
  let sum = 0;
  const count = forElements(inputs, attributes, (i, { sizes }, x, t, weight) => {
    const [loss, slope] = sizes(x, t).map((size) => Math.abs(weight) * (Number.isFinite(size) ? size : 0));
    sum += loss as number;
    gradient[i] = Math.abs(dloss) * (slope as number);
  });
  const divisor = Math.max(1, count);
  return { loss: sum / divisor, gradient: gradient.map((size) => size / divisor) };
}

/** Returns the smallest |x - t| of the absolute loss, whose gradient jumps at 0; Infinity for the others. */
export function lossGap([prediction, target]: LossInputs, { kind = 0 }: Attributes): number {
  if (kind !== 2) return Number.POSITIVE_INFINITY;
  return need(prediction).data.reduce((gap, x, i) => Math.min(gap, Math.abs(x - at(need(target).data, i))), Infinity);
}
