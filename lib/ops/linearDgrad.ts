import { apply, type Tensor } from '../tensor';
import { linearFlops } from './linear';
import { dimension, expectTensor, first, type Op } from './op';

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

export function linearDgrad(dy: Tensor, weight: Tensor, name?: string): Tensor {
  return first(apply(linearDgradOp, [dy, weight], {}, name));
}
