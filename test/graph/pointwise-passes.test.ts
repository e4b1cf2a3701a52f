/** Checks what commuteAveragePool and mergeSiblingConvs change, and when they must not. */
import { describe, expect, test } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { Graph } from '../../lib/compile/graph';
import { defaultPasses, optimize, type Pass } from '../../lib/compile/optimize';
import { commuteAveragePool } from '../../lib/compile/passes/commuteAveragePool';
import { concatViews } from '../../lib/compile/passes/concatViews';
import { mergeSiblingConvs } from '../../lib/compile/passes/mergeSiblingConvs';
import { createModel } from '../../lib/models';
import { activate } from '../../lib/ops/activation';
import { leakyTanh, relu, tanh } from '../../lib/ops/activations';
import { concat } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { linear } from '../../lib/ops/linear';
import { averagePool, globalAveragePool } from '../../lib/ops/pooling';
import { Sgd } from '../../lib/optim/sgd';
import { State } from '../../lib/tensor/state';
import { input, type Node, type Tensor } from '../../lib/tensor/tensor';
import { isSource } from '../reference/interpret';

const image = (name = 'x', channels = 32) => input(name, [2, 6, 6, channels]);
const weight = (name: string, outputs = 16, inputs = 32) => input(name, [outputs, 1, 1, inputs], { image: false });
const vector = (name: string, size = 16) => input(name, [size]);
const same = { kernel: 3, stride: 1, padding: 1 } as const;

const kernels = (graph: Graph): readonly Node[] => graph.nodes.filter((node) => !isSource(node));
const opsAfter = (pass: Pass, outputs: Record<string, Tensor>) =>
  kernels(pass(Graph.from({ outputs }))).map(({ op }) => op.name);

/** Returns the gradients of some tensors, for a loss computed from the image `y`. */
function gradients(y: Tensor, targets: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const logits = linear(globalAveragePool(y), input('head', [5, y.shape[3] as number]));
  const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }));
  const made = gradient(loss, Object.values(targets));
  return Object.fromEntries(Object.keys(targets).map((name, i) => [`gradient of ${name}`, made[i] as Tensor]));
}

describe('commuteAveragePool', () => {
  test('puts the convolution before the pool, and leaves the bias in the convolution', () => {
    const y = activate(conv2d(averagePool(image(), same), weight('w'), { bias: vector('b'), name: 'conv' }), relu());
    const graph = commuteAveragePool(Graph.from({ outputs: { y } }));
    expect(kernels(graph).map(({ op }) => op.name)).toEqual(['conv2d', 'averagePool', 'activation']);
    const [convolution, pool] = kernels(graph) as readonly [Node, Node];
    expect(convolution).toMatchObject({ name: 'conv', outputs: [{ shape: [2, 6, 6, 16] }] });
    expect(convolution.inputs.map((tensor) => tensor?.node.name)).toEqual(['x', 'w', 'b']);
    expect(pool.outputs[0]?.shape).toEqual([2, 6, 6, 16]);
  });

  test('the backward pass keeps no pooled image, and its pool gradient has fewer channels', () => {
    const x = activate(image(), tanh());
    const w = weight('w');
    const graph = commuteAveragePool(
      Graph.from({ outputs: gradients(activate(conv2d(averagePool(x, same), w), tanh()), { w, x }) }),
    );
    const of = (op: string) => kernels(graph).filter((node) => node.op.name === op);
    const [poolGradient, ...others] = of('averagePoolGradient');
    expect(others).toEqual([]);
    expect(poolGradient?.outputs[0]?.shape[3]).toBe(16);
    const [[wgrad], [dgrad]] = [of('conv2dWgrad'), of('conv2dDgrad')];
    expect(wgrad?.inputs[0]?.node.op.name).toBe('activation');
    for (const dy of [wgrad?.inputs[1], dgrad?.inputs[0]]) expect(dy).toBe(poolGradient?.outputs[0]);
  });

  const untouched: Readonly<Record<string, () => Tensor | Record<string, Tensor>>> = {
    'where channels do not become fewer': () => conv2d(averagePool(image(), same), weight('w', 32)),
    'where the pool makes the image smaller': () => conv2d(averagePool(image(), { kernel: 3, stride: 1 }), weight('w')),
    'where the pool has a stride': () =>
      conv2d(averagePool(image(), { kernel: 3, stride: 2, padding: 1 }), weight('w')),
    'where the convolution has a stride': () => conv2d(averagePool(image(), same), weight('w'), { stride: 2 }),
    'where the convolution pads': () => conv2d(averagePool(image(), same), weight('w'), { padding: 1 }),
    'where the kernel is no point': () =>
      conv2d(averagePool(image(), same), input('w', [16, 3, 3, 32], { image: false }), { padding: 1 }),
    'where the pooled image is asked for': () => {
      const pooled = averagePool(image(), same);
      return { pooled, y: conv2d(pooled, weight('w')) };
    },
    'where somebody else reads the pooled image': () => {
      const pooled = averagePool(image(), same);
      return { a: conv2d(pooled, weight('w')), b: activate(pooled, relu()) };
    },
    'where two convolutions read the pooled image': () => {
      const pooled = averagePool(image(), same);
      return { a: conv2d(pooled, weight('w')), b: conv2d(pooled, weight('v')) };
    },
  };
  test.each(Object.entries(untouched))('stops %s', (_, make) => {
    const made = make();
    const graph = Graph.from({ outputs: 'node' in made ? { y: made as Tensor } : (made as Record<string, Tensor>) });
    expect(commuteAveragePool(graph).nodes).toEqual(graph.nodes);
  });
});

