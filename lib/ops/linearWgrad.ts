import { apply, type Tensor } from '../tensor';
import { linearFlops } from './linear';
import { dimension, expectTensor, type Op } from './op';

/** dweight = dyᵀ x, dbias = dy summed over the batch. x [N, I], dy [N, O] -> dweight [O, I], dbias [O]. */
export const linearWgradOp: Op = {
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

export function linearWgrad(x: Tensor, dy: Tensor, name?: string): { dweight: Tensor; dbias: Tensor } {
  const [dweight, dbias] = apply(linearWgradOp, [x, dy], {}, name) as [Tensor, Tensor];
  return { dweight, dbias };
}
