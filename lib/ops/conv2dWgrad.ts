import { apply, type Tensor } from '../tensor';
import { convAttributes, convFlops } from './conv2d';
import { dimension, expectTensor, type Op } from './op';

/** wgrad: the gradients of a convolution's weights and bias. x [N, H, W, C], dy [N, H', W', O] -> dweight [O, KH, KW, C], dbias [O]. */
export const conv2dWgradOp: Op = {
  name: 'conv2dWgrad',
  get attributes() {
    return convAttributes; // A getter: conv2d.ts and this file import each other.
  },
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  optionalOutputs: [1],
  inferShape([x, dy], { kernelH = 0, kernelW = 0 }) {
    const image = expectTensor('conv2dWgrad', 'x', x, { rank: 4, image: true });
    const gradient = expectTensor('conv2dWgrad', 'dy', dy, { rank: 4, image: true });
    const outChannels = dimension(gradient.shape, 3);
    return [
      { dtype: 'f32', shape: [outChannels, kernelH, kernelW, dimension(image.shape, 3)], image: false },
      { dtype: 'f32', shape: [outChannels], image: false },
    ];
  },
  flops: (node) => convFlops(node.inputs[1]?.shape ?? [], node.outputs[0]?.shape ?? []),
};

export function conv2dWgrad(
  x: Tensor,
  dy: Tensor,
  shape: readonly number[],
  attributes: Readonly<Record<string, number>>,
  name?: string,
): { dweight: Tensor; dbias: Tensor } {
  const kernel = { kernelH: dimension(shape, 1), kernelW: dimension(shape, 2) };
  const [dweight, dbias] = apply(conv2dWgradOp, [x, dy], { ...attributes, ...kernel }, name) as [Tensor, Tensor];
  return { dweight, dbias };
}
