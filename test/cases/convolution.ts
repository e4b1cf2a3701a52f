/** Cases of convolutions: forward, dgrad and wgrad, alone and with bias and activation. */

import { activate, activationGradient, encodeActivation, formatActivation } from '../../lib/ops/activation';
import {
  type Activation,
  type ActivationKind,
  activations,
  elu,
  leakyRelu,
  leakyTanh,
  relu,
  scaledSigmoid,
  tanh,
} from '../../lib/ops/activations';
import { conv2d, conv2dDgrad, conv2dWgrad } from '../../lib/ops/convolution';
import type { Padding, Pair } from '../../lib/ops/op';
import { activation as reference } from '../reference/activation';
import { type Fill, gaussian, mapped, scaled, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

interface Shape {
  batch: number;
  size: readonly [height: number, width: number];
  channels: readonly [input: number, output: number];
  kernel: readonly [height: number, width: number];
  stride?: readonly [height: number, width: number];
  padding?: Padding;
  dilation?: readonly [height: number, width: number];
  groups?: number;
}

const square = (n: number) => [n, n] as const;

/** Kinds of convolution that the networks have (1x1, 3x3 with stride 1 and 2, a first layer), and others that none has. */
const shapes: readonly Shape[] = [
  { batch: 3, size: [9, 10], channels: [16, 48], kernel: square(3), padding: square(1) },
  { batch: 1, size: [14, 14], channels: [48, 16], kernel: square(3), padding: square(1) },
  { batch: 3, size: [7, 6], channels: [48, 16], kernel: square(1) },
  { batch: 3, size: [8, 7], channels: [16, 16], kernel: square(3), stride: square(2), padding: square(1) },
  { batch: 3, size: [9, 8], channels: [3, 16], kernel: square(3), padding: square(1) },
  { batch: 1, size: [15, 14], channels: [3, 16], kernel: square(7), stride: square(2), padding: square(3) },
  { batch: 3, size: [6, 5], channels: [7, 20], kernel: square(3), padding: square(1) },
  { batch: 1, size: [5, 6], channels: [20, 33], kernel: square(1) },
  { batch: 3, size: [7, 7], channels: [33, 7], kernel: square(3), stride: square(2), padding: square(1) },
  { batch: 3, size: [8, 8], channels: [8, 16], kernel: square(3), padding: square(1) },
  { batch: 3, size: [1, 1], channels: [16, 48], kernel: square(1) },
  { batch: 1, size: [1, 1], channels: [7, 33], kernel: square(3), padding: square(1) },
  { batch: 3, size: [1, 1], channels: [48, 16], kernel: square(3), padding: square(1) },
  { batch: 5, size: [2, 2], channels: [32, 48], kernel: square(3), padding: square(1) },
  { batch: 3, size: [2, 3], channels: [32, 16], kernel: [5, 3], stride: square(2), padding: [2, 1] },
  { batch: 3, size: [9, 6], channels: [16, 16], kernel: [3, 1], stride: [2, 1], padding: [1, 0] },
  { batch: 1, size: [6, 9], channels: [1, 1], kernel: [2, 5], stride: [1, 3] },
];

/** Convolutions with groups, a dilation, or sides that are padded differently. */
const variations: readonly Shape[] = [
  // As TensorFlow's SAME pads, and in every way.
  { batch: 3, size: [6, 7], channels: [16, 16], kernel: square(3), stride: square(2), padding: [0, 1, 0, 1] },
  { batch: 1, size: [5, 6], channels: [3, 7], kernel: [2, 3], padding: [2, 0, 1, 3] },
  { batch: 2, size: [9, 8], channels: [16, 16], kernel: square(3), padding: square(2), dilation: square(2) },
  {
    ...{ batch: 1, size: [11, 7], channels: [5, 6], kernel: square(3), stride: square(2) },
    ...{ padding: [3, 2, 1, 0], dilation: [3, 1] },
  },
  { batch: 2, size: [6, 5], channels: [16, 32], kernel: square(3), padding: square(1), groups: 2 },
  { batch: 3, size: [5, 6], channels: [6, 9], kernel: square(3), padding: square(1), groups: 3 },
  { batch: 1, size: [4, 4], channels: [20, 10], kernel: square(1), stride: square(2), groups: 5 },
  { batch: 2, size: [8, 7], channels: [32, 32], kernel: square(3), padding: square(2), dilation: square(2), groups: 4 },
];

/** As many groups as channels of x. */
const depthwise: readonly Shape[] = [
  { batch: 3, size: [9, 10], channels: [32, 32], kernel: square(3), padding: square(1), groups: 32 },
  { batch: 2, size: [8, 7], channels: [16, 16], kernel: square(3), stride: square(2), padding: square(1), groups: 16 },
  { batch: 2, size: [7, 9], channels: [20, 20], kernel: square(5), padding: square(2), groups: 20 },
  { batch: 1, size: [6, 6], channels: [3, 3], kernel: square(3), groups: 3 },
  { batch: 2, size: [5, 6], channels: [8, 24], kernel: square(3), padding: square(1), groups: 8 },
  { batch: 1, size: [6, 5], channels: [5, 10], kernel: square(2), stride: square(2), groups: 5 },
  {
    ...{ batch: 2, size: [13, 8], channels: [24, 24], kernel: square(3), stride: [2, 1], groups: 24 },
    ...{ padding: [4, 0, 1, 3], dilation: [2, 3] },
  },
  { batch: 3, size: [1, 1], channels: [16, 16], kernel: square(3), padding: square(1), groups: 16 },
  // Images that are smaller than the windows, in blocks of channels and without, and more channels than a thread has at once.
  { batch: 3, size: [2, 2], channels: [32, 32], kernel: square(3), padding: square(1), groups: 32 },
  { batch: 2, size: [1, 2], channels: [161, 161], kernel: square(3), padding: square(1), groups: 161 },
  {
    ...{ batch: 2, size: [6, 5], channels: [32, 32], kernel: square(3), groups: 32 },
    ...{ padding: square(2), dilation: square(2) },
  },
  { batch: 2, size: [2, 3], channels: [20, 20], kernel: [5, 3], stride: [1, 2], padding: [2, 3, 1, 2], groups: 20 },
  { batch: 1, size: [4, 3], channels: [7, 7], kernel: square(1), groups: 7 },
  // Every other pixel of x is read by no window.
  { batch: 2, size: [7, 7], channels: [16, 16], kernel: square(1), stride: square(2), groups: 16 },
];

const all = [...shapes, ...variations, ...depthwise];

function describe({ batch, size, channels, kernel, stride = square(1), padding = square(0), ...rest }: Shape): string {
  const { dilation = square(1), groups = 1 } = rest;
  const dilated = dilation.some((step) => step > 1) ? `, dilation ${dilation}` : '';
  const how = `stride ${stride}, pad ${padding}${dilated}${groups > 1 ? `, ${groups} groups` : ''}`;
  return `${kernel.join('x')}, ${how}, ${channels.join(' -> ')} channels, ${size.join('x')}, batch ${batch}`;
}

const imageOf = ({ batch, size, channels: [input] }: Shape) => [batch, ...size, input];
const weightOf = ({ channels: [input, output], kernel, groups = 1 }: Shape) => [output, ...kernel, input / groups];
const optionsOf = ({ stride, padding, dilation, groups }: Shape) => ({ stride, padding, dilation, groups });

/** Makes a convolution of new inputs. */
function convolve(b: Builder, shape: Shape, { bias = true, image = gaussian, weight = gaussian }: Fills = {}) {
  const x = b.f32('x', imageOf(shape), image);
  const w = b.plain('weight', weightOf(shape), weight);
  const options = optionsOf(shape);
  return conv2d(x, w, bias ? { ...options, bias: b.plain('bias', [shape.channels[1]]) } : options);
}

interface Fills {
  bias?: boolean;
  image?: Fill;
  weight?: Fill;
}

/** Makes the inputs of a gradient, with the attributes and the shape of dy that conv2d() gives. */
function backward(b: Builder, shape: Shape, fill: Fill = gaussian) {
  const y = convolve(b, shape, { bias: false });
  const [x, w] = y.node.inputs;
  if (!x || !w) throw new Error('conv2d has lost its inputs');
  return { x, w, dy: b.f32('dy', y.shape, fill), attributes: y.node.attributes };
}

const dgradCase = (shape: Shape, name = describe(shape), fill?: Fill): Case =>
  graphCase(`conv2dDgrad ${name}`, ['conv2dDgrad'], (b) => {
    const { x, w, dy, attributes } = backward(b, shape, fill);
    return { dx: conv2dDgrad(dy, w, x.shape, attributes) };
  });

const wgradCase = (shape: Shape, name = describe(shape), fill?: Fill): Case =>
  graphCase(`conv2dWgrad ${name}`, ['conv2dWgrad'], (b) => {
    const { x, w, dy, attributes } = backward(b, shape, fill);
    return { ...conv2dWgrad(x, dy, w.shape, attributes) };
  });

const blocked = shapes[0] as Shape;
const strided = shapes[3] as Shape;
const odd = shapes[6] as Shape;
const pointwise = shapes[2] as Shape;

/** Values of which one third is 0, one third is far in both tails, and one third is gaussian. */
const zerosAndTails: Fill = (random, size) =>
  gaussian(random, size).map((value, i) => (i % 3 === 0 ? 0 : i % 3 === 1 ? 30 * value : value));

/** conv2d and activation, which fuseConvBiasActivation makes one kernel. Pre-activations reach into both tails. */
const fusedCase = (shape: Shape, activation: Activation): Case =>
  graphCase(`conv2d + ${activation.kind} ${activation.slope}, ${describe(shape)}`, ['conv2d', 'activation'], (b) => {
    const y = convolve(b, shape, { weight: scaled(0.3) });
    return { y: activate(y, activation) };
  });

interface DgradFills {
  /** Fill of the x from which y = f(x) is computed. */
  before?: Fill;
  gradient?: Fill;
  weight?: Fill;
  /** Default true. */
  bias?: boolean;
}

/** conv2dDgrad and activationGradient, which fuseDgradActivation makes one kernel. y is an input, rounded as images are. */
const dgradActivationCase = (shape: Shape, activation: Activation, what = '', fills: DgradFills = {}): Case => {
  const { kind, slope } = encodeActivation(activation);
  const f = (x: number) => {
    const { data } = reference({ shape: [1], data: Float64Array.of(x) }, null, { kind, slope: Math.fround(slope) });
    return data[0] ?? Number.NaN;
  };
  const { before = gaussian, gradient = gaussian, weight = scaled(0.3), bias = true } = fills;
  const name = `conv2dDgrad + gradient of ${formatActivation(activation)}${what}, ${describe(shape)}`;
  return graphCase(name, ['conv2dDgrad', 'activationGradient', 'conv2dDgradActivation'], (b) => {
    const y = b.f32('y', imageOf(shape), mapped(before, f));
    const w = b.plain('weight', weightOf(shape), weight);
    const { shape: size, node } = conv2d(y, w, optionsOf(shape));
    const between = conv2dDgrad(b.f32('dy', size, gradient), w, y.shape, node.attributes);
    const { dx, dbias } = activationGradient(between, y, { kind, slope });
    return { dx, ...(bias && { dbias }) };
  });
};

const everyActivation: readonly Activation[] = Object.entries(activations).map(([kind, { slope }]) => ({
  kind: kind as ActivationKind,
  slope: slope?.default ?? 0,
}));

export const convolutionCases: readonly Case[] = [
  ...all.map((shape) => graphCase(`conv2d ${describe(shape)}`, ['conv2d'], (b) => ({ y: convolve(b, shape) }))),
  ...all.map((shape) => dgradCase(shape)),
  ...all.map((shape) => wgradCase(shape)),
  ...[blocked, odd].map((shape) =>
    graphCase(`conv2d without bias, ${describe(shape)}`, ['conv2d'], (b) => ({
      y: convolve(b, shape, { bias: false }),
    })),
  ),
  ...[blocked, odd, pointwise].flatMap((shape) => everyActivation.map((activation) => fusedCase(shape, activation))),
  ...[0, 0.1, 0.3, 0.5].flatMap((slope) => [blocked, odd].map((shape) => fusedCase(shape, leakyTanh(slope)))),
  graphCase('conv2d + tanh with the bias in the activation', ['conv2d', 'activation'], (b) => {
    const y = convolve(b, blocked, { bias: false, weight: scaled(0.3) });
    return { y: activate(y, tanh(), { bias: b.plain('bias', [blocked.channels[1]]) }) };
  }),
  graphCase('conv2d + sigmoid*, whose pre-activation is read too', ['conv2d', 'activation'], (b) => {
    const pre = convolve(b, blocked, { weight: scaled(0.3) });
    return { pre, y: activate(pre, scaledSigmoid()) };
  }),
  ...[blocked, odd, pointwise].map((shape) =>
    // An elu that computed e^x - 1 would have a large relative error here.
    graphCase(`conv2d + elu of tiny values, ${describe(shape)}`, ['conv2d', 'activation'], (b) => ({
      y: activate(convolve(b, shape, { bias: false, image: scaled(1e-9) }), elu()),
    })),
  ),
  ...[strided, odd, pointwise].flatMap((shape) =>
    everyActivation.map((activation) => dgradActivationCase(shape, activation)),
  ),
  ...[leakyTanh(0), leakyTanh(0.5), leakyRelu(0)].map((activation) => dgradActivationCase(strided, activation)),
  ...[...shapes, ...variations.slice(2, 6)].map((shape) =>
    dgradActivationCase(shape, leakyTanh(0.3), ', no bias', { bias: false }),
  ),
  ...depthwise
    .slice(0, 3)
    .flatMap((shape) => [
      fusedCase(shape, relu()),
      fusedCase(shape, tanh()),
      dgradActivationCase(shape, relu()),
      wgradCase(shape, `of a NaN, ${describe(shape)}`, withNaN()),
    ]),
  // An exact 0 of y belongs to one side of a kink; in saturation the derivative is 0.
  ...everyActivation.map((activation) =>
    dgradActivationCase(blocked, activation, ' at 0 and in saturation', { before: zerosAndTails }),
  ),
  ...[blocked, odd, pointwise].flatMap((shape) => nanCases(shape)),
];

function nanCases(shape: Shape): Case[] {
  const name = `a NaN, ${describe(shape)}`;
  const activated = [relu(), tanh(), leakyTanh(0), leakyTanh(), elu()].map((activation) =>
    graphCase(`conv2d + ${activation.kind} ${activation.slope} of ${name}`, ['conv2d', 'activation'], (b) => ({
      y: activate(convolve(b, shape, { image: withNaN() }), activation),
    })),
  );
  return [
    graphCase(`conv2d of ${name}`, ['conv2d'], (b) => ({ y: convolve(b, shape, { image: withNaN() }) })),
    graphCase(`conv2d with weights of ${name}`, ['conv2d'], (b) => ({ y: convolve(b, shape, { weight: withNaN() }) })),
    ...activated,
    ...(shape === pointwise ? everyActivation : [leakyTanh(0)]).flatMap((activation) => [
      dgradActivationCase(shape, activation, ', a NaN in y', { before: withNaN() }),
      dgradActivationCase(shape, activation, ', a NaN in dy', { gradient: withNaN() }),
    ]),
    dgradCase(shape, `of ${name}`, withNaN()),
    wgradCase(shape, `of ${name}`, withNaN()),
  ];
}

/** Returns the problem of a convolution of 3 channels to 4. */
const gradientProblem =
  (kernel: readonly [number, number], stride: readonly [number, number], padding: Padding, dilation: Pair = 1) =>
  (b: Builder) =>
    conv2d(b.f32('x', [2, 6, 5, 3]), b.plain('weight', [4, ...kernel, 3]), {
      bias: b.plain('bias', [4]),
      ...{ stride, padding, dilation },
    });

/** Returns the problem of a convolution of 4 channels to 8 in groups. */
const groupedProblem = (groups: number) => (b: Builder) =>
  conv2d(b.f32('x', [2, 5, 4, 4]), b.plain('weight', [8, 3, 3, 4 / groups]), {
    ...{ bias: b.plain('bias', [8]), padding: 1, groups },
  });

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const convolutionGradients: GradientProblems = {
  'conv2d 1x1': gradientProblem([1, 1], [1, 1], [0, 0]),
  'conv2d 3x3': gradientProblem([3, 3], [1, 1], [1, 1]),
  'conv2d 3x2, strides 2 and 1': gradientProblem([3, 2], [2, 1], [1, 0]),
  'conv2d 5x3 with more padding than image at the edge': gradientProblem([5, 3], [3, 2], [4, 2]),
  'conv2d 3x2 with padding of every kind': gradientProblem([3, 2], [2, 1], [2, 0, 1, 3]),
  'conv2d 3x3 dilated': gradientProblem([3, 3], [2, 1], [1, 2], [2, 3]),
  'conv2d in two groups': groupedProblem(2),
  'conv2d depthwise, two channels of each': groupedProblem(4),
};
