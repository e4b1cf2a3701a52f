/**
 * Checks that passes are legal in every order. Random graphs of the ops that passes change (convolutions, activations,
 * concatenations, slices, pools, sums, gradients) must give the same numbers for all orders of the default passes, and
 * when all run twice.
 */
import { describe, expect, test } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { decidesAboutMemory, Graph } from '../../lib/compile/graph';
import { defaultPasses, optimize, type Pass } from '../../lib/compile/optimize';
import { activate } from '../../lib/ops/activation';
import { leakyTanh, relu, tanh } from '../../lib/ops/activations';
import { add, concat, slice } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { copy } from '../../lib/ops/data';
import { linear } from '../../lib/ops/linear';
import { averagePool, globalAveragePool, maxPool } from '../../lib/ops/pooling';
import type { Tensor } from '../../lib/tensor/tensor';
import { Builder, type Problem } from '../cases/problem';
import { readerOf } from '../check';
import { TestRandom } from '../random';
import { interpret, isSource } from '../reference/interpret';
import { firstDifference } from '../reference/lastDigits';

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

const all = permutations(defaultPasses);

/** Number of orders that are tried per graph; with it each order is tried about ten times in 300 graphs. */
const ordersPerGraph = 24;

const ordersFor = (seed: number): readonly (readonly Pass[])[] => [
  defaultPasses,
  [...defaultPasses, ...defaultPasses],
  ...range(ordersPerGraph, seed * ordersPerGraph).map((index) => all[index % all.length] as Pass[]),
];

const channelsOf = (tensor: Tensor) => tensor.shape[3] as number;
/** Largest number of channels of an image; more would only take time. */
const mostChannels = 24;

/** Builds a random graph: each new image of 2 x 2 pixels is computed from earlier ones. */
class Draw {
  readonly images: Tensor[];
  #inputs = 0;

  constructor(readonly builder: Builder) {
    this.images = [builder.f32('image', [1, 2, 2, 2])];
  }

  below(count: number): number {
    return this.builder.random.integer(count);
  }

  /** Picks one of the two latest images, so that long chains arise, in which several passes apply to the same nodes. */
  image(): Tensor {
    return this.images.at(-1 - this.below(Math.min(this.images.length, 2))) as Tensor;
  }

  plain(...shape: number[]): Tensor {
    return this.builder.plain(`input${this.#inputs++}`, shape);
  }

  /** Returns a bias in half of all calls. */
  bias(channels: number): { bias?: Tensor } {
    return this.below(2) ? { bias: this.plain(channels) } : {};
  }

  grow(): void {
    const x = this.image();
    const made = this.#kinds[this.below(this.#kinds.length)]?.(x, channelsOf(x)) as Tensor;
    if (channelsOf(made) <= mostChannels) this.images.push(made);
  }

