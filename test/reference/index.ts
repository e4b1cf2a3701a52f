/**
 * One simple float64 implementation of each op of lib/ops/index.ts, with which the kernels of every backend are compared. They
 * are written to be read, not to be fast. Finite differences and recorded PyTorch runs check them independently of the kernels.
 */
import { activation, activationGradient, clamp, clampGradient, hasKink, preActivation } from './activation';
import { augment, augmentRounding, mix, mixRounding } from './augmentation';
import { add, affine, affineGradient, concat, multiply, slice } from './channels';
import { countCorrect, rankGap, softmaxCrossEntropy, softmaxCrossEntropyGradient } from './classification';
import { conv2d, conv2dDgrad, conv2dWgrad } from './convolution';
import { pack, rows } from './data';
import { dropout, dropoutRounding } from './dropout';
import { linear, linearDgrad, linearWgrad } from './linear';
import { elementLoss, elementLossGradient, lossGap } from './losses';
import {
  batchNorm,
  batchNormGradient,
  batchNormGradientRounding,
  batchNormInference,
  batchNormInferenceRounding,
  batchNormRounding,
  blend,
  moments,
  momentsRounding,
} from './normalization';
import {
  averagePool,
  averagePoolGradient,
  globalAveragePool,
  globalAveragePoolGradient,
  globalMaxPool,
  globalMaxPoolGradient,
  maxPool,
  maxPoolGap,
  maxPoolGradient,
  upsample,
  upsampleGradient,
} from './pooling';
import { randomizedRelu, randomizedReluGradient, randomizedReluRounding } from './randomizedRelu';
import {
  activationGradientRounding,
  activationRounding,
  adamRounding,
  affineRounding,
  averageRounding,
  blendRounding,
  type Call,
  type Compute,
  elementLossGradientRounding,
  elementLossRounding,
  exact,
  finiteCheckRounding,
  lossGradientRounding,
  lossRounding,
  productRounding,
  type Rounding,
  relativeRounding,
  sgdRounding,
  sums,
} from './rounding';
import { adjustLossScale, clipFactor, finiteCheck, unscale } from './scaling';
import { accumulate, adam, averageWeights, overflowFlag, sgd, trustRatios } from './update';
import { at, map, need, type Shape, type Values } from './values';

export interface ReferenceOp {
  /** Computes the outputs or, for an op that writes state, the new values of the tensors that it writes; `shapes` are theirs. */
  readonly compute: Compute;
  readonly rounding: Rounding;
  /** Distance of the nearest input element from a point where the op or its gradient jumps, relative to the inputs' RMS. */
  readonly margin?: (call: Call) => number;
  /** Whether the value of the op jumps at such a point, not only its gradient. */
  readonly jumps?: boolean;
  /** Whether a kernel may spread a NaN to more elements than the simple loops do (Winograd). */
  readonly spreadsNaN?: boolean;
}

const op = (compute: Compute, rounding: Rounding, margin?: ReferenceOp['margin']): ReferenceOp => ({
  compute,
  rounding,
  ...(margin && { margin }),
});

/** Makes the reference of an op whose results are sums of products of its inputs. */
const summing = (compute: Compute): ReferenceOp => op(compute, sums(compute));

const convolution = (compute: Compute): ReferenceOp => ({ ...summing(compute), spreadsNaN: true });

const shape = (shapes: readonly Shape[], index = 0): Shape => {
  const found = shapes[index];
  if (!found) throw new RangeError(`no output ${index}`);
  return found;
};

/** Returns the result of a gated write: the new values if the gate is absent or 0 (open), else the old ones. */
const gated = (gate: Values | null | undefined, before: Values[], after: () => Values[]): Values[] =>
  gate && gate.data[0] !== 0 ? before : after();

/** Returns the number that an op reads from a tensor, or 1 for an absent factor. */
const scalar = (values: Values | null | undefined): number => (values ? at(values.data, 0) : 1);

