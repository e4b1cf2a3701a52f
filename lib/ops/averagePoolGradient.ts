import { apply, type Tensor } from '../tensor';
import { dimension, expectTensor, first, type Op } from './op';
import { poolAttributes } from './pool';

/** Each element of dx sums dy / (elements of the clipped window) over the windows that hold it. dy [N, H', W', C] -> dx [N, H, W, C]. */
export const averagePoolGradientOp: Op = {
  name: 'averagePoolGradient',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([dy], { height = 0, width = 0 }) {
    const gradient = expectTensor('averagePoolGradient', 'dy', dy, { rank: 4, image: true });
    const shape = [dimension(gradient.shape, 0), height, width, dimension(gradient.shape, 3)];
    return [{ dtype: 'f32', shape, image: true }];
  },
};

/** @param shape of x: the output size does not tell it. */
export function averagePoolGradient(
  dy: Tensor,
  shape: readonly number[],
  attributes: Readonly<Record<string, number>>,
  name?: string,
): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(averagePoolGradientOp, [dy], { ...attributes, ...size }, name));
}
