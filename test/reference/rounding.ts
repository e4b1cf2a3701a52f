/**
 * The allowed rounding error of each op in one execution with exact inputs, per element of each output. It is a factor from the
 * table in test/tolerance.ts times the size of the numbers that are rounded, which is computed here.
 */
import type { Tolerance } from '../tolerance';
import { derivativeFromSaved, needsInput, preActivation } from './activation';
import { affine } from './channels';
import { elementLossSizes } from './losses';
import { ratesOf } from './update';
import { type Attributes, at, map, need, type Shape, type Values } from './values';

/** One execution of an op: its inputs, its attributes, and the outputs of the reference. */
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

/** Below this size f32 numbers lose digits, and the kernels' exponential saturates. */
const tiny = 1e-37;

/** No error, for ops that only move or count. */
export const exact: Rounding = ({ outputs }) => outputs.map(({ data }) => new Float64Array(data.length));

/**
 * Errors of results that are sums of products of the inputs. The same op on absolute values gives Σ|t|, on squares Σt². The
 * largest element of each is used for all, because fast algorithms (Winograd) spread rounding errors over a tile.
 * @param positions the inputs that are indices and not factors
 */
export function sums(compute: Compute, positions: readonly number[] = []): Rounding {
  return ({ inputs, attributes, outputs }, { relative, sum, term, bias }) => {
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
      return data.map((want) => (relative + bias) * Math.abs(want) + scale);
    });
  };
}

function largest(values: Values | undefined): number {
  return need(values).data.reduce((most, value) => (Number.isFinite(value) && value > most ? value : most), 0);
}

/** Errors of the activation itself and of x + bias. */
export const activationRounding: Rounding = ({ inputs: [x, bias], attributes, outputs: [y] }, { relative }) => {
  const sum = preActivation(need(x), bias);
  const slopes = derivativeFromSaved(needsInput(attributes) ? sum : need(y), attributes).data.map(Math.abs);
  const before = sum.data;
  const inherited = (i: number) => (at(slopes, i) === 0 ? 0 : Math.abs(at(before, i)) * at(slopes, i));
  return [need(y).data.map((want, i) => relative * (Math.abs(want) + inherited(i)) + tiny)];
};

/** dx: f' = 1 - y² is rounded as a number of size 1, or of its own size if it is above 1. dbias: a sum of such terms. */
export const activationGradientRounding: Rounding = (
  { inputs: [dy], outputs: [dx, dbias] },
  { relative, sum, term },
) => {
  const channels = need(dbias).data.length;
  const absolutes = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const sizes = need(dy).data.map((value, i) => Math.max(Math.abs(value), Math.abs(at(need(dx).data, i))));
  sizes.forEach((size, i) => {
    const c = i % channels;
    absolutes[c] = at(absolutes, c) + Math.abs(at(need(dx).data, i));
    squares[c] = at(squares, c) + size * size;
  });
  return [
    sizes.map((size) => relative * size),
    absolutes.map((total, c) => sum * total + term * Math.sqrt(at(squares, c))),
  ];
};

/** The loss is a difference of numbers as large as the logits. The relative error of e^z is the absolute error of z. */
export const lossRounding: Rounding = (
  { inputs: [logits, , weights, targets], outputs: [loss, probabilities] },
  { relative },
) => {
  const scores = need(logits).data;
  const most = scores.reduce((size, score) => (Number.isFinite(score) ? Math.max(size, Math.abs(score)) : size), 1);
  const heaviest = weights ? weights.data.reduce((size, weight) => Math.max(size, Math.abs(weight)), 0) : 1;
  const size = heaviest * largestShare(targets) * most;
  return [
    need(loss).data.map((want) => relative * (Math.abs(want) + size)),
    need(probabilities).data.map((p) => relative * p * (1 + 2 * most) + tiny),
  ];
};

/** Returns the largest sum of a row of target probabilities, at least 1, which is that of a label. */
function largestShare(targets: Values | null | undefined): number {
  if (!targets) return 1;
  const classes = at(targets.shape, 1);
  const sums = Array.from({ length: at(targets.shape, 0) }, (_, n) =>
    targets.data
      .subarray(n * classes, (n + 1) * classes)
      .reduce((sum, share) => sum + (Number.isFinite(share) ? Math.abs(share) : 0), 0),
  );
  return Math.max(1, ...sums);
}

export const lossGradientRounding: Rounding = (
  { inputs: [p, labels, dloss, weights, targets], outputs: [dlogits] },
  { relative },
) => {
  const classes = at(need(p).shape, 1);
  const rows = need(labels).data.filter((label) => label >= 0).length;
  const factor = Math.abs(at(need(dloss).data, 0)) / Math.max(1, rows);
  const weightOf = (i: number) => (weights ? Math.abs(at(weights.data, Math.floor(i / classes))) : 1);
  const share = largestShare(targets);
  const sizeOf = (i: number) => share * (1 + Math.abs(at(need(p).data, i)));
  return [need(dlogits).data.map((_, i) => relative * factor * weightOf(i) * sizeOf(i))];
};

/** inputs: prediction, target, labels, weights. Losses are computed in f32 and added up in double precision. */
export const elementLossRounding: Rounding = ({ inputs, attributes, outputs: [loss] }, { relative }) => [
  need(loss).data.map((want) => relative * (Math.abs(want) + elementLossSizes(inputs, 1, attributes).loss)),
];