describe('mergeSiblingConvs', () => {
  const siblings = (x: Tensor, outputs: readonly number[] = [16, 32], inputs = x.shape[3] as number) =>
    outputs.map((count, i) => {
      const w = weight(`w${i}`, count, inputs);
      return { w, y: activate(conv2d(x, w, { name: `block/${i}` }), relu(), { bias: vector(`b${i}`, count) }) };
    });
  const images = (made: readonly { y: Tensor }[]) => Object.fromEntries(made.map(({ y }, i) => [`y${i}`, y]));

  test('makes one convolution of two, whose parts are slices', () => {
    const graph = mergeSiblingConvs(Graph.from({ outputs: images(siblings(image())) }));
    const [pack, convolution, ...others] = kernels(graph) as readonly [Node, Node, ...Node[]];
    expect(pack.op.name).toBe('pack');
    expect(pack.outputs[0]).toMatchObject({ shape: [48, 1, 1, 32], image: false });
    expect(convolution).toMatchObject({ name: 'block/0+1', outputs: [{ shape: [2, 6, 6, 48] }] });
    expect(others.map(({ op }) => op.name)).toEqual(['slice', 'activation', 'slice', 'activation']);
    const slices = others.filter(({ op }) => op.name === 'slice');
    expect(slices.map(({ attributes }) => attributes)).toEqual([
      { channelOffset: 0, channels: 16 },
      { channelOffset: 16, channels: 32 },
    ]);
  });

  test('nothing is copied but the weights', () => {
    const graph = concatViews(
      mergeSiblingConvs(Graph.from({ outputs: { y: concat(siblings(image()).map(({ y }) => y)) } })),
    );
    for (const node of kernels(graph)) {
      if (node.op.isView) expect(graph.memory.placements.has(node.outputs[0] as Tensor)).toBe(true);
      if (node.op.name === 'concat')
        for (const part of node.inputs) expect(graph.memory.placements.has(part as Tensor)).toBe(true);
    }
  });

  test('biases are joined, too; convolutions with and without a bias are not merged', () => {
    const x = image();
    const biased = [0, 1].map((i) => conv2d(x, weight(`w${i}`), { bias: vector(`b${i}`) }));
    const bare = [2, 3].map((i) => conv2d(x, weight(`w${i}`)));
    const outputs = Object.fromEntries([...biased, ...bare].map((y, i) => [`y${i}`, activate(y, relu())]));
    const graph = mergeSiblingConvs(Graph.from({ outputs }));
    const convolutions = kernels(graph).filter(({ op }) => op.name === 'conv2d');
    expect(convolutions.map(({ inputs: [, , bias] }) => bias?.shape ?? null)).toEqual([[32], null]);
  });

  test('one dgrad stands for a sum, one wgrad for several', () => {
    const x = activate(image(), tanh());
    const made = siblings(x, [16, 32, 16]);
    const targets = { x, ...Object.fromEntries(made.map(({ w }, i) => [`w${i}`, w])) };
    const plain = Graph.from({ outputs: gradients(concat(made.map(({ y }) => y)), targets) });
    const graph = mergeSiblingConvs(plain);
    const count = (of: Graph, op: string) => kernels(of).filter((node) => node.op.name === op).length;
    const counts = ['conv2d', 'conv2dDgrad', 'conv2dWgrad', 'add', 'pack', 'rows'];
    expect(counts.map((op) => count(plain, op))).toEqual([3, 3, 3, 1, 0, 0]);
    expect(counts.map((op) => count(graph, op))).toEqual([1, 1, 1, 0, 1, 3]);
    const gathered = kernels(concatViews(graph)).findLast(({ op }) => op.name === 'concat');
    const { placements } = concatViews(graph).memory;
    expect(gathered?.inputs.map((part) => placements.get(part as Tensor)?.offset)).toEqual([0, 16, 48]);
  });

  test('terms of a sum that are not siblings stay', () => {
    const x = activate(image(), tanh());
    const made = siblings(x);
    const y = concat([...made.map((one) => one.y), averagePool(x, same)]);
    const graph = mergeSiblingConvs(Graph.from({ outputs: gradients(y, { x }) }));
    const [sum, ...others] = kernels(graph).filter(({ op }) => op.name === 'add');
    expect(others).toEqual([]);
    expect(sum?.inputs.map((term) => term?.node.op.name).sort()).toEqual(['averagePoolGradient', 'conv2dDgrad']);
  });

  test('convolutions with multiples of 16 channels are not merged with others, nor tiny ones where the sum is a multiple', () => {
    const shapes = (outputs: readonly number[]) =>
      kernels(mergeSiblingConvs(Graph.from({ outputs: images(siblings(image(), outputs)) })))
        .filter(({ op }) => op.name === 'conv2d')
        .map(({ outputs: [y] }) => y?.shape[3]);
    expect(shapes([16, 5, 32, 7])).toEqual([48, 12]);
    expect(shapes([3, 2])).toEqual([3, 2]);
    expect(shapes([2, 2])).toEqual([4]);
    expect(shapes([3, 5])).toEqual([8]);
  });

  const untouched: Readonly<Record<string, () => Record<string, Tensor>>> = {
    'where a pre-activation is asked for': () => {
      const x = image();
      const pre = conv2d(x, weight('w'));
      return { pre, y: activate(pre, relu()), z: activate(conv2d(x, weight('v')), relu()) };
    },
    'where another convolution reads a part': () => {
      const x = image();
      const inner = conv2d(x, weight('w'));
      return { y: activate(conv2d(inner, weight('u', 16, 16)), relu()), z: activate(conv2d(x, weight('v')), relu()) };
    },
    'where strides differ': () => {
      const x = image();
      return {
        y: activate(conv2d(x, weight('w')), relu()),
        z: activate(conv2d(x, weight('v'), { stride: 2 }), relu()),
      };
    },
    'where images differ': () => ({
      y: activate(conv2d(image('x'), weight('w')), relu()),
      z: activate(conv2d(image('z'), weight('v')), relu()),
    }),
    'where kernels are no points': () => {
      const x = image();
      const wide = (name: string) => input(name, [16, 3, 3, 32], { image: false });
      return { y: activate(conv2d(x, wide('w')), relu()), z: activate(conv2d(x, wide('v')), relu()) };
    },
  };
  test.each(Object.entries(untouched))('stops %s', (_, make) => {
    const graph = Graph.from({ outputs: make() });
    expect(mergeSiblingConvs(graph).nodes).toEqual(graph.nodes);
  });

  test('where the weights of one are computed from another', () => {
    const x = image();
    const first = activate(conv2d(x, weight('w')), relu());
    const { 'gradient of w': dw } = gradients(first, { w: first.node.inputs[0]?.node.inputs[1] as Tensor });
    const second = activate(conv2d(x, dw as Tensor), leakyTanh());
    expect(opsAfter(mergeSiblingConvs, { second })).not.toContain('slice');
  });
});

