/** Checks what each pass changes and when it must not. test/reference/cases.test.ts checks that no pass changes a result. */
import { describe, expect, test } from 'vitest';
import { gradient } from '../../lib/compile/gradient';
import { Graph } from '../../lib/compile/graph';
import { optimize } from '../../lib/compile/optimize';
import { concatViews } from '../../lib/compile/passes/concatViews';
import { eliminateDead } from '../../lib/compile/passes/eliminateDead';
import { fuseConvBiasActivation } from '../../lib/compile/passes/fuseConvBiasActivation';
import { fuseDgradActivation } from '../../lib/compile/passes/fuseDgradActivation';
import { inPlaceActivation } from '../../lib/compile/passes/inPlaceActivation';
import { activate, activationGradient, encodeActivation } from '../../lib/ops/activation';
import { leakyTanh, relu } from '../../lib/ops/activations';
import { add, concat, slice } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d, conv2dDgrad } from '../../lib/ops/convolution';
import { linear } from '../../lib/ops/linear';
import { averagePool, globalAveragePool, maxPool } from '../../lib/ops/pooling';
import { input, type Tensor } from '../../lib/tensor/tensor';
import { isSource } from '../reference/interpret';

const opsOf = (graph: Graph) => graph.nodes.filter((node) => !isSource(node)).map((node) => node.op.name);
const image = (name = 'x', channels = 16) => input(name, [2, 6, 6, channels]);
const weight = (name = 'w', inputs = 16, outputs = 16) => input(name, [outputs, 3, 3, inputs], { image: false });
const vector = (name: string, size = 16) => input(name, [size]);

describe('fuseConvBiasActivation', () => {
  const fused = (outputs: Record<string, Tensor>) => opsOf(fuseConvBiasActivation(Graph.from({ outputs })));

  test('makes one convolution of three', () => {
    const y = activate(conv2d(image(), weight(), { padding: 1 }), leakyTanh(0.3), { bias: vector('b') });
    const graph = fuseConvBiasActivation(Graph.from({ outputs: { y } }));
    expect(opsOf(graph)).toEqual(['conv2d']);
    const { node } = graph.outputs.y as Tensor;
    expect(node.attributes).toMatchObject({ activation: 3, slope: 0.3, padTop: 1 });
    expect(node.inputs.map((tensor) => tensor?.node.name)).toEqual(['x', 'w', 'b']);
  });

  test('stops where somebody else reads the pre-activation', () => {
    const pre = conv2d(image(), weight(), { padding: 1 });
    const y = activate(pre, relu());
    expect(fused({ y, sum: add(pre, image('other')) })).toEqual(['conv2d', 'activation', 'add']);
    expect(fused({ y, pre })).toEqual(['conv2d', 'activation']);
  });

  test('stops where the result is joined, because a convolution cannot write a slice', () => {
    const y = activate(conv2d(image(), weight(), { padding: 1 }), relu());
    expect(fused({ y: concat([y, image('other')]) })).toEqual(['conv2d', 'activation', 'concat']);
  });

  test('stops where both the convolution and the activation have a bias', () => {
    const pre = conv2d(image(), weight(), { bias: vector('b') });
    expect(fused({ y: activate(pre, relu(), { bias: vector('c') }) })).toEqual(['conv2d', 'activation']);
  });

  test('fuses one activation, not two', () => {
    const y = activate(activate(conv2d(image(), weight()), relu()), leakyTanh());
    expect(fused({ y })).toEqual(['conv2d', 'activation']);
  });
});

describe('fuseDgradActivation', () => {
  const { attributes } = conv2d(image(), weight(), { padding: 1 }).node;
  const fused = (outputs: Record<string, Tensor>) => opsOf(fuseDgradActivation(Graph.from({ outputs })));
  const between = () => conv2dDgrad(image('dy'), weight(), image().shape, attributes);
  const derived = (dy: Tensor, y = image('y')) => activationGradient(dy, y, encodeActivation(leakyTanh(0.3)));

  test('makes one node of two', () => {
    const { dx, dbias } = derived(between());
    const graph = fuseDgradActivation(Graph.from({ outputs: { dx, dbias } }));
    expect(opsOf(graph)).toEqual(['conv2dDgradActivation']);
    const { node } = graph.outputs.dx as Tensor;
    expect(graph.outputs.dbias?.node).toBe(node);
    expect(node.attributes).toMatchObject({ activation: 3, slope: 0.3, padTop: 1 });
    expect(node.inputs.map((tensor) => tensor?.node.name)).toEqual(['dy', 'w', 'y']);
    expect(node.outputs.map(({ shape }) => shape)).toEqual([[2, 6, 6, 16], [16]]);
    expect(opsOf(optimize(Graph.from({ outputs: { dx } })))).toEqual(['conv2dDgradActivation']);
  });

  test('stops where somebody else reads what is between', () => {
    const dy = between();
    const { dx } = derived(dy);
    expect(fused({ dx, sum: add(dy, image()) })).toEqual(['conv2dDgrad', 'activationGradient', 'add']);
    expect(fused({ dx, dy })).toEqual(['conv2dDgrad', 'activationGradient']);
  });

  test('stops where it is y, or one of two gradients that are added', () => {
    expect(fused({ dx: derived(image('dy'), between()).dx })).toEqual(['conv2dDgrad', 'activationGradient']);
    const sum = add(between(), between());
    expect(fused({ dx: derived(sum).dx })).toEqual(['conv2dDgrad', 'conv2dDgrad', 'add', 'activationGradient']);
  });

  test('stops where the result is joined, or y is a part of an image', () => {
    const joined = concat([derived(between()).dx, image('other')]);
    expect(fused({ joined })).toEqual(['conv2dDgrad', 'activationGradient', 'concat']);
    const part = slice(activate(image('wide', 32), relu()), { channelOffset: 0, channels: 16 });
    expect(fused({ dx: derived(between(), part).dx })).not.toContain('conv2dDgradActivation');
  });

  test('stops where memory has been decided about', () => {
    const { dx } = derived(between());
    const decided = inPlaceActivation(Graph.from({ outputs: { dx } }));
    expect(decided.memory.inPlace.size).toBe(1);
    expect(opsOf(fuseDgradActivation(decided))).toEqual(['conv2dDgrad', 'activationGradient']);
  });
});