const rootMeanSquare = ({ data }: Values): number => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
const smallest = ({ data }: Values): number => data.reduce((least, x) => Math.min(least, Math.abs(x)), Infinity);
/** Returns the smallest absolute value, relative to the root mean square. */
const distanceFromZero = (values: Values): number => smallest(values) / rootMeanSquare(values);

const chosen: Compute = ([dy, indices], a, shapes) => [maxPoolGradient(need(dy), need(indices), a, shape(shapes))];

export const references: Readonly<Record<string, ReferenceOp>> = {
  conv2d: convolution(([x, w, b], a, shapes) => {
    const y = conv2d(need(x), need(w), b, a, shape(shapes));
    // Only a pass fuses an activation. Allowed errors come from graphs before any pass, which have none here.
    const { activation: kind = -1, slope = 0 } = a;
    return [kind < 0 ? y : activation(y, null, { kind, slope })];
  }),
  conv2dDgrad: convolution(([dy, w], a, shapes) => [conv2dDgrad(need(dy), need(w), a, shape(shapes))]),
  // Only a pass makes this op. Allowed errors come from graphs before any pass, so its rounding is never used.
  conv2dDgradActivation: convolution(([dy, w, y], { activation: kind = -1, slope = 0, ...a }, shapes) => {
    const between = conv2dDgrad(need(dy), need(w), a, shape(shapes));
    return activationGradient(between, need(y), { kind, slope });
  }),
  conv2dWgrad: convolution(([x, dy], a, shapes) => conv2dWgrad(need(x), need(dy), a, shape(shapes))),
  linear: summing(([x, w, b]) => [linear(need(x), need(w), b)]),
  linearDgrad: summing(([dy, w]) => [linearDgrad(need(dy), need(w))]),
  linearWgrad: summing(([x, dy]) => linearWgrad(need(x), need(dy))),
  maxPool: op(
    ([x], a, shapes) => maxPool(need(x), a, shape(shapes)),
    exact,
    ({ inputs: [x], attributes, outputs: [y] }) =>
      maxPoolGap(need(x), attributes, need(y).shape) / rootMeanSquare(need(x)),
  ),
  maxPoolGradient: op(chosen, sums(chosen, [1])),
  averagePool: summing(([x], a, shapes) => [averagePool(need(x), a, shape(shapes))]),
  averagePoolGradient: summing(([dy], a, shapes) => [averagePoolGradient(need(dy), a, shape(shapes))]),
  globalAveragePool: summing(([x]) => [globalAveragePool(need(x))]),
  globalAveragePoolGradient: summing(([dy], _, shapes) => [globalAveragePoolGradient(need(dy), shape(shapes))]),
  globalMaxPool: op(
    ([x]) => globalMaxPool(need(x)),
    exact,
    ({ inputs: [x] }) => {
      const [, kernelH = 1, kernelW = 1] = need(x).shape;
      return (
        maxPoolGap(need(x), { kernelH, kernelW }, [need(x).shape[0]!, 1, 1, need(x).shape[3]!]) /
        rootMeanSquare(need(x))
      );
    },
  ),
  globalMaxPoolGradient: op(
    ([dy, indices], _, shapes) => [globalMaxPoolGradient(need(dy), need(indices), shape(shapes))],
    exact,
  ),
  upsample: op(([x], _, shapes) => [upsample(need(x), shape(shapes))], exact),
  upsampleGradient: summing(([dy], _, shapes) => [upsampleGradient(need(dy), shape(shapes))]),
  flatten: op(([x], _, shapes) => [{ shape: shape(shapes), data: need(x).data }], exact),
  flattenGradient: op(([dy], _, shapes) => [{ shape: shape(shapes), data: need(dy).data }], exact),
  activation: op(
    ([x, b], a) => [activation(need(x), b, a)],
    activationRounding,
    ({ inputs: [x, b], attributes }) => {
      return hasKink(attributes) ? distanceFromZero(preActivation(need(x), b)) : Number.POSITIVE_INFINITY;
    },
  ),
  activationGradient: op(([dy, y], a) => activationGradient(need(dy), need(y), a), activationGradientRounding),
  clamp: op(
    ([x], a) => [clamp(need(x), a)],
    relativeRounding,
    ({ inputs: [x], attributes: { low = 0, high = 0 } }) => {
      const distance = map(need(x), (value) => Math.min(Math.abs(value - low), Math.abs(value - high)));
      return smallest(distance) / rootMeanSquare(need(x));
    },
  ),
  clampGradient: op(([dy, y], a) => [clampGradient(need(dy), need(y), a)], exact),
  randomizedRelu: op(
    (inputs, a) => [randomizedRelu(inputs, a)],
    randomizedReluRounding,
    ({ inputs: [x, b] }) => distanceFromZero(preActivation(need(x), b)),
  ),
  randomizedReluGradient: op((inputs, a) => randomizedReluGradient(inputs, a), activationGradientRounding),
  softmaxCrossEntropy: op(
    ([x, labels, w, targets], a) => softmaxCrossEntropy(need(x), need(labels), a, w, targets),
    lossRounding,
  ),
  softmaxCrossEntropyGradient: op(
    ([p, labels, dloss, w, targets], a) => [
      softmaxCrossEntropyGradient(need(p), need(labels), need(dloss), a, w, targets),
    ],
    lossGradientRounding,
  ),
  elementLoss: op(
    (inputs, a) => [elementLoss(inputs, a)],
    elementLossRounding,
    ({ inputs, attributes }) => lossGap(inputs, attributes) / rootMeanSquare(need(inputs[0])),
  ),
  elementLossGradient: op(
    ([x, t, dloss, ...rows], a) => [elementLossGradient([x, t, ...rows], scalar(dloss), a)],
    elementLossGradientRounding,
  ),
  countCorrect: {
    compute: ([logits, labels], { k = 1 }) => [countCorrect(need(logits), need(labels), k)],
    rounding: exact,
    margin: ({ inputs: [logits], attributes: { k = 1 } }) => rankGap(need(logits), k) / rootMeanSquare(need(logits)),
    jumps: true,
  },
  add: summing((inputs, _, shapes) => [add(inputs.map(need), shape(shapes))]),
  multiply: op(([a, b], { factor = 1 }) => [multiply(need(a), b, factor)], productRounding),
  concat: op((inputs, _, shapes) => [concat(inputs.map(need), shape(shapes))], exact),
  slice: op(([x], { channelOffset = 0 }, shapes) => [slice(need(x), channelOffset, shape(shapes))], exact),
  affine: op(([x, scale, bias]) => [affine(need(x), scale, bias)], affineRounding),
  affineGradient: summing(([dy, x], _, shapes) => [affineGradient(need(dy), x, shape(shapes))]),
  copy: op(([x]) => [need(x)], exact),
  moments: op(([x]) => [moments(need(x))], momentsRounding),
  augment: op((inputs, _, shapes) => [augment(inputs, shape(shapes))], augmentRounding),
  mix: op(([x, mixes]) => [mix(need(x), need(mixes))], mixRounding),
  pack: op((inputs, a, shapes) => [pack(inputs.map(need), a, shape(shapes))], exact),
  rows: op(([x], a, shapes) => {
    const { data, shape: whole } = need(x);
    return [rows(need(x), data.length / at(whole, 0), a, shape(shapes))];
  }, exact),
  finiteCheck: op(([loss, gradient]) => finiteCheck(need(loss), need(gradient)), finiteCheckRounding),
  clipFactor: op(([norm], a) => [clipFactor(need(norm), a)], relativeRounding),
  unscale: op(
    ([loss, overflow, norm, scale], a) =>
      unscale({ loss: scalar(loss), overflow: scalar(overflow), norm: scalar(norm), scale: scalar(scale) }, a),
    relativeRounding,
  ),
  adjustLossScale: op(
    ([gate, overflow, scale, steps], a) =>
      gated(gate, [need(scale), need(steps)], () => adjustLossScale(scalar(overflow), scalar(scale), scalar(steps), a)),
    exact,
  ),
  trustRatios: op(
    ([w, g, scale, ends, rates, decays], a) => [
      trustRatios(need(w), need(g), scalar(scale), [need(ends), need(rates), need(decays)], a),
    ],
    relativeRounding,
  ),
  sgd: op(([gate, w, m, gradient, rate, scale, ...table], a) => {
    const before = { parameters: need(w), momentum: need(m) };
    return gated(gate, [before.parameters, before.momentum], () => {
      const after = sgd(before, need(gradient), { rate: scalar(rate), scale: scalar(scale), table }, a);
      return [after.parameters, after.momentum];
    });
  }, sgdRounding),
  adam: op(([gate, w, m, v, gradient, rate, counter, scale, ...table], a) => {
    const before = { parameters: need(w), firstMoment: need(m), secondMoment: need(v) };
    return gated(gate, [before.parameters, before.firstMoment, before.secondMoment], () => {
      const factors = { rate: scalar(rate), scale: scalar(scale), table };
      const after = adam(before, need(gradient), at(need(counter).data, 1) + 1, factors, a);
      return [after.parameters, after.firstMoment, after.secondMoment];
    });
  }, adamRounding),
  sgdCheck: op(([gate, w, m, gradient, rate, scale, ...others], a) => {
    const [skip, table] = [others[3], others.slice(0, 3)];
    const before = { parameters: need(w), momentum: need(m) };
    const factors = { rate: scalar(rate), scale: scalar(scale), table };
    return [overflowFlag(gate, skip, () => Object.values(sgd(before, need(gradient), factors, a)))];
  }, exact),
  adamCheck: op(([gate, w, m, v, gradient, rate, counter, scale, ...others], a) => {
    const [skip, table] = [others[3], others.slice(0, 3)];
    const before = { parameters: need(w), firstMoment: need(m), secondMoment: need(v) };
    const factors = { rate: scalar(rate), scale: scalar(scale), table };
    const step = at(need(counter).data, 1) + 1;
    return [overflowFlag(gate, skip, () => Object.values(adam(before, need(gradient), step, factors, a)))];
  }, exact),
  averageWeights: op(
    ([gate, average, w, counter], a) =>
      gated(gate, [need(average)], () => [averageWeights(need(average), need(w), at(need(counter).data, 1), a)]),
    averageRounding,
  ),
  accumulate: op(([adds, sum, gradient]) => [accumulate(need(adds), need(sum), need(gradient))], relativeRounding),
  advance: op(
    ([gate, counter]) =>
      gated(gate, [need(counter)], () => [map(need(counter), (value, i) => (i === 1 ? value + 1 : value))]),
    exact,
  ),
  batchNorm: op(([x, scale, shift], a) => batchNorm(need(x), need(scale), need(shift), a), batchNormRounding),
  batchNormInference: op((inputs, a) => [batchNormInference(inputs.map(need), a)], batchNormInferenceRounding),
  batchNormGradient: op((inputs, a) => batchNormGradient(inputs.map(need), a), batchNormGradientRounding),
  dropout: op(([x, counter], a) => [dropout(need(x), need(counter), a)], dropoutRounding),
  blend: op(([old, value], a) => [blend(need(old), need(value), a)], blendRounding),
  assign: op(([gate, target, value]) => gated(gate, [need(target)], () => [need(value)]), exact),
};

export function referenceOf(op: string): ReferenceOp {
  const found = references[op];
  if (!found) throw new Error(`test/reference has nothing for op "${op}"`);
  return found;
}
