import { invalid } from '../errors';
import { apply, type Tensor } from '../tensor';
import { dimension, expectShape, expectTensor, first, type Op, shapeError } from './op';
import { slice } from './slice';

/** Images side by side in their channels. Inputs [N, H, W, C_i] -> [N, H, W, ΣC_i]. Pass concatViews makes it free. */
export const concatOp: Op = {
  name: 'concat',
  attributes: [],
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  gathers: 'channels',
  inferShape(inputs) {
    if (inputs.length === 0) throw shapeError('concat', 'inputs', 'at least one image', inputs.length);
    const model = expectTensor('concat', 'input 0', inputs[0], { rank: 4, image: true });
    let channels = 0;
    inputs.forEach((tensor, index) => {
      const image = expectTensor('concat', `input ${index}`, tensor, { rank: 4, image: true });
      const own = dimension(image.shape, 3);
      expectShape('concat', `input ${index}`, image, [...model.shape.slice(0, 3), own]);
      channels += own;
    });
    return [{ dtype: 'f32', shape: [...model.shape.slice(0, 3), channels], image: true }];
  },
  gradient(node, [dy], needed) {
    if (!dy) return [];
    let channelOffset = 0;
    return node.inputs.map((tensor, index) => {
      const channels = tensor ? dimension(tensor.shape, 3) : 0;
      const dx = needed[index] ? slice(dy, { channelOffset, channels, name: node.name }) : null;
      channelOffset += channels;
      return dx;
    });
  },
};

/** @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function concat(tensors: readonly Tensor[], { name }: { name?: string } = {}): Tensor {
  if (!Array.isArray(tensors)) throw invalid('tensors', 'an array of Tensors', tensors);
  return first(apply(concatOp, tensors, {}, name));
}
