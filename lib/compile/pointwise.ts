import { conv2dDgradOp, conv2dOp, conv2dWgradOp, noActivation } from '../ops/convolution';
import type { Node } from '../tensor/tensor';

/** Returns whether a node is a convolution with a 1x1 kernel and without groups, into which no pass has fused an activation. */
export function isPointwiseConvolution({ op, inputs, attributes }: Node): boolean {
  return op === conv2dOp && attributes.activation === noActivation && isPointwise(inputs[1]?.shape, attributes);
}

/** Returns whether a node is the dgrad of a convolution with a 1x1 kernel and without groups. */
export function isPointwiseDgrad({ op, inputs, attributes }: Node): boolean {
  return op === conv2dDgradOp && isPointwise(inputs[1]?.shape, attributes);
}

/** Returns whether a node is the wgrad of a convolution with a 1x1 kernel and without groups. */
export function isPointwiseWgrad({ op, outputs, attributes }: Node): boolean {
  return op === conv2dWgradOp && isPointwise(outputs[0]?.shape, attributes);
}

/**
 * Returns whether a convolution has stride 1 and no padding. With a 1x1 kernel, each output pixel is then made from one input
 * pixel.
 */
export function keepsPixels({ attributes }: Node): boolean {
  const { strideH, strideW, padTop, padLeft, padBottom, padRight } = attributes;
  return strideH === 1 && strideW === 1 && [padTop, padLeft, padBottom, padRight].every((size) => size === 0);
}

/**
 * Returns whether weights [O, KH, KW, C / groups] are those of a 1x1 kernel without groups: only then do the rows of several
 * weights, joined, make one convolution.
 */
function isPointwise(shape: readonly number[] | undefined, { groups }: Node['attributes']): boolean {
  return shape !== undefined && shape[1] === 1 && shape[2] === 1 && groups === 1;
}
