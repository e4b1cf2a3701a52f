import { apply, type Tensor } from '../tensor';
import { linearDgrad } from './linearDgrad';
import { linearWgrad } from './linearWgrad';
import { dimension, expectShape, expectTensor, first, type Op, shapeError } from './op';

/** y = x weightᵀ + bias. x [N, I], weight [O, I], bias [O] -> y [N, O]. */
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
    if (!weightNeeded && !biasNeeded) return [dx];
    const { dweight, dbias } = linearWgrad(x, dy, node.name);
    return [dx, weightNeeded ? dweight : null, biasNeeded ? dbias : null];
  },
  flops: (node) => linearFlops(node.inputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
};

/** Two per multiply-add: 2 N O I, the same in all three passes. */
export function linearFlops([batch = 0]: readonly number[], [outputs = 0, features = 0]: readonly number[]): number {
  return 2 * batch * outputs * features;
}

export interface LinearOptions {
  bias?: Tensor;
  name?: string;
}

/** A fully connected layer. @throws ERR_SHAPE */
export function linear(x: Tensor, weight: Tensor, { bias, name }: LinearOptions = {}): Tensor {
  return first(apply(linearOp, [x, weight, bias ?? null], {}, name));
}
