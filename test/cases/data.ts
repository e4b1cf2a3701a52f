/** Cases of batches of crops, and of tensors that are packed into a flat buffer and taken out of it. */
import { activate } from '../../lib/ops/activation';
import { leakyTanh } from '../../lib/ops/activations';
import { augment, copy, joinRows, packGradients, rows } from '../../lib/ops/data';
import { finiteCheck } from '../../lib/ops/scaling';
import type { Tensor } from '../../lib/tensor/tensor';
import { type Fill, gaussian, mapped, withNaN } from './fills';
import { type Case, type GradientProblems, graphCase, makeState, stateCase } from './problem';

interface Batch {
  readonly name: string;
  readonly images: readonly [count: number, height: number, width: number, channels: number];
  readonly size: readonly [height: number, width: number];
  readonly indices: readonly number[];
  readonly random: boolean;
  readonly counter?: readonly [seed: number, step: number];
  readonly mean?: Fill;
  readonly meanPerPixel?: boolean;
}

const indices = Array.from({ length: 32 }, (_, i) => (i * 7) % 20);

const batches: readonly Batch[] = [
  { name: 'random', images: [20, 32, 32, 3], size: [28, 28], indices, random: true },
  {
    name: 'random, late step',
    images: [5, 12, 11, 3],
    size: [8, 8],
    indices: [4, 0],
    random: true,
    counter: [2147483647, 100000],
  },
  { name: 'random, nothing to spare', images: [5, 7, 9, 3], size: [7, 9], indices: [1, 1, 1], random: true },
  { name: 'random, one channel', images: [5, 9, 9, 1], size: [4, 5], indices: [3], random: true },
  { name: 'centre', images: [20, 32, 32, 3], size: [28, 28], indices: [19, 0, 7], random: false },
  { name: 'centre, odd room', images: [3, 10, 9, 4], size: [5, 6], indices: [2, 1, 0], random: false },
  { name: 'centre, a NaN', images: [3, 8, 8, 3], size: [6, 6], indices: [0], random: false, mean: withNaN() },
  { name: 'random, mean image', images: [20, 32, 32, 3], size: [28, 28], indices, random: true, meanPerPixel: true },
  {
    name: 'random, mean image, odd sizes',
    images: [4, 9, 11, 5],
    size: [6, 7],
    indices: [3, 0, 1, 3, 2],
    random: true,
    meanPerPixel: true,
  },
  {
    name: 'centre, mean image',
    images: [3, 10, 9, 4],
    size: [5, 6],
    indices: [2, 1],
    random: false,
    meanPerPixel: true,
  },
  {
    name: 'centre, mean image with NaN',
    images: [3, 8, 8, 3],
    size: [6, 6],
    indices: [0, 1],
    random: false,
    mean: withNaN(undefined, 20),
    meanPerPixel: true,
  },
  { name: 'indices out of range', images: [5, 8, 8, 3], size: [6, 6], indices: [-1, 2, 5, 2147483647], random: true },
];

const pixelMean: Fill = mapped(gaussian, (value) => 128 + 20 * value);
const positive: Fill = mapped(gaussian, (value) => 0.01 + Math.abs(value) / 50);

const augmentCases: readonly Case[] = batches.map(
  ({ name, images, size, indices: chosen, random, counter, mean = pixelMean, meanPerPixel }) => {
    const [, height, width, channels] = images;
    return graphCase(`augment ${name}: ${height}x${width}x${channels} -> ${size.join('x')}`, ['augment'], (b) => {
      const inputs = {
        images: b.u8('images', images),
        indices: b.i32('indices', chosen),
        counter: b.i32('counter', counter ?? [b.random.integer(2 ** 31), b.random.integer(1000)]),
        mean: b.plain('mean', meanPerPixel ? [height, width, channels] : [channels], mean),
        inverseDeviation: b.plain('inverseDeviation', [channels], positive),
      };
      return { y: augment(inputs, { size, random }) };
    });
  },
);

const summary = (counts: readonly number[]) => (counts.length > 3 ? `${counts.length} x ${counts[0]}` : counts.join());

export const dataCases: readonly Case[] = [
  ...augmentCases,
  stateCase('pack of inputs', ['pack'], (b) => {
    const state = makeState();
    const flat = packGradients(
      state,
      state.parameters.map(({ name, shape }) => b.plain(name, shape, withNaN())),
    );
    return { state, arenas: {}, updates: [], gate: null, outputs: { flat } };
  }),
  stateCase('pack of gradients that are computed in their places', ['pack'], (b) => {
    const state = makeState();
    const gradients = state.parameters.map(({ name, shape }) => {
      const source = b.plain(name, shape);
      return shape.length === 1 ? activate(source, leakyTanh()) : source;
    });
    const flat = packGradients(state, gradients);
    const outputs = { flat, ...finiteCheck(b.plain('loss', [1]), flat) };
    return { state, arenas: {}, updates: [], gate: null, outputs };
  }),
  ...[
    [3, 5, 1],
    [16, 32, 16],
    // More parts than one launch of the GPU's kernel takes.
    Array.from({ length: 70 }, () => 4),
  ].map((counts) =>
    graphCase(`weights and vectors of ${summary(counts)} rows, joined and taken apart`, ['pack', 'rows'], (b) => {
      const joined = (row: readonly number[]) =>
        joinRows(counts.map((count, i) => b.plain(`x${i}-${row.length}`, [count, ...row], withNaN())));
      const [weights, vector] = [joined([1, 1, 7]), joined([])];
      const parts = (x: Tensor) => {
        let firstRow = 0;
        return counts.map((count) => {
          const part = rows(x, { firstRow, count });
          firstRow += count;
          return part;
        });
      };
      const results = [weights, vector, ...parts(weights), ...parts(vector).map((x) => activate(x, leakyTanh()))];
      return Object.fromEntries(results.map((tensor, i) => [`y${i}`, tensor]));
    }),
  ),
];

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const dataGradients: GradientProblems = {
  copy: (b) => copy(b.plain('x', [2, 2, 2, 7]), { image: true }),
};