test('neither touches a graph whose memory has been decided about', () => {
  const x = activate(image(), relu());
  const y = concat([
    activate(conv2d(x, weight('w')), relu()),
    activate(conv2d(averagePool(x, same), weight('v')), relu()),
  ]);
  const placed = concatViews(Graph.from({ outputs: { y } }));
  for (const pass of [commuteAveragePool, mergeSiblingConvs]) expect(pass(placed)).toBe(placed);
});

describe('a training step of inception33', () => {
  const model = createModel('inception33');
  const state = new State(model.parameters);
  const logits = model.forward(input('images', [2, ...model.inputShape]));
  const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }));
  const { updates, gate } = new Sgd().update({ state, loss, learningRate: input('learningRate', [1]) });
  const plain = Graph.from({ outputs: { loss }, updates, gate });
  const graph = optimize(plain, defaultPasses);
  const count = (of: Graph, op: string) => kernels(of).filter((node) => node.op.name === op).length;

  test('35 convolutions become 10, with the gradients of their images and weights, and 7 of 10 sums are gone', () => {
    const ops = ['conv2d', 'conv2dDgrad', 'conv2dDgradActivation', 'conv2dWgrad', 'add'];
    expect(ops.map((op) => count(plain, op))).toEqual([69, 68, 0, 69, 10]);
    expect(ops.map((op) => count(graph, op))).toEqual([44, 30, 13, 44, 3]);
  });

  test('the projections behind average pools are siblings, the one behind a max pool is not', () => {
    const merged = kernels(graph).filter(({ op, name }) => op.name === 'conv2d' && name.includes('+'));
    expect(merged.map(({ name }) => name)).toEqual([
      '3a/1x1+3x3r+d3x3r+projection',
      '3b/1x1+3x3r+d3x3r+projection',
      '3c/3x3r+d3x3r',
      ...['4a', '4b', '4c', '4d'].map((block) => `${block}/1x1+3x3r+d3x3r+projection`),
      '4e/3x3r+d3x3r',
      '5a/1x1+3x3r+d3x3r+projection',
      '5b/1x1+3x3r+d3x3r',
    ]);
  });

  test('weights are joined once for both directions, and no image is copied', () => {
    // One more packs all gradients.
    expect(count(graph, 'pack')).toBe(10 + 1);
    const { placements } = graph.memory;
    for (const { op, inputs, outputs } of kernels(graph)) {
      if (op.isView) expect(placements.has(outputs[0] as Tensor)).toBe(true);
      if (op.gathers === 'channels') for (const part of inputs) expect(placements.has(part as Tensor)).toBe(true);
    }
  });
});
