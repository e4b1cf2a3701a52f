import { apply, type Tensor } from '../tensor';
import { globalAveragePoolGradient } from './globalAveragePoolGradient';
import { dimension, expectTensor, first, type Op } from './op';

/** The mean over height and width. x [N, H, W, C] -> y [N, C]. */
export const globalAveragePoolOp: Op = {
  name: 'globalAveragePool',
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  halfImages: true,
  inferShape([x]) {
    const image = expectTensor('globalAveragePool', 'x', x, { rank: 4, image: true });
    return [{ dtype: 'f32', shape: [dimension(image.shape, 0), dimension(image.shape, 3)], image: false }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    return dy && x ? [globalAveragePoolGradient(dy, x.shape, node.name)] : [];
  },
};

/** @throws ERR_SHAPE */
export function globalAveragePool(x: Tensor, { name }: { name?: string } = {}): Tensor {
  return first(apply(globalAveragePoolOp, [x], {}, name));
}
