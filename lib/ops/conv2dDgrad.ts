import { apply, type Tensor } from '../tensor';
import { convAttributes, convFlops } from './conv2d';
import { dimension, expectTensor, first, type Op } from './op';

/** dgrad: the gradient of a convolution's input. dy [N, H', W', O], weight [O, KH, KW, C] -> dx [N, H, W, C]. */
export const conv2dDgradOp: Op = {
  name: 'conv2dDgrad',
  get attributes() {
    return convAttributes; // A getter: conv2d.ts and this file import each other.
  },
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  inferShape([dy, weight], { height = 0, width = 0 }) {
    const gradient = expectTensor('conv2dDgrad', 'dy', dy, { rank: 4, image: true });
    const weights = expectTensor('conv2dDgrad', 'weight', weight, { rank: 4, image: false });
    const shape = [dimension(gradient.shape, 0), height, width, dimension(weights.shape, 3)];
    return [{ dtype: 'f32', shape, image: true }];
  },
  flops: (node) => convFlops(node.inputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
};

/** @param shape of x: a stride does not tell which of several heights and widths it was. */
export function conv2dDgrad(
  dy: Tensor,
  weight: Tensor,
  shape: readonly number[],
  attributes: Readonly<Record<string, number>>,
  name?: string,
): Tensor {
  const size = { height: dimension(shape, 1), width: dimension(shape, 2) };
  return first(apply(conv2dDgradOp, [dy, weight], { ...attributes, ...size }, name));
}
