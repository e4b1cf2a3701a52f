/** Cases of pooling: the windows of the networks, clipped windows, ties, NaN. */
import { concat, slice } from '../../lib/ops/channels';
import { flatten } from '../../lib/ops/data';
import {
  averagePool,
  globalAveragePool,
  globalMaxPool,
  maxPool,
  type PoolOptions,
  upsample,
} from '../../lib/ops/pooling';
import type { Tensor } from '../../lib/tensor/tensor';
import { all, coarse, type Fill, gaussian, special, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

interface Shape {
  readonly image: readonly number[];
  readonly options: PoolOptions;
}

const shapes: readonly Shape[] = [
  { image: [3, 8, 8, 16], options: { kernel: 3, stride: 2, ceil: true } },
  { image: [1, 7, 7, 48], options: { kernel: 3, stride: 2, ceil: true } },
  { image: [3, 7, 6, 16], options: { kernel: 3, stride: 1, padding: 1 } },
  { image: [3, 6, 7, 20], options: { kernel: 3, stride: 1, padding: 1 } },
  { image: [1, 8, 5, 33], options: { kernel: 3, stride: 2, ceil: true } },
  { image: [3, 6, 6, 7], options: { kernel: 3, stride: 2, padding: 1, ceil: true } },
  { image: [3, 1, 1, 16], options: { kernel: 3, stride: 1, padding: 1 } },
  { image: [1, 1, 1, 7], options: { kernel: 3, stride: 2, padding: 1, ceil: true } },
  { image: [1, 9, 8, 16], options: { kernel: [2, 3], stride: [3, 1], padding: [0, 2] } },
  { image: [1, 17, 16, 3], options: { kernel: 16, stride: 1 } },
  { image: [3, 28, 28, 16], options: { kernel: 3, stride: 2, ceil: true } },
  { image: [2, 6, 9, 16], options: { kernel: 3, stride: 2, padding: 1, ceil: true } },
  { image: [2, 7, 8, 16], options: { kernel: 3, stride: 2, padding: [1, 0], ceil: true } },
  { image: [2, 2, 5, 7], options: { kernel: 3, stride: 2, padding: [0, 1], ceil: true } },
  { image: [2, 5, 4, 16], options: { kernel: 3, stride: 1, padding: 2 } },
  { image: [2, 8, 7, 16], options: { kernel: 3, stride: 2, padding: 2, ceil: true } },
  { image: [1, 7, 8, 16], options: { kernel: 2, stride: 3 } },
  // TensorFlow's SAME with stride 2 and an even size, and other paddings that differ from side to side.
  { image: [2, 8, 6, 16], options: { kernel: 3, stride: 2, padding: [0, 1, 0, 1] } },
  { image: [2, 6, 7, 7], options: { kernel: 3, stride: 2, padding: [2, 0, 1, 2], ceil: true } },
  { image: [1, 5, 9, 20], options: { kernel: [2, 4], stride: [1, 2], padding: [0, 1, 3, 0] } },
  // More columns, or more channels, than a thread block of the GPU has threads.
  { image: [1, 5, 300, 8], options: { kernel: 3, stride: 1, padding: 1 } },
  { image: [1, 3, 2, 2064], options: { kernel: 3, stride: 2, ceil: true } },
  { image: [1, 2, 3, 261], options: { kernel: 3, stride: 1, padding: 1 } },
];

function describe({ image, options: { kernel, stride, padding = 0, ceil } }: Shape): string {
  return `[${image}], kernel ${kernel}, stride ${stride}, pad ${padding}${ceil ? ', rounded up' : ''}`;
}

/** Returns the gradient of an op's first input, from its gradient rule, for a new input dy. */
function gradientOf(b: Builder, y: Tensor, fill: Fill = gaussian): Tensor {
  const dy = y.image ? b.f32('dy', y.shape, fill) : b.plain('dy', y.shape, fill);
  const outputGradients = y.node.outputs.map((output) => (output === y ? dy : null));
  const [dx] =
    y.node.op.gradient?.(
      y.node,
      outputGradients,
      y.node.inputs.map(() => true),
    ) ?? [];
  if (!dx) throw new Error(`${y.node.op.name} has no gradient`);
  return dx;
}

function maxCases(shape: Shape, what: string, fill: Fill): Case[] {
  const name = `${describe(shape)}${what}`;
  const pool = (b: Builder) => maxPool(b.f32('x', shape.image, fill), shape.options);
  return [
    graphCase(`maxPool ${name}`, ['maxPool'], (b) => ({ y: pool(b) })),
    graphCase(`maxPool with indices ${name}`, ['maxPool'], (b) => {
      const [y, indices] = pool(b).node.outputs as readonly [Tensor, Tensor];
      return { y, indices };
    }),
    graphCase(`maxPoolGradient ${name}`, ['maxPoolGradient'], (b) => ({ dx: gradientOf(b, pool(b)) })),
  ];
}

function averageCases(shape: Shape, what: string, fill: Fill): Case[] {
  const name = `${describe(shape)}${what}`;
  const pool = (b: Builder, contents?: Fill) => averagePool(b.f32('x', shape.image, contents), shape.options);
  return [
    graphCase(`averagePool ${name}`, ['averagePool'], (b) => ({ y: pool(b, fill) })),
    graphCase(`averagePoolGradient ${name}`, ['averagePoolGradient'], (b) => ({ dx: gradientOf(b, pool(b), fill) })),
  ];
}

function globalCases(image: readonly number[], what: string, fill: Fill): Case[] {
  const name = `[${image}]${what}`;
  const pool = (b: Builder, contents?: Fill) => globalAveragePool(b.f32('x', image, contents));
  return [
    graphCase(`globalAveragePool ${name}`, ['globalAveragePool'], (b) => ({ y: pool(b, fill) })),
    graphCase(`globalAveragePoolGradient ${name}`, ['globalAveragePoolGradient'], (b) => ({
      dx: gradientOf(b, pool(b), fill),
    })),
  ];
}

/** Cases of the ops whose results have another shape and no windows: the largest pixel, repeated pixels, rows. */
function shapeCases(image: readonly number[], what: string, fill: Fill): Case[] {
  const name = `[${image}]${what}`;
  const factors = [2, [1, 3], [3, 2], 1] as const;
  return [
    graphCase(`globalMaxPool ${name}`, ['globalMaxPool'], (b) => {
      const [y, indices] = globalMaxPool(b.f32('x', image, fill)).node.outputs as readonly [Tensor, Tensor];
      return { y, indices };
    }),
    graphCase(`globalMaxPool without indices ${name}`, ['globalMaxPool'], (b) => ({
      y: globalMaxPool(b.f32('x', image, fill)),
    })),
    graphCase(`globalMaxPoolGradient ${name}`, ['globalMaxPoolGradient'], (b) => ({
      dx: gradientOf(b, globalMaxPool(b.f32('x', image, fill))),
    })),
    ...factors.map((factor) =>
      graphCase(`upsample by ${factor}, and its gradient, ${name}`, ['upsample', 'upsampleGradient'], (b) => {
        const y = upsample(b.f32('x', image, fill), { factor });
        return { y, dx: gradientOf(b, y, fill) };
      }),
    ),
    graphCase(`flatten, and its gradient, ${name}`, ['flatten', 'flattenGradient'], (b) => {
      const y = flatten(b.f32('x', image, fill));
      return { y, dx: gradientOf(b, y, fill) };
    }),
  ];
}

/** Makes the same ops with images that are slices of others, read and written. */
function sliceCase([c0, c1]: readonly [number, number]): Case {
  const covers = [
    'globalMaxPool',
    'globalMaxPoolGradient',
    'upsample',
    'upsampleGradient',
    'flatten',
    'flattenGradient',
  ];
  return graphCase(`slices of ${c0} + ${c1} channels: largest pixel, repeated pixels, rows`, covers, (b) => {
    const all = concat([upsample(b.f32('x', [2, 2, 3, c0]), { factor: 2 }), b.f32('z', [2, 4, 6, c1])]);
    const part = slice(all, { channelOffset: c0, channels: c1 });
    const [largest, rows, large] = [globalMaxPool(part), flatten(part), upsample(part, { factor: [1, 2] })];
    const gradients = [gradientOf(b, largest), flattenGradientOf(b, rows)];
    return { all, largest, rows, large, joined: concat(gradients) };
  });
}

/** As gradientOf, with an input of another name. */
function flattenGradientOf(b: Builder, y: Tensor): Tensor {
  const [dx] = y.node.op.gradient?.(y.node, [b.plain('drows', y.shape)], [true]) ?? [];
  return dx as Tensor;
}

const [first, , padded, odd] = shapes as readonly [Shape, Shape, Shape, Shape];

export const poolingCases: readonly Case[] = [
  ...shapes.flatMap((shape) => [...maxCases(shape, '', gaussian), ...averageCases(shape, '', gaussian)]),
  ...[first, padded, odd].flatMap((shape) => [
    ...maxCases(shape, ', ties', coarse),
    ...maxCases(shape, ', all equal', all(-1)),
    ...maxCases(shape, ', all -Infinity', all(Number.NEGATIVE_INFINITY)),
    ...maxCases(shape, ', special values', special),
    ...maxCases(shape, ', NaNs', withNaN(gaussian, 20)),
    ...averageCases(shape, ', a NaN', withNaN()),
    graphCase(`maxPoolGradient of a NaN ${describe(shape)}`, ['maxPoolGradient'], (b) => ({
      dx: gradientOf(b, maxPool(b.f32('x', shape.image), shape.options), withNaN()),
    })),
  ]),
  ...[
    [3, 7, 7, 16],
    [1, 7, 6, 48],
    [3, 1, 1, 16],
    [1, 1, 1, 7],
    [3, 5, 4, 33],
    [2, 2, 3, 20],
    [1, 2, 2, 2064],
    [2, 2, 2, 261],
    [1, 37, 30, 8],
  ].flatMap((image) => globalCases(image, '', gaussian)),
  ...[
    [3, 7, 7, 16],
    [3, 1, 1, 16],
    [1, 1, 1, 1],
    [2, 5, 4, 33],
    [1, 2, 2, 2064],
    [2, 2, 2, 261],
    [1, 37, 30, 8],
  ].flatMap((image) => shapeCases(image, '', gaussian)),
  ...[
    [2, 6, 5, 16],
    [2, 5, 5, 7],
  ].flatMap((image) => [
    ...shapeCases(image, ', ties', coarse),
    ...shapeCases(image, ', all -Infinity', all(Number.NEGATIVE_INFINITY)),
    ...shapeCases(image, ', NaNs', withNaN(gaussian, 20)),
  ]),
  ...(
    [
      [16, 48],
      [7, 20],
    ] as const
  ).map(sliceCase),
  ...globalCases([3, 4, 4, 16], ', a NaN', withNaN()),
  ...globalCases([3, 4, 4, 7], ', a NaN', withNaN()),
];

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const poolingGradients: GradientProblems = {
  'maxPool, clipped': (b) => maxPool(b.f32('x', [2, 6, 6, 2]), { kernel: 3, stride: 2, ceil: true }),
  'maxPool, padded': (b) => maxPool(b.f32('x', [1, 5, 4, 2]), { kernel: 3, stride: 1, padding: 1 }),
  'averagePool, clipped': (b) => averagePool(b.f32('x', [2, 6, 6, 2]), { kernel: 3, stride: 2, ceil: true }),
  'averagePool, padded': (b) => averagePool(b.f32('x', [2, 5, 4, 2]), { kernel: [2, 3], stride: 1, padding: [0, 1] }),
  'maxPool, unevenly padded': (b) => maxPool(b.f32('x', [1, 5, 4, 2]), { kernel: 3, stride: 2, padding: [0, 1, 2, 0] }),
  globalAveragePool: (b) => globalAveragePool(b.f32('x', [2, 3, 4, 5])),
  globalMaxPool: (b) => globalMaxPool(b.f32('x', [2, 3, 4, 5])),
  upsample: (b) => upsample(b.f32('x', [2, 2, 3, 4]), { factor: [2, 3] }),
  flatten: (b) => flatten(b.f32('x', [2, 2, 3, 4])),
};
