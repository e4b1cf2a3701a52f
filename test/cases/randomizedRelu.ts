/** Cases of RReLU in training, forward, and backward from the output. The slopes must be the reference's in every layout. */
import { gradient } from '../../lib/compile/gradient';
import { activate } from '../../lib/ops/activation';
import { leakyTanh, rrelu } from '../../lib/ops/activations';
import { concat, slice } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { globalAveragePool } from '../../lib/ops/pooling';
import { randomizedRelu, randomizedReluGradient } from '../../lib/ops/randomizedRelu';
import type { Tensor } from '../../lib/tensor/tensor';
import { type Fill, gaussian, saturated, scaled, special, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

/** Whole and partial tiles, blocks of 16 channels, and shapes whose rows or second chunk begin inside a Philox block. */
const shapes: readonly (readonly number[])[] = [
  [3, 5, 4, 16],
  [2, 3, 3, 48],
  [1, 12, 11, 32],
  [3, 1, 1, 16],
  [1, 2, 3, 20],
  [2, 3, 5, 7],
  [1, 1, 1, 33],
  [5, 100],
  [3, 1031],
  [1, 61, 53, 7],
  [2, 3, 5],
  [19],
  [1],
];

const ranges = [
  { lower: 1 / 8, upper: 1 / 3 },
  { lower: 0.25, upper: 0.25 },
  { lower: 1e-6, upper: 1 },
];

const fills: Readonly<Record<string, Fill>> = {
  ', small values': scaled(1e-12),
  ', large values': saturated,
  ', special values': special,
  ', a NaN': withNaN(),
};

const tensor = (b: Builder, name: string, shape: readonly number[], fill: Fill = gaussian) =>
  shape.length === 4 ? b.f32(name, shape, fill) : b.plain(name, shape, fill);

/** Adds the input counter: seed and step. */
const counter = (b: Builder, values?: readonly [number, number]) =>
  b.i32('counter', values ?? [b.random.integer(2 ** 31), b.random.integer(1000)]);

interface Options {
  readonly range?: { lower: number; upper: number };
  readonly fill?: Fill;
  readonly at?: readonly [seed: number, step: number];
}

function both(shape: readonly number[], what: string, { range = ranges[0]!, fill, at }: Options = {}): Case[] {
  return [
    graphCase(`randomizedRelu [${shape}]${what}`, ['randomizedRelu'], (b) => ({
      y: randomizedRelu(tensor(b, 'x', shape, fill), { ...range, counter: counter(b, at), name: 'layer' }),
    })),
    graphCase(`randomizedRelu with bias [${shape}]${what}`, ['randomizedRelu'], (b) => {
      const bias = b.plain('bias', shape.slice(-1));
      return {
        y: randomizedRelu(tensor(b, 'x', shape, fill), { ...range, counter: counter(b, at), name: 'other', bias }),
      };
    }),
    graphCase(`randomizedReluGradient [${shape}]${what}`, ['randomizedReluGradient'], (b) => {
      const { attributes } = randomizedRelu(tensor(b, 'x', shape), {
        ...range,
        counter: counter(b),
        name: 'layer',
      }).node;
      const { dx, dbias } = randomizedReluGradient(
        tensor(b, 'dy', shape),
        tensor(b, 'y', shape, fill),
        counter(b, at),
        attributes,
      );
      return { dx, dbias };
    }),
    graphCase(`randomizedReluGradient of a NaN, without dbias [${shape}]${what}`, ['randomizedReluGradient'], (b) => {
      const { attributes } = randomizedRelu(tensor(b, 'x', shape), {
        ...range,
        counter: counter(b),
        name: 'layer',
      }).node;
      return {
        dx: randomizedReluGradient(tensor(b, 'dy', shape, withNaN()), tensor(b, 'y', shape), counter(b, at), attributes)
          .dx,
      };
    }),
  ];
}

const training = (b: Builder) => ({ training: true, counter: counter(b) });

/** RReLUs in branches that write slices of one buffer, and whose gradients are read from slices of another. */
function joinedCase(channels: readonly [number, number]): Case {
  return graphCase(`rrelu in slices of ${channels} channels, with all gradients`, ['randomizedRelu'], (b) => {
    const context = training(b);
    const [first, second] = channels.map((c, i) => {
      const x = conv2d(b.f32(`x${i}`, [2, 5, 4, 16]), b.plain(`w${i}`, [c, 1, 1, 16], scaled(0.3)));
      return activate(x, rrelu(), { bias: b.plain(`bias${i}`, [c]), name: `branch ${i}`, context });
    }) as [Tensor, Tensor];
    const joined = concat([
      first,
      activate(second, leakyTanh()),
      slice(second, { channelOffset: 0, channels: channels[0] }),
    ]);
    const { loss } = softmaxCrossEntropy(globalAveragePool(joined), b.labels('labels', 2, 4));
    const targets = [first, second].flatMap(({ node }) => [node.inputs[0], node.inputs[1]] as [Tensor, Tensor]);
    const gradients = gradient(loss, targets);
    return { joined, loss, ...Object.fromEntries(gradients.map((g, i) => [`gradient ${i}`, g])) };
  });
}

export const randomizedReluCases: readonly Case[] = [
  ...shapes.flatMap((shape) => both(shape, '')),
  ...ranges.flatMap((range) => both([3, 3, 2, 16], `, slopes ${range.lower} to ${range.upper}`, { range })),
  ...Object.entries(fills).flatMap(([what, fill]) => [
    ...both([3, 3, 2, 16], what, { fill }),
    ...both([3, 3, 2, 7], what, { fill }),
  ]),
  ...both([2, 3, 3, 32], ', largest seed, late step', { at: [2147483647, 1000000] }),
  joinedCase([16, 32]),
  joinedCase([7, 20]),
];

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const randomizedReluGradients: GradientProblems = {
  randomizedRelu: (b) =>
    randomizedRelu(b.f32('x', [2, 3, 4, 5]), {
      counter: b.i32('counter', [b.random.integer(2 ** 31), b.random.integer(1000)]),
      lower: 0.1,
      upper: 0.9,
      name: 'layer',
      bias: b.plain('bias', [5]),
    }),
};