describe('concatViews', () => {
  const placed = (outputs: Record<string, Tensor>) => concatViews(Graph.from({ outputs })).memory.placements;

  test('places what kernels can write as slices, at their channels', () => {
    const parts = [activate(image(), relu()), maxPool(image(), { kernel: 3, stride: 1, padding: 1 })] as const;
    const y = concat(parts);
    const placements = placed({ y });
    expect(placements.get(parts[0])).toEqual({ base: y, offset: 0 });
    expect(placements.get(parts[1])).toEqual({ base: y, offset: 16 });
  });

  test('leaves alone what a convolution writes or reads, inputs, and graph outputs', () => {
    const convolved = conv2d(image(), weight(), { padding: 1 });
    const read = activate(image(), relu());
    const asked = activate(image(), leakyTanh());
    const y = concat([convolved, read, asked, image()]);
    expect([...placed({ y, z: conv2d(read, weight('v')), asked }).keys()]).toEqual([]);
  });

  test('places a tensor once, even if it is joined twice', () => {
    const part = activate(image(), relu());
    const y = concat([part, part]);
    expect([...placed({ y })]).toEqual([[part, { base: y, offset: 0 }]]);
  });

  test('makes a slice a view, unless a convolution reads it', () => {
    const x = concat([activate(image(), relu()), averagePool(image(), { kernel: 3, stride: 1, padding: 1 })]);
    const part = slice(x, { channelOffset: 16, channels: 16 });
    expect(placed({ y: activate(part, relu()) }).get(part)).toEqual({ base: x, offset: 16 });
    expect(placed({ y: conv2d(part, weight()) }).has(part)).toBe(false);
  });
});

describe('inPlaceActivation', () => {
  const inPlace = (outputs: Record<string, Tensor>) =>
    [...inPlaceActivation(Graph.from({ outputs })).memory.inPlace].map((node) => node.op.name);

  test('lets an activation replace what nobody else reads', () => {
    expect(inPlace({ y: activate(conv2d(image(), weight()), relu()) })).toEqual(['activation']);
  });

  test('keeps what is read again, given from outside, or asked for', () => {
    const pre = conv2d(image(), weight(), { padding: 1 });
    expect(inPlace({ y: activate(image(), relu()) })).toEqual([]);
    expect(inPlace({ y: activate(pre, relu()), z: globalAveragePool(pre) })).toEqual([]);
    expect(inPlace({ y: activate(pre, relu()), pre })).toEqual([]);
    expect(inPlace({ y: add(pre, pre) })).toEqual([]);
  });
});

describe('eliminateDead', () => {
  test('leaves out optional outputs that nobody reads, and only those', () => {
    const y = maxPool(image(), { kernel: 3, stride: 2 });
    const [, indices] = y.node.outputs as readonly [Tensor, Tensor];
    expect([...eliminateDead(Graph.from({ outputs: { y } })).memory.absent]).toEqual([indices]);
    expect([...eliminateDead(Graph.from({ outputs: { y, indices } })).memory.absent]).toEqual([]);
  });

  test('keeps the indices for a gradient', () => {
    const x = activate(image(), relu());
    const y = maxPool(x, { kernel: 3, stride: 2 });
    const logits = linear(globalAveragePool(y), input('head', [5, 16]));
    const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }));
    const [dx] = gradient(loss, [x]) as [Tensor];
    expect([...eliminateDead(Graph.from({ outputs: { dx } })).memory.absent]).toEqual([]);
  });
});

test('all passes: a training step of two branches has no concat left to copy', () => {
  const x = activate(conv2d(image(), weight('w0'), { padding: 1 }), leakyTanh());
  const branch = activate(conv2d(x, weight('w1'), { padding: 1 }), leakyTanh());
  const joined = concat([branch, maxPool(x, { kernel: 3, stride: 1, padding: 1 })]);
  const logits = linear(globalAveragePool(joined), input('head', [5, 32]));
  const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }));
  const graph = optimize(Graph.from({ outputs: { loss } }));
  const concats = graph.nodes.filter((node) => node.op.name === 'concat');
  expect(concats).toHaveLength(1);
  for (const part of concats[0]?.inputs ?? []) expect(graph.memory.placements.has(part as Tensor)).toBe(true);
});
