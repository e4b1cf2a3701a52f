import { conv2dDgradOp, conv2dOp, conv2dWgradOp, noActivation } from '../ops/convolution';
import type { Node } from '../tensor/tensor';

/** A convolution whose kernel is 1x1, before any pass has fused an activation into it. */
export function isPointwiseConvolution({ op, inputs, attributes }: Node): boolean {
  return op === conv2dOp && attributes.activation === noActivation && hasPointwiseKernel(inputs[1]?.shape);
}

/** The gradient of the image of such a convolution. */
export function isPointwiseDgrad({ op, inputs }: Node): boolean {
  return op === conv2dDgradOp && hasPointwiseKernel(inputs[1]?.shape);
}

/** The gradient of the weights of such a convolution. */
export function isPointwiseWgrad({ op, outputs }: Node): boolean {
  return op === conv2dWgradOp && hasPointwiseKernel(outputs[0]?.shape);
}

/** Pixel by pixel: of stride 1, without padding. */
export function keepsPixels({ attributes: { strideH, strideW, padH, padW } }: Node): boolean {
  return strideH === 1 && strideW === 1 && padH === 0 && padW === 0;
}

/** Of weights: [O, KH, KW, C]. */
function hasPointwiseKernel(shape: readonly number[] | undefined): boolean {
  return shape !== undefined && shape[1] === 1 && shape[2] === 1;
}
