import { conv2dDgradOp, conv2dOp, conv2dWgradOp, noActivation } from '../ops/convolution';
import type { Node } from '../tensor/tensor';

/** Returns whether a node is a convolution with a 1x1 kernel, into which no pass has fused an activation. */
export function isPointwiseConvolution({ op, inputs, attributes }: Node): boolean {
  return op === conv2dOp && attributes.activation === noActivation && hasPointwiseKernel(inputs[1]?.shape);
}

/** Returns whether a node is the dgrad of a convolution with a 1x1 kernel. */
export function isPointwiseDgrad({ op, inputs }: Node): boolean {
  return op === conv2dDgradOp && hasPointwiseKernel(inputs[1]?.shape);
}

/** Returns whether a node is the wgrad of a convolution with a 1x1 kernel. */
export function isPointwiseWgrad({ op, outputs }: Node): boolean {
  return op === conv2dWgradOp && hasPointwiseKernel(outputs[0]?.shape);
}

/**
 * Returns whether a convolution has stride 1 and no padding. With a 1x1 kernel, each output pixel is then made from one input
 * pixel.
 */
export function keepsPixels({ attributes: { strideH, strideW, padH, padW } }: Node): boolean {
  return strideH === 1 && strideW === 1 && padH === 0 && padW === 0;
}

/** Returns whether weights [O, KH, KW, C] are those of a 1x1 kernel. */
function hasPointwiseKernel(shape: readonly number[] | undefined): boolean {
  return shape !== undefined && shape[1] === 1 && shape[2] === 1;
}
