import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, first, type Op, shapeError } from './op';

const most = 8;

/** The sum of 2 to 8 tensors of one shape, in one pass. */
export const addOp: Op = {
  name: 'add',
  attributes: [],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inPlace: true,
  sums: true,
  inferShape(inputs) {
    if (inputs.length < 2 || inputs.length > most)
      throw shapeError('add', 'inputs', `2 to ${most} tensors`, inputs.length);
    const model = expectTensor('add', 'input 0', inputs[0], {});
    inputs.forEach((tensor, index) => {
      const checked = expectTensor('add', `input ${index}`, tensor, { image: model.image });
      expectShape('add', `input ${index}`, checked, model.shape);
    });
    return [{ dtype: 'f32', shape: model.shape, image: model.image }];
  },
  gradient: (node, [dy]) => node.inputs.map(() => dy ?? null),
};

/** The sum of any number of tensors of one shape. @throws ERR_SHAPE */
export function add(...tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 1) return expectTensor('add', 'input 0', tensors[0], {});
  if (tensors.length <= most) return first(apply(addOp, tensors));
  return add(first(apply(addOp, tensors.slice(0, most))), ...tensors.slice(most));
}
