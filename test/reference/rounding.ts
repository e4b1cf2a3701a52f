/**
 * How much error each op's arithmetic may make in one execution with exact inputs, per element of each output. The
 * factors come from the table in test/tolerance.ts; here is what they are multiplied with.
 */
import type { Tolerance } from '../tolerance';
import { derivativeFromOutput, preActivation } from './activation';
import { type Attributes, at, map, need, type Shape, type Values } from './values';

/** One execution of an op: what went in, what the reference got. */
export interface Call {
  readonly inputs: readonly (Values | null)[];
  readonly attributes: Attributes;
  readonly outputs: readonly Values[];
}

export type Compute = (
  inputs: readonly (Values | null)[],
  attributes: Attributes,
  shapes: readonly Shape[],
) => Values[];
export type Rounding = (call: Call, tolerance: Tolerance) => Float64Array[];

/** Below this size f32 numbers lose digits, and an exponential of ours saturates. */
const tiny = 1e-37;

/** Nothing is computed, only moved or counted. */
export const exact: Rounding = ({ outputs }) => outputs.map(({ data }) => new Float64Array(data.length));

/**
 * Results that are sums of products of the inputs: the same op on absolute values gives Σ|t|, on squares Σt². Taken at
 * the largest element, because fast algorithms (Winograd) spread rounding errors over a tile.
 * @param positions inputs that are not factors, but say where to look (indices).
 */
export function sums(compute: Compute, positions: readonly number[] = []): Rounding {
  return ({ inputs, attributes, outputs }, { relative, sum, term }) => {
    const evaluate = (f: (value: number) => number) =>
      compute(
        inputs.map((values, i) => (values && !positions.includes(i) ? map(values, f) : values)),
        attributes,
        outputs.map(({ shape }) => shape),
      );
    const absolutes = evaluate(Math.abs);
    const squares = evaluate((value) => value * value);
    return outputs.map(({ data }, i) => {
      const scale = sum * largest(absolutes[i]) + term * Math.sqrt(largest(squares[i]));
      return data.map((want) => relative * Math.abs(want) + scale);
    });
  };
}

function largest(values: Values | undefined): number {
  return need(values).data.reduce((most, value) => (Number.isFinite(value) && value > most ? value : most), 0);
}

/** The activation's own rounding, and that of x + bias. */
export const activationRounding: Rounding = ({ inputs: [x, bias], attributes, outputs: [y] }, { relative }) => {
  const slopes = derivativeFromOutput(need(y), attributes).data;
  const before = preActivation(need(x), bias).data;
  const inherited = (i: number) => (at(slopes, i) === 0 ? 0 : Math.abs(at(before, i)) * at(slopes, i));
  return [need(y).data.map((want, i) => relative * (Math.abs(want) + inherited(i)) + tiny)];
};

/** dx: the difference in f' = 1 - y² is rounded at 1. dbias: a sum of such terms. */
export const activationGradientRounding: Rounding = (
  { inputs: [dy], outputs: [dx, dbias] },
  { relative, sum, term },
) => {
  const channels = need(dbias).data.length;
  const absolutes = new Float64Array(channels);
  const squares = new Float64Array(channels);
  need(dy).data.forEach((value, i) => {
    const c = i % channels;
    absolutes[c] = at(absolutes, c) + Math.abs(at(need(dx).data, i));
    squares[c] = at(squares, c) + value * value;
  });
  return [
    need(dy).data.map((value) => relative * Math.abs(value)),
    absolutes.map((total, c) => sum * total + term * Math.sqrt(at(squares, c))),
  ];
};

/** The loss is a difference of numbers as large as the logits; e^z has z's absolute error as its relative one. */
export const lossRounding: Rounding = ({ inputs: [logits], outputs: [loss, probabilities] }, { relative }) => {
  const scores = need(logits).data;
  const most = scores.reduce((size, score) => (Number.isFinite(score) ? Math.max(size, Math.abs(score)) : size), 1);
  return [
    need(loss).data.map((want) => relative * (Math.abs(want) + most)),
    need(probabilities).data.map((p) => relative * p * (1 + 2 * most) + tiny),
  ];
};

export const lossGradientRounding: Rounding = ({ inputs: [p, labels, dloss], outputs: [dlogits] }, { relative }) => {
  const rows = need(labels).data.filter((label) => label >= 0).length;
  const factor = Math.abs(at(need(dloss).data, 0)) / Math.max(1, rows);
  return [need(dlogits).data.map((_, i) => relative * factor * (1 + Math.abs(at(need(p).data, i))))];
};

/** The flag is exact; the norm is a sum of squares. */
export const finiteCheckRounding: Rounding = ({ outputs: [, norm] }, { relative }) => [
  Float64Array.of(0),
  need(norm).data.map((want) => relative * want),
];

/** (pixel - mean) * inverse deviation. */
export const augmentRounding: Rounding = ({ inputs: [, , , mean, inverse], outputs: [y] }, { relative }) => {
  const channels = need(mean).data.length;
  return [
    need(y).data.map((want, i) => {
      const c = i % channels;
      return relative * (Math.abs(want) + Math.abs(at(need(mean).data, c) * at(need(inverse).data, c)));
    }),
  ];
};

/** inputs: gate, parameters, momentum, gradient, learning rate. What was added, and what it was added to. */
export const sgdRounding: Rounding = ({ inputs, attributes, outputs }, { relative }) => {
  const [, parameters, momentum, gradient, rate] = inputs.map(need) as [Values, Values, Values, Values, Values];
  const moved = need(outputs[1]).data.map((want, i) => {
    const decay = Math.abs((attributes.weightDecay ?? 0) * at(parameters.data, i));
    const terms = Math.abs(at(momentum.data, i)) + at(rate.data, 0) * (Math.abs(at(gradient.data, i)) + decay);
    return relative * (Math.abs(want) + terms);
  });
  return [need(outputs[0]).data.map((want, i) => relative * Math.abs(want) + at(moved, i)), moved];
};

/** Two products. */
export const blendRounding: Rounding = (
  { inputs: [old, value], attributes: { keep = 0, take = 0 }, outputs: [y] },
  { relative },
) => [
  need(y).data.map(
    (_, i) => relative * (Math.abs(keep * at(need(old).data, i)) + Math.abs(take * at(need(value).data, i))),
  ),
];
