import { apply, type Tensor } from '../tensor';
import { dimension, expectShape, expectTensor, first, type Op } from './op';
import { poolAttributes } from './pool';

/** Each element of dx sums dy over the windows that chose it. dy, indices [N, H', W', C] -> dx [N, H, W, C]. */
export const maxPoolGradientOp: Op = {
  name: 'maxPoolGradient',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([dy, indices], { height = 0, width = 0 }) {
    const gradient = expectTensor('maxPoolGradient', 'dy', dy, { rank: 4, image: true });
    const chosen = expectTensor('maxPoolGradient', 'indices', indices, { dtype: 'u8', rank: 4, image: true });
    expectShape('maxPoolGradient', 'indices', chosen, gradient.shape);
    const shape = [dimension(gradient.shape, 0), height, width, dimension(gradient.shape, 3)];
    return [{ dtype: 'f32', shape, image: true }];
  },
};

/** @param shape of x: the output size does not tell it. */
export function maxPoolGradient(
  dy: Tensor,
  indices: Tensor,
  shape: readonly number[],
  attributes: Readonly<Record<string, number>>,
  name?: string,
): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(maxPoolGradientOp, [dy, indices], { ...attributes, ...size }, name));
}
