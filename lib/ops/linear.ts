import { optional, text } from '../options/field';
import { apply, noSavedOptions, type Op, type Tensor, tensorField } from '../tensor/tensor';
import { biasGradient } from './activation';
import { dimension, expectShape, expectTensor, first, opOptions, shapeError } from './op';

/** y = x weightᵀ + bias. x [N, I], weight [O, I], bias [O], which is optional -> y [N, O]. */
export const linearOp: Op = {
  name: 'linear',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  inferShape([x, weight, bias]) {
    const input = expectTensor('linear', 'x', x, { rank: 2 });
    const weights = expectTensor('linear', 'weight', weight, { rank: 2 });
    const [outputs, features] = weights.shape as [number, number];
    if (features !== input.shape[1]) {
      throw shapeError('linear', 'weight', `[outputs, ${input.shape[1]}], as x has ${input.shape[1]} features`, [
        ...weights.shape,
      ]);
    }
    if (bias) expectShape('linear', 'bias', expectTensor('linear', 'bias', bias, {}), [outputs]);
    return [{ dtype: 'f32', shape: [dimension(input.shape, 0), outputs], image: false }];
  },
  gradient(node, [dy], [xNeeded, weightNeeded, biasNeeded]) {
    const [x, weight] = node.inputs;
    if (!dy || !x || !weight) return [];
    const dx = xNeeded ? linearDgrad(dy, weight, node.name) : null;
    // Frozen weights cost no wgrad, even if the bias is trained.
    if (!weightNeeded) return [dx, null, biasNeeded ? biasGradient(dy, node.name) : null];
    const { dweight, dbias } = linearWgrad(x, dy, node.name);
    return [dx, dweight, biasNeeded ? dbias : null];
  },
  flops: (node) => linearFlops(node.inputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
  saved: {
    options: noSavedOptions,
    make: ([x, weight, bias], options, name) => linear(x, weight, { ...options, bias: bias ?? undefined, name }),
  },
};

/** Returns 2 N O I: two operations per multiply-add, the same for linear, linearDgrad and linearWgrad. */
function linearFlops([batch = 0]: readonly number[], [outputs = 0, features = 0]: readonly number[]): number {
  return 2 * batch * outputs * features;
}

/** Options of linear(). */
export interface LinearOpOptions {
  /** A bias [O]; default: none. */
  bias?: Tensor;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const linearOptions = opOptions<LinearOpOptions>('linear', { bias: optional(tensorField), name: optional(text) });

/**
 * Returns x weightᵀ + bias, a fully connected layer: [N, I] -> [N, O].
 * @param x f32 [N, I]
 * @param weight f32 [O, I]
 * @param options bias [O] (default: none) and name
 * @throws ERR_SHAPE if shapes do not fit; ERR_INVALID_ARGUMENT for the options
 */
export function linear(x: Tensor, weight: Tensor, options: LinearOpOptions = {}): Tensor {
  const { bias, name } = linearOptions.check(options);
  return first(apply(linearOp, [x, weight, bias ?? null], {}, name));
}

/** dx = dy weight. dy [N, O], weight [O, I] -> dx [N, I]. */
export const linearDgradOp: Op = {
  name: 'linearDgrad',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  inferShape([dy, weight]) {
    const gradient = expectTensor('linearDgrad', 'dy', dy, { rank: 2 });
    const weights = expectTensor('linearDgrad', 'weight', weight, { rank: 2 });
    return [{ dtype: 'f32', shape: [dimension(gradient.shape, 0), dimension(weights.shape, 1)], image: false }];
  },
  flops: (node) => linearFlops(node.inputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
};

/** Returns dx [N, I] of linear(). @throws ERR_SHAPE */
export function linearDgrad(dy: Tensor, weight: Tensor, name?: string): Tensor {
  return first(apply(linearDgradOp, [dy, weight], {}, name));
}

/** dweight = dyᵀ x, dbias = dy summed over the batch. x [N, I], dy [N, O] -> dweight [O, I], dbias [O]. */
const linearWgradOp: Op = {
  name: 'linearWgrad',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  optionalOutputs: [1],
  inferShape([x, dy]) {
    const input = expectTensor('linearWgrad', 'x', x, { rank: 2 });
    const gradient = expectTensor('linearWgrad', 'dy', dy, { rank: 2 });
    const outputs = dimension(gradient.shape, 1);
    return [
      { dtype: 'f32', shape: [outputs, dimension(input.shape, 1)], image: false },
      { dtype: 'f32', shape: [outputs], image: false },
    ];
  },
  flops: (node) => linearFlops(node.inputs[0]?.shape ?? [], node.outputs[0]?.shape ?? []),
};

/** Returns dweight [O, I] and dbias [O] of linear(). @throws ERR_SHAPE */
export function linearWgrad(x: Tensor, dy: Tensor, name?: string): { dweight: Tensor; dbias: Tensor } {
  const [dweight, dbias] = apply(linearWgradOp, [x, dy], {}, name) as [Tensor, Tensor];
  return { dweight, dbias };
}

/** All ops of this file. */
export const linearOps: readonly Op[] = [linearOp, linearDgradOp, linearWgradOp];
