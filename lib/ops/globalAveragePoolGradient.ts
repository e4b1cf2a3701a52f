import { apply, type Tensor } from '../tensor';
import { dimension, expectTensor, first, type Op } from './op';

/** dx = dy / (H W) at every position. dy [N, C] -> dx [N, H, W, C]. */
export const globalAveragePoolGradientOp: Op = {
  name: 'globalAveragePoolGradient',
  attributes: [],
  readsSlices: false,
  writesSlices: true,
  halfImages: true,
  inferShape([dy], { height = 0, width = 0 }) {
    const { shape } = expectTensor('globalAveragePoolGradient', 'dy', dy, { rank: 2 });
    return [{ dtype: 'f32', shape: [dimension(shape, 0), height, width, dimension(shape, 1)], image: true }];
  },
};

/** @param shape of x */
export function globalAveragePoolGradient(dy: Tensor, shape: readonly number[], name?: string): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(globalAveragePoolGradientOp, [dy], size, name));
}