  readonly #activated = (x: Tensor, channels: number): Tensor => {
    const activation = [relu(), tanh(), leakyTanh(0.2)][this.below(3)] as ReturnType<typeof relu>;
    return activate(x, activation, this.bias(channels));
  };

  /** Makes a 1x1 convolution; of even numbers of channels, sometimes one of two groups, which must not be merged or moved. */
  readonly #convolved = (x: Tensor, outputs: number): Tensor => {
    const channels = channelsOf(x);
    const groups = channels % 2 === 0 && outputs % 2 === 0 && this.below(3) === 0 ? 2 : 1;
    return conv2d(x, this.plain(outputs, 1, 1, channels / groups), { ...this.bias(outputs), groups });
  };

  /** Makes a 2x2 convolution, dilated or not, padded so that the image keeps its size; depthwise or not. */
  readonly #padded = (x: Tensor, channels: number): Tensor => {
    const groups = this.below(2) ? channels : 1;
    const places = this.below(2) ? { padding: [1, 0, 0, 1] as const } : { padding: [2, 0, 1, 1] as const, dilation: 2 };
    return conv2d(x, this.plain(channels, 2, 2, channels / groups), { ...this.bias(channels), ...places, groups });
  };

  readonly #pooled = (x: Tensor): Tensor => averagePool(x, { kernel: 3, stride: 1, padding: 1 });

  /** Makes sibling convolutions and joins some of them; others may be read by later ops. */
  readonly #block = (x: Tensor): Tensor => {
    const branches = [5, 1, 6].map((outputs) => this.#activated(this.#convolved(x, outputs), outputs));
    const projection = this.#activated(this.#convolved(this.#pooled(x), 2), 2);
    return concat([...branches, projection].slice(this.below(2), 3 + this.below(2)));
  };

  readonly #kinds: readonly ((x: Tensor, channels: number) => Tensor)[] = [
    (x) => this.#convolved(x, 1 + this.below(3)),
    this.#padded,
    this.#block,
    this.#block,
    this.#pooled,
    ...Array.from({ length: 4 }, () => this.#activated),
    () => concat(Array.from({ length: 1 + this.below(3) }, () => this.image())),
    (x) => concat([x, x]),
    (x, channels) => {
      const channelOffset = this.below(channels);
      return slice(x, { channelOffset, channels: 1 + this.below(channels - channelOffset) });
    },
    (x, channels) => slice(x, { channelOffset: 0, channels }),
    (x, channels) => {
      const fitting = this.images.filter((other) => channelsOf(other) === channels);
      return add(x, fitting[this.below(fitting.length)] as Tensor);
    },
    (x) => maxPool(maxPool(x, { kernel: 2, stride: 1, padding: 1 }), { kernel: 2, stride: 1 }),
    (x) => copy(x),
  ];
}

function drawn(seed: number): Problem {
  const builder = new Builder(new TestRandom(seed));
  const draw = new Draw(builder);
  for (let left = 3 + draw.below(20); left > 0; left--) draw.grow();
  const { images } = draw;
  const asked = Array.from({ length: 1 + draw.below(3) }, () => images[draw.below(images.length)] as Tensor);
  const outputs: Record<string, Tensor> = Object.fromEntries(asked.map((tensor, i) => [`image${i}`, tensor]));
  const last = images.at(-1) as Tensor;
  if (!isSource(last.node) && draw.below(2)) {
    const logits = linear(globalAveragePool(last), draw.plain(3, channelsOf(last)));
    const { loss } = softmaxCrossEntropy(logits, builder.labels('labels', 1, 3));
    const sources = Graph.from({ outputs: { loss } }).nodes.filter(isSource);
    const targets = sources.flatMap(({ outputs }) => outputs).filter(({ dtype }) => dtype === 'f32');
    outputs.loss = loss;
    gradient(loss, targets).forEach((tensor, i) => {
      outputs[`gradient${i}`] = tensor;
    });
  }
  return { graph: Graph.from({ outputs }), inputs: builder.inputs, state: null };
}

/** Tries the orders for one graph. @returns descriptions of outputs that differ from those of the plain graph, and of errors */
function differences(seed: number): string[] {
  const problem = drawn(seed);
  const read = readerOf(problem);
  const plain = interpret(problem.graph, read).outputs;
  return ordersFor(seed).flatMap((passes) => {
    const names = passes.map(({ name }) => name).join(', ');
    const { outputs } = interpret(optimize(problem.graph, passes), read);
    const wrong = Object.entries(plain).filter(([name, values]) => firstDifference(outputs[name], values) >= 0);
    return wrong.map(([name]) => `graph ${seed}: ${name} after ${names}`);
  });
}

const opsOf = ({ nodes }: Graph): string => nodes.map(({ op }) => op.name).join();

const range = (count: number, from: number) => Array.from({ length: count }, (_, i) => from + i);

describe('passes in every order change no result', () => {
  test.each([1, 101, 201])('of 100 drawn graphs from number %i', (from) => {
    expect(range(100, from).flatMap(differences)).toEqual([]);
  });

  test('and every pass changes some of the drawn graphs', () => {
    const changed = (pass: Pass) =>
      range(100, 1).some((seed) => {
        const { graph } = drawn(seed);
        const changedGraph = pass(graph);
        return opsOf(changedGraph) !== opsOf(graph) || decidesAboutMemory(changedGraph);
      });
    expect(defaultPasses.filter((pass) => !changed(pass)).map(({ name }) => name)).toEqual([]);
  });
});
