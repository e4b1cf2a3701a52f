/** Cases of pooling: the windows of the networks, clipped windows, ties, NaN. */
import { averagePool, globalAveragePool, maxPool, type PoolOptions } from '../../lib/ops/pooling';
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
  ...globalCases([3, 4, 4, 16], ', a NaN', withNaN()),
  ...globalCases([3, 4, 4, 7], ', a NaN', withNaN()),
];

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const poolingGradients: GradientProblems = {
  'maxPool, clipped': (b) => maxPool(b.f32('x', [2, 6, 6, 2]), { kernel: 3, stride: 2, ceil: true }),
  'maxPool, padded': (b) => maxPool(b.f32('x', [1, 5, 4, 2]), { kernel: 3, stride: 1, padding: 1 }),
  'averagePool, clipped': (b) => averagePool(b.f32('x', [2, 6, 6, 2]), { kernel: 3, stride: 2, ceil: true }),
  'averagePool, padded': (b) => averagePool(b.f32('x', [2, 5, 4, 2]), { kernel: [2, 3], stride: 1, padding: [0, 1] }),
  globalAveragePool: (b) => globalAveragePool(b.f32('x', [2, 3, 4, 5])),
};