/** inputs: prediction, target, dloss, labels, weights. */
export const elementLossGradientRounding: Rounding = ({ inputs: [x, t, dloss, ...rows], attributes }, { relative }) => {
  const { gradient } = elementLossSizes([x, t, ...rows], at(need(dloss).data, 0), attributes);
  return [gradient.map((size) => relative * size)];
};

/** The flag is exact; the norm is a sum of squares. */
export const finiteCheckRounding: Rounding = ({ outputs: [, norm] }, { relative }) => [
  Float64Array.of(0),
  need(norm).data.map((want) => relative * want),
];

/** Error of a few operations without cancellation. */
export const relativeRounding: Rounding = ({ outputs }, { relative }) =>
  outputs.map(({ data }) => data.map((want) => relative * Math.abs(want)));

/** Error of a product, which may be so small that f32 has fewer digits for it. */
export const productRounding: Rounding = ({ outputs }, { relative }) =>
  outputs.map(({ data }) => data.map((want) => relative * Math.abs(want) + tiny));

/**
 * Returns, for each element: `size` = |scale g| + |decay w| (without the second if decoupled), `shrink` = |decay w|, and its
 * learning rate.
 */
function directions(
  [w, gradient, rate, scale, ...table]: readonly (Values | null | undefined)[],
  attributes: Attributes,
): (i: number) => { size: number; shrink: number; rate: number } {
  const of = ratesOf(table, attributes);
  const factor = scale ? at(scale.data, 0) : 1;
  return (i) => {
    const { rate: own, decay } = of(i);
    const shrink = decay === 0 ? 0 : Math.abs(decay * at(need(w).data, i));
    const size = Math.abs(factor * at(need(gradient).data, i)) + (attributes.decoupled ? 0 : shrink);
    return { size, shrink, rate: own * at(need(rate).data, 0) };
  };
}

/** inputs: gate, parameters, momentum, gradient, rate, ... The errors of the terms that are added, and of their sums. */
export const sgdRounding: Rounding = ({ inputs, attributes, outputs }, { relative }) => {
  const [, parameters, momentum, ...others] = inputs;
  const of = directions([parameters, ...others], attributes);
  const moved = need(outputs[1]).data.map((want, i) => {
    const { size, rate } = of(i);
    return relative * (Math.abs(want) + Math.abs(at(need(momentum).data, i)) + rate * size);
  });
  // Nesterov momentum adds a second step.
  const added = attributes.nesterov ? 2 : 1;
  return [need(outputs[0]).data.map((want, i) => relative * Math.abs(want) + added * at(moved, i)), moved];
};

/**
 * inputs: gate, parameters, moments, gradient, rate, counter, scale, ... The errors of the moments are those of their terms. The
 * error of the step is theirs, propagated through m / (sqrt(v) + epsilon), plus the rounding of a few operations.
 */
export const adamRounding: Rounding = ({ inputs, attributes, outputs }, { relative }) => {
  const [, parameters, firstBefore, secondBefore, gradient, rate, counter, ...others] = inputs;
  const { firstRate = 0, secondRate = 0, epsilon = 0 } = attributes;
  const [weights, first, second] = outputs.map(need) as [Values, Values, Values];
  const t = at(need(counter).data, 1) + 1;
  const correction = (part: number) => 1 - (1 - part) ** t;
  const of = directions([parameters, gradient, rate, ...others], attributes);
  const firstError = first.data.map((_, i) => relative * (Math.abs(at(need(firstBefore).data, i)) + of(i).size));
  const secondError = second.data.map((_, i) => relative * (at(need(secondBefore).data, i) + of(i).size ** 2));
  const error = weights.data.map((want, i) => {
    const { rate: own, shrink } = of(i);
    const root = Math.sqrt(at(second.data, i) / correction(secondRate));
    const rootError = Math.sqrt((at(second.data, i) + at(secondError, i)) / correction(secondRate)) - root;
    const divisor = root + epsilon;
    const factor = own / correction(firstRate) / divisor;
    const m = Math.abs(at(first.data, i));
    const step = factor * (at(firstError, i) + m * (rootError / divisor + 3 * relative));
    return relative * (Math.abs(want) + own * shrink) + step;
  });
  return [error, firstError, secondError];
};

/** inputs: gate, average, parameters, counter. */
export const averageRounding: Rounding = ({ inputs: [, average, parameters], outputs: [after] }, { relative }) => [
  need(after).data.map(
    (_, i) => relative * (Math.abs(at(need(average).data, i)) + Math.abs(at(need(parameters).data, i))),
  ),
];

/** The errors of the product and of the sum: y - x scale is the bias of an element. */
export const affineRounding: Rounding = ({ inputs: [x, scale, bias], outputs: [y] }, { relative }) => {
  const products = affine(need(x), scale, null);
  const allowed = (want: number, product: number) => Math.abs(want) + (bias ? Math.abs(product) : 0);
  return [need(y).data.map((want, i) => relative * allowed(want, at(products.data, i)) + tiny)];
};

/** Error of a sum of two products. */
export const blendRounding: Rounding = (
  { inputs: [old, value], attributes: { keep = 0, take = 0 }, outputs: [y] },
  { relative },
) => [
  need(y).data.map(
    (_, i) => relative * (Math.abs(keep * at(need(old).data, i)) + Math.abs(take * at(need(value).data, i))),
  ),
];
