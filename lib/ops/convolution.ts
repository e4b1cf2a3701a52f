import { SaturnnError } from '../errors';
import { integer, optional, text } from '../options/field';
import {
  type AttributeField,
  apply,
  type Op,
  sizeOf,
  type Tensor,
  type TensorSpec,
  tensorField,
} from '../tensor/tensor';
import { biasGradient } from './activation';
import {
  dimension,
  expectShape,
  expectTensor,
  first,
  opOptions,
  type Padding,
  type Pair,
  paddingField,
  paddingOf,
  pair,
  pairField,
  pairOf,
  shapeError,
  sides,
} from './op';

/** Attribute `activation` of a convolution into which no activation is fused (SN_NO_ACTIVATION). */
export const noActivation = -1;

/** Attributes of conv2d and its gradients, as native/ops/convolution.def declares them. */
const convAttributes: readonly AttributeField[] = [
  ['strideH', 'i32'],
  ['strideW', 'i32'],
  ['padTop', 'i32'],
  ['padLeft', 'i32'],
  ['padBottom', 'i32'],
  ['padRight', 'i32'],
  ['dilationH', 'i32'],
  ['dilationW', 'i32'],
  ['groups', 'i32'],
  ['activation', 'i32'],
  ['slope', 'f32'],
];

/** Checks x and the weights of a convolution against each other, and returns the spec of y. @throws ERR_SHAPE */
function convShape(x: Tensor, weight: Tensor, attributes: Readonly<Record<string, number>>): TensorSpec {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [outChannels, kernelH, kernelW, inChannels] = weight.shape as [number, number, number, number];
  const { strideH = 1, strideW = 1, dilationH = 1, dilationW = 1, groups = 1 } = attributes;
  const { padTop = 0, padLeft = 0, padBottom = 0, padRight = 0 } = attributes;
  if (channels % groups !== 0 || outChannels % groups !== 0) {
    const both = `${channels} channels of x and of ${outChannels} of weight (first dimension)`;
    throw shapeError('conv2d', 'groups', `a divisor of ${both}`, groups);
  }
  if (inChannels !== channels / groups) {
    const expected =
      groups === 1
        ? `${channels} input channels (last dimension), as x has`
        : `${channels / groups} input channels (last dimension), as each of the ${groups} groups of x has`;
    throw shapeError('conv2d', 'weight', expected, [...weight.shape]);
  }
  const outHeight = Math.floor((height + padTop + padBottom - extent(kernelH, dilationH)) / strideH) + 1;
  const outWidth = Math.floor((width + padLeft + padRight - extent(kernelW, dilationW)) / strideW) + 1;
  if (outHeight < 1 || outWidth < 1) {
    const dilated = dilationH > 1 || dilationW > 1 ? ` with dilation ${dilationH}, ${dilationW}` : '';
    const padded = `padding ${padTop}, ${padBottom}, ${padLeft}, ${padRight} (top, bottom, left, right)`;
    const expected = `an image that with ${padded} holds a ${kernelH}x${kernelW} kernel${dilated}`;
    throw shapeError('conv2d', 'x', expected, [...x.shape]);
  }
  return { dtype: 'f32', shape: [batch, outHeight, outWidth, outChannels], image: true };
}

/** Returns the number of pixels from the first tap of a kernel to its last, along one axis, with both. */
const extent = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/**
 * Cross-correlation: y = x * weight + bias, through an activation if pass fuseConvBiasActivation has fused one. bias is optional.
 * x [N, H, W, C], weight [O, KH, KW, C / groups], bias [O] -> y [N, H', W', O],
 * H' = floor((H + padTop + padBottom - (KH - 1) dilationH - 1) / strideH) + 1.
 */
