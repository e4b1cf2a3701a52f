/** Cases of sums, concatenations and slices: alone, and as views that other kernels write and read after the passes. */

import { activate } from '../../lib/ops/activation';
import { type Activation, leakyTanh, relu, scaledSigmoid } from '../../lib/ops/activations';
import { type AffineOptions, add, affine, affineGradient, concat, multiply, slice } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { copy } from '../../lib/ops/data';
import { averagePool, globalAveragePool, maxPool } from '../../lib/ops/pooling';
import type { Tensor } from '../../lib/tensor/tensor';
import { scaled, special, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

/** Channel counts of the joined images. Blocked layouts need multiples of 16; the other counts force plain layouts. */
const joined: readonly (readonly number[])[] = [
  [16, 48, 16],
  [7, 20, 33],
  [16, 20, 48],
  [1, 3, 7],
];

const pool = { kernel: 3, stride: 1, padding: 1 } as const;

/** Makes four tensors, whose kernels each write a slice of one buffer when they are concatenated. */
function branches(b: Builder, channels: readonly number[], [height, width]: readonly number[], activation: Activation) {
  const [c0 = 1, c1 = 1, c2 = 1] = channels;
  const size = [3, height as number, width as number];
  const x0 = b.f32('x0', [...size, c0]);
  const x1 = b.f32('x1', [...size, c1]);
  const x2 = b.f32('x2', [...size, c2]);
  return [
    activate(x0, activation, { bias: b.plain('bias', [c0]) }),
    maxPool(x1, pool),
    averagePool(x2, pool),
    add(activate(x2, activation), copy(x2)),
  ] as const;
}

const together = (
  b: Builder,
  channels: readonly number[],
  size: readonly number[] = [5, 4],
  activation = leakyTanh(),
) => concat(branches(b, channels, size, activation));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Images whose channels fit blocks, vectors of 16 bytes, neither, or more than a thread block of the GPU has; and with many pixels. */
const scaledImages: readonly (readonly number[])[] = [
  ...[
    [3, 5, 4, 16],
    [1, 1, 1, 1],
    [2, 3, 2, 7],
    [1, 2, 2, 2064],
    [2, 1, 3, 261],
    [3, 1, 1, 48],
    [2, 13, 21, 8],
  ],
];

const part = (channels = 1) => ({ channelOffset: 0, channels });

/** Makes each way to scale and shift an image, and each gradient of it. */
function affineCases(image: readonly number[]): Case[] {
  const [batch = 1, , , channels = 1] = image;
  const vectors = { 'of each image': [batch, channels], 'of all images': [channels] };
  return Object.entries(vectors).flatMap(([whose, shape]) => [
    ...(['scale', 'bias', 'both'] as const).map((which) =>
      graphCase(`affine of [${image}], ${which} ${whose}`, ['affine'], (b) => {
        const options: AffineOptions = {};
        if (which !== 'bias') options.scale = b.plain('scale', shape);
        if (which !== 'scale') options.bias = b.plain('bias', shape);
        return { y: affine(b.f32('x', image, withNaN()), options) };
      }),
    ),
    graphCase(`affineGradient of [${image}] ${whose}`, ['affineGradient'], (b) => {
      const [dy, x, vector] = [b.f32('dy', image), b.f32('x', image), b.plain('vector', shape)];
      return { scale: affineGradient(dy, x, vector), bias: affineGradient(dy, null, vector) };
    }),
  ]);
}

export const channelCases: readonly Case[] = [
  ...scaledImages.flatMap(affineCases),
  graphCase('affineGradient of a NaN', ['affineGradient'], (b) => {
    const [dy, x] = [b.f32('dy', [2, 3, 3, 16], withNaN()), b.f32('x', [2, 3, 3, 16])];
    return { sums: affineGradient(dy, x, b.plain('vector', [16])) };
  }),
  ...[
    [16, 48],
    [7, 20],
  ].map(([c0 = 1, c1 = 1]) =>
    graphCase(`affine, its gradient and slices of ${c0} + ${c1} channels`, ['affine', 'affineGradient'], (b) => {
      const size = [2, 3, 4];
      const [x, z] = [b.f32('x', [...size, c0]), b.f32('z', [...size, c1])];
      const scale = b.plain('scale', [2, c1]);
      const all = concat([affine(x, { bias: b.plain('bias', [c0]) }), affine(activate(z, relu()), { scale })]);
      const part = slice(all, { channelOffset: c0, channels: c1 });
      return { all, y: affine(part, { scale }), sums: affineGradient(part, z, scale) };
    }),
  ),
  ...joined.flatMap((channels) => [
    graphCase(`concat of inputs, ${channels} channels`, ['concat'], (b) => ({
      y: concat(channels.map((c, i) => b.f32(`x${i}`, [2, 3, 4, c], withNaN(special)))),
    })),
    graphCase(`concat of one tensor twice, ${channels} channels`, ['concat'], (b) => {
      const y = activate(b.f32('x', [2, 3, 4, channels[0] as number]), relu());
      return { y: concat([y, y]) };
    }),
    graphCase(`slices of an input of ${channels} channels`, ['slice'], (b) => {
      const x = b.f32('x', [3, 4, 3, sum(channels)], withNaN());
      const parts = channels.map((c, i) => slice(x, { channelOffset: sum(channels.slice(0, i)), channels: c }));
      return Object.fromEntries(parts.map((part, i) => [`y${i}`, part]));
    }),
    graphCase(`kernels that write slices, ${channels} channels`, ['concat', 'activation', 'maxPool'], (b) => ({
      y: together(b, channels),
    })),
    graphCase(`kernels that write slices of 1x1 images, ${channels} channels`, ['concat'], (b) => ({
      y: together(b, channels, [1, 1]),
    })),
    graphCase(`kernels that read slices, ${channels} channels`, ['slice', 'maxPool', 'averagePool'], (b) =>
      readers(b, channels),
    ),
    graphCase(`gradients through slices, ${channels} channels`, ['maxPoolGradient', 'averagePoolGradient'], (b) =>
      sliceGradients(b, channels),
    ),
  ]),
  ...[[3, 4, 5, 16], [3, 4, 5, 20], [1, 1, 1, 7], [5, 33], [7]].flatMap((shape) =>
    [2, 3, 8].map((count) =>
      graphCase(`add of ${count} x [${shape}]`, ['add'], (b) => ({
        y: add(...Array.from({ length: count }, (_, i) => b.f32(`x${i}`, shape))),
      })),
    ),
  ),
  ...[[3, 4, 5, 16], [3, 4, 5, 20], [1, 1, 1, 1], [5, 33], [7]].flatMap((shape) => [
    graphCase(`multiply of two [${shape}]`, ['multiply'], (b) => ({
      y: multiply(b.f32('a', shape, withNaN(special)), b.f32('b', shape)),
    })),
    graphCase(`multiply of [${shape}] and a number`, ['multiply'], (b) => ({
      y: multiply(b.f32('a', shape, withNaN(special)), -0.3),
    })),
    graphCase(`multiply of [${shape}] and a slice, squared`, ['multiply'], (b) => {
      const own =
        shape.length === 4 ? slice(b.f32('a', [...shape.slice(0, 3), 32]), part(shape[3])) : b.f32('a', shape);
      const product = multiply(activate(own, leakyTanh()), b.f32('b', shape));
      return { y: multiply(product, product), product };
    }),
  ]),
  graphCase('add of a NaN', ['add'], (b) => ({
    y: add(b.f32('x', [2, 3, 3, 16], withNaN()), b.f32('y', [2, 3, 3, 16])),
  })),
  graphCase('add of one tensor twice', ['add'], (b) => {
    const x = activate(b.f32('x', [2, 3, 3, 16]), leakyTanh());
    return { y: add(x, x) };
  }),
  ...[16, 20].map((c) =>
    graphCase(`copy of an image of ${c} channels`, ['copy'], (b) => ({
      y: copy(b.f32('x', [3, 4, 5, c], withNaN(special))),
    })),
  ),
  // A blocked layout would be possible for some of these tensors but not for all, so the plan must stay plain.
  ...[
    { all: 32, channelOffset: 8, channels: 16 },
    { all: 16, channelOffset: 4, channels: 4 },
  ].map(({ all, ...part }) =>
    graphCase(`slice of ${part.channels} channels from ${part.channelOffset} of ${all}`, ['slice'], (b) => ({
      input: slice(b.f32('x', [2, 3, 3, all]), part),
      computed: slice(conv2d(b.f32('z', [2, 3, 3, 16]), b.plain('weight', [all, 1, 1, 16])), part),
    })),
  ),
  graphCase('concat of 4 x 4 channels', ['concat'], (b) => ({
    y: concat([0, 1, 2, 3].map((i) => b.f32(`x${i}`, [2, 3, 3, 4]))),
  })),
  graphCase('copy of i32', ['copy'], (b) => ({ y: copy(b.i32('x', [-1, 0, 2147483647, -2147483648, 7])) })),
  graphCase('copy of u8', ['copy'], (b) => ({ y: copy(b.u8('x', [3, 67])) })),
  graphCase('copy of weights into an image and back', ['copy'], (b) => {
    const image = copy(b.plain('x', [2, 3, 3, 16]), { image: true });
    return { y: copy(activate(image, scaledSigmoid()), { image: false }) };
  }),
];

/** Makes one op of each kind that reads a slice of a concatenation. */
function readers(b: Builder, channels: readonly number[]) {
  const x = together(b, channels);
  const [c0 = 1, c1 = 1, c2 = 1] = channels;
  const s0 = slice(x, { channelOffset: 0, channels: c0 });
  const s1 = slice(x, { channelOffset: c0, channels: c1 });
  const s2 = slice(x, { channelOffset: c0 + c1, channels: c2 });
  return {
    activation: activate(s0, leakyTanh(0.1)),
    max: maxPool(s1, { kernel: 3, stride: 2, ceil: true }),
    average: averagePool(s2, pool),
    global: globalAveragePool(s2),
    convolution: conv2d(s0, b.plain('weight', [16, 1, 1, c0])),
    copied: copy(s1),
    sum: add(s2, s2),
    sliceOfSlice: activate(slice(s1, { channelOffset: 0, channels: c1 }), relu()),
    all: x,
  };
}

/** Makes gradient ops that read slices of a concatenation's dy; copies of their results are concatenated again. */
function sliceGradients(b: Builder, channels: readonly number[]) {
  const activation = leakyTanh();
  const parts = branches(b, channels, [5, 4], activation);
  const dy = activate(b.f32('dx', [3, 5, 4, sum(channels) + (channels[2] as number)], scaled(2)), activation);
  let channelOffset = 0;
  const gradients = parts.flatMap((part) => {
    const own = part.shape[3] as number;
    const outputGradients = part.node.outputs.map((t) =>
      t === part ? slice(dy, { channelOffset, channels: own }) : null,
    );
    channelOffset += own;
    return part.node.op.gradient?.(part.node, outputGradients, [true, true]) ?? [];
  });
  const [dx0, dbias, dx1, dx2] = gradients.filter((tensor) => tensor !== null) as [Tensor, Tensor, Tensor, Tensor];
  return { dx0, dbias, dx1, dx2, dx: concat([copy(dx0), copy(dx1), copy(dx2)]) };
}

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const channelGradients: GradientProblems = {
  add: (b) => add(b.f32('x', [2, 2, 2, 3]), b.f32('y', [2, 2, 2, 3]), b.f32('z', [2, 2, 2, 3])),
  multiply: (b) => multiply(b.f32('x', [2, 2, 2, 3]), b.f32('y', [2, 2, 2, 3])),
  'multiply, with a number': (b) => multiply(b.plain('x', [2, 3]), -1.5),
  'affine, of each image': (b) =>
    affine(b.f32('x', [2, 2, 2, 3]), { scale: b.plain('scale', [2, 3]), bias: b.plain('bias', [2, 3]) }),
  'affine, of all images': (b) =>
    affine(b.f32('x', [2, 2, 2, 3]), { scale: b.plain('scale', [3]), bias: b.plain('bias', [3]) }),
  concat: (b) => concat([b.f32('x', [2, 2, 2, 3]), b.f32('y', [2, 2, 2, 5])]),
  slice: (b) => slice(b.f32('x', [2, 2, 2, 7]), { channelOffset: 2, channels: 4 }),
};