export const conv2dOp: Op = {
  name: 'conv2d',
  attributes: convAttributes,
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  inferShape([x, weight, bias], attributes) {
    const image = expectTensor('conv2d', 'x', x, { rank: 4, image: true });
    const weights = expectTensor('conv2d', 'weight', weight, { rank: 4, image: false });
    if (bias) expectShape('conv2d', 'bias', expectTensor('conv2d', 'bias', bias, {}), [dimension(weights.shape, 0)]);
    return [convShape(image, weights, attributes)];
  },
  gradient(node, [dy], [xNeeded, weightNeeded, biasNeeded]) {
    const [x, weight] = node.inputs;
    if (!dy || !x || !weight) return [];
    if (node.attributes.activation !== noActivation) {
      const remedy = 'differentiate the graph before the passes';
      throw new SaturnnError('ERR_GRAPH', `[conv2d] a pass has fused an activation into "${node.name}": ${remedy}`);
    }
    const dx = xNeeded ? conv2dDgrad(dy, weight, x.shape, node.attributes, node.name) : null;
    // Frozen weights cost no wgrad, even if the bias is trained.
    if (!weightNeeded) return [dx, null, biasNeeded ? biasGradient(dy, node.name) : null];
    const { dweight, dbias } = conv2dWgrad(x, dy, weight.shape, node.attributes, node.name);
    return [dx, dweight, biasNeeded ? dbias : null];
  },
  flops: (node) => convFlops(node.outputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
  saved: {
    options: ({ attributes }) => ({ stride: pairOf(attributes, 'stride'), ...othersOf(attributes) }),
    make: ([x, weight, bias], options, name) => conv2d(x, weight, { ...options, bias: bias ?? undefined, name }),
  },
};

/** Returns padding, dilation and groups of a convolution as conv2d() takes them; the last two only if they are not 1. */
function othersOf(attributes: Readonly<Record<string, number>>) {
  const { groups = 1 } = attributes;
  const dilation = pairOf(attributes, 'dilation');
  return {
    padding: paddingOf(attributes),
    ...(dilation.some((step) => step !== 1) && { dilation }),
    ...(groups > 1 && { groups }),
  };
}

/**
 * Returns 2 N H' W' O KH KW C / groups: two operations per multiply-add, the same for the convolution, dgrad and wgrad.
 * @param weight [O, KH, KW, C / groups]
 */
function convFlops(output: readonly number[], weight: readonly number[]): number {
  const positions = sizeOf(output.slice(0, 3));
  return 2 * positions * sizeOf(weight);
}

/** Options of conv2d(). */
export interface Conv2dOpOptions {
  /** A bias [O] that is added to every pixel; default: none. */
  bias?: Tensor;
  /** Step between windows, vertical and horizontal: 1 to 65535; default 1. */
  stride?: Pair;
  /** Rows and columns of zeros around the image, on all sides or [top, bottom, left, right]: 0 to 65535; default 0. */
  padding?: Padding;
  /** Pixels from one tap of the kernel to the next, vertical and horizontal: 1 to 65535; default 1. */
  dilation?: Pair;
  /**
   * Number of groups: a divisor of C and of O; default 1. The channels of both images are divided into as many groups, in their
   * order, and those of y read those of x in the same group only. With as many groups as channels (C), the convolution is
   * depthwise: each channel of x gives O / C channels of y.
   */
  groups?: number;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const conv2dOptions = opOptions<Conv2dOpOptions>('conv2d', {
  bias: optional(tensorField),
  stride: optional(pairField),
  padding: optional(paddingField),
  dilation: optional(pairField),
  groups: optional(integer(1)),
  name: optional(text),
});

/**
 * Returns the cross-correlation of an image x [N, H, W, C] with weights [O, KH, KW, C / groups], which networks call a
 * convolution: [N, H', W', O] with H' = floor((H + top + bottom - (KH - 1) dilation - 1) / stride) + 1, and W' likewise.
 * @param x an image, f32 [N, H, W, C]
 * @param weight f32 [O, KH, KW, C / groups]
 * @param options bias [O] (default: none), stride (default 1), padding (default 0), dilation (default 1), groups (default 1) and
 * name
 * @throws ERR_SHAPE if shapes do not fit or the kernel is larger than the padded image; ERR_INVALID_ARGUMENT for the options
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOpOptions = {}): Tensor {
  const { bias, name, ...places } = conv2dOptions.check(options);
  const attributes = { ...placesOf(places), activation: noActivation, slope: 0 };
  return first(apply(conv2dOp, [x, weight, bias ?? null], attributes, name));
}

/** Returns the attributes that say which pixels and channels a convolution reads. @throws ERR_INVALID_ARGUMENT */
function placesOf(options: Pick<Conv2dOpOptions, 'stride' | 'padding' | 'dilation' | 'groups'>) {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [strideH, strideW] = pair('stride', stride, 1);
  const { top, bottom, left, right } = sides('padding', padding);
  const [dilationH, dilationW] = pair('dilation', dilation, 1);
  return {
    ...{ strideH, strideW, padTop: top, padLeft: left, padBottom: bottom, padRight: right },
    ...{ dilationH, dilationW, groups },
  };
}

/**
 * dgrad: the gradient with respect to a convolution's input. dy [N, H', W', O], weight [O, KH, KW, C / groups] ->
 * dx [N, H, W, C].
 */
export const conv2dDgradOp: Op = {
  name: 'conv2dDgrad',
  attributes: convAttributes,
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  inferShape([dy, weight], { height = 0, width = 0, groups = 1 }) {
    const gradient = expectTensor('conv2dDgrad', 'dy', dy, { rank: 4, image: true });
    const weights = expectTensor('conv2dDgrad', 'weight', weight, { rank: 4, image: false });
    const shape = [dimension(gradient.shape, 0), height, width, groups * dimension(weights.shape, 3)];
    return [{ dtype: 'f32', shape, image: true }];
  },
  flops: (node) => convFlops(node.inputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
};

/**
 * Returns dx [N, H, W, C] of a convolution. `attributes` are those of the forward node.
 * @param shape of x, because with a stride several heights and widths of x give the same dy
 * @throws ERR_SHAPE
 */
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

/**
 * conv2dDgrad followed by activationGradient, which pass fuseDgradActivation joins: dx = dgrad(dy, weight) f'(x), with f'
 * computed from y, the output of the activation before the convolution; dbias = dx summed over all dimensions but the last.
 * dy [N, H', W', O], weight [O, KH, KW, C / groups], y [N, H, W, C] -> dx [N, H, W, C], dbias [C]. Attributes `activation` and
 * `slope` are f's.
 */
export const conv2dDgradActivationOp: Op = {
  name: 'conv2dDgradActivation',
  attributes: convAttributes,
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  optionalOutputs: [1],
  inferShape([dy, weight, y], { groups = 1 }) {
    const gradient = expectTensor('conv2dDgradActivation', 'dy', dy, { rank: 4, image: true });
    const weights = expectTensor('conv2dDgradActivation', 'weight', weight, { rank: 4, image: false });
    const activated = expectTensor('conv2dDgradActivation', 'y', y, { rank: 4, image: true });
    const [batch = 0] = gradient.shape;
    const [, height = 0, width = 0] = activated.shape;
    const shape = [batch, height, width, groups * dimension(weights.shape, 3)];
    expectShape('conv2dDgradActivation', 'y', activated, shape);
    return [
      { dtype: 'f32', shape, image: true },
      { dtype: 'f32', shape: shape.slice(-1), image: false },
    ];
  },
  flops: (node) => convFlops(node.inputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
};

/**
 * wgrad: the gradients with respect to weights and bias. x [N, H, W, C], dy [N, H', W', O] -> dweight
 * [O, KH, KW, C / groups], dbias [O].
 */
export const conv2dWgradOp: Op = {
  name: 'conv2dWgrad',
  attributes: convAttributes,
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  optionalOutputs: [1],
  inferShape([x, dy], { kernelH = 0, kernelW = 0, groups = 1 }) {
    const image = expectTensor('conv2dWgrad', 'x', x, { rank: 4, image: true });
    const gradient = expectTensor('conv2dWgrad', 'dy', dy, { rank: 4, image: true });
    const outChannels = dimension(gradient.shape, 3);
    return [
      { dtype: 'f32', shape: [outChannels, kernelH, kernelW, dimension(image.shape, 3) / groups], image: false },
      { dtype: 'f32', shape: [outChannels], image: false },
    ];
  },
  flops: (node) => convFlops(node.inputs[1]?.shape ?? [], node.outputs[0]?.shape ?? []),
};

/**
 * Returns dweight and dbias of a convolution. `attributes` are those of the forward node.
 * @param shape of the weights
 * @throws ERR_SHAPE
 */
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

/** All ops of this file. */
export const convolutionOps: readonly Op[] = [conv2dOp, conv2dDgradOp, conv2dDgradActivationOp, conv2dWgradOp];
