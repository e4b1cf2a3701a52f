/**
 * Compares a training step of each model after all passes with the plain one: loss, every gradient and every updated
 * weight. In f32 they differ in the last digits, because passes reorder sums. In bf16 the gradients of the optimised plan
 * must not be further from those of f32 than the gradients of the plain plan are.
 */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { defaultPasses, optimize, type Pass } from '../../lib/compile/optimize';
import { commuteAveragePool } from '../../lib/compile/passes/commuteAveragePool';
import { mergeSiblingConvs } from '../../lib/compile/passes/mergeSiblingConvs';
import { Concatenate, Conv2d, GlobalAveragePool, inceptionA, inceptionB, Linear, Sequential } from '../../lib/layers';
import { TrainingContext } from '../../lib/layers/context';
import type { Layer } from '../../lib/layers/layer';
import { createModel } from '../../lib/models';
import { tanh } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { Sgd } from '../../lib/optim/sgd';
import { Philox } from '../../lib/random';
import type { Precision } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { input, sizeOf } from '../../lib/tensor/tensor';
import { cpu } from '../train/support';

type Network = Pick<Layer, 'forward' | 'parameters' | 'buffers'> & { readonly inputShape: readonly number[] };

const batch = 3;
const classes = 10;

/** Makes a network whose channel counts are not multiples of 16, so that all images keep the plain layout. */
function oddNetwork(): Network {
  const style = { activation: tanh() };
  const trunk = new Sequential([
    new Conv2d({ name: 'stem', inputs: 3, outputs: 20, kernel: 3, padding: 1, ...style }),
    inceptionA({
      name: 'a',
      inputs: 20,
      c1: 7,
      c3r: 5,
      c3: 9,
      d3r: 6,
      d3: 11,
      pool: 'average',
      projection: 3,
      ...style,
    }),
    inceptionB({ name: 'b', inputs: 30, c3r: 13, c3: 8, d3r: 7, d3: 10, ...style }),
    // Without activations, the convolutions receive slices of the concatenation's gradient.
    new Concatenate(
      [4, 18].map((outputs) => new Conv2d({ name: `c/${outputs}`, inputs: 48, outputs, kernel: 1 })),
      { name: 'c' },
    ),
    new GlobalAveragePool({ name: 'pool' }),
    new Linear({ name: 'classifier', inputs: 22, outputs: classes }),
  ]);
  return Object.assign(trunk, { inputShape: [12, 8, 3] });
}

const networks: Readonly<Record<string, () => Network>> = {
  inception33: () => createModel('inception33', { width: 0.1, classes, size: 12, activation: tanh() }),
  subInception: () => createModel('subInception', { width: 0.25, classes, size: 12, activation: tanh() }),
  'subInception with batch norm': () =>
    createModel('subInception', { width: 0.1, classes, size: 12, activation: tanh(), normalization: 'batch' }),
  inceptionBn: () => createModel('inceptionBn', { width: 0.1, classes, size: 64, activation: tanh() }),
  'blocks of odd widths': oddNetwork,
};

function stepOf(make: () => Network) {
  const network = make();
  const optimizer = new Sgd();
  const { parameters, buffers } = network;
  const state = new State(parameters, { seed: 5, optimizerSlots: optimizer.slots, buffers });
  const context = new TrainingContext(state.counter);
  const logits = network.forward(input('images', [batch, ...network.inputShape]), context);
  const { loss } = softmaxCrossEntropy(logits, input('labels', [batch], { dtype: 'i32' }));
  const rate = input('learningRate', [1]);
  const { updates, gate, gradientNorm } = optimizer.update({ state, loss, learningRate: rate });
  const all = [...updates, ...context.updates(gate)];
  return { network, state, graph: Graph.from({ outputs: { loss, logits, gradientNorm }, updates: all, gate }) };
}

async function results(make: () => Network, passes: readonly Pass[], precision: Precision) {
  const { network, state, graph } = stepOf(make);
  const plan = await compile(graph, { device: cpu(), passes, precision, poison: true });
  const random = new Philox(1, 2);
  const images = Float32Array.from({ length: batch * sizeOf(network.inputShape) }, () => random.gaussian());
  const inputs = { images, labels: Int32Array.of(1, 4, 7), learningRate: Float32Array.of(0.1) };
  const { outputs, finite } = await plan.run(inputs);
  expect(finite).toBe(true);
  const read = async (which: 'gradients' | 'parameters') =>
    Promise.all(network.parameters.map((parameter) => state.read(parameter, which)));
  const gradients = await read('gradients');
  const weights = await read('parameters');
  const buffers = await Promise.all((network.buffers ?? []).map((buffer) => state.read(buffer)));
  plan.dispose();
  state.dispose();
  return { outputs, gradients, weights, buffers };
}

const norm = (tensors: readonly ArrayLike<number>[]): number =>
  Math.sqrt(tensors.reduce((sum, values) => Array.from(values).reduce((s, value) => s + value ** 2, sum), 0));

/** Returns the norm of the difference, divided by the norm of `b`. */
function distance(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  let difference = 0;
  let size = 0;
  b.forEach((values, k) => {
    Array.from(values).forEach((value, i) => {
      difference += ((a[k]?.[i] ?? Number.NaN) - value) ** 2;
      size += value ** 2;
    });
  });
  return Math.sqrt(difference / (size || 1));
}

describe.each(Object.entries(networks))('%s', (_, make) => {
  test('f32: the same to the last digits', async () => {
    const plain = await results(make, [], 'f32');
    const fused = await results(make, defaultPasses, 'f32');
    for (const name of ['loss', 'logits', 'gradientNorm'])
      expect(distance([fused.outputs[name]!], [plain.outputs[name]!]), name).toBeLessThan(1e-5);
    const whole = norm(plain.gradients);
    plain.gradients.forEach((values, i) => {
      // The gradient of a bias before a normalisation is 0, apart from rounding errors.
      if (norm([values]) < 1e-5 * whole)
        expect(norm([fused.gradients[i]!]), `gradient ${i}`).toBeLessThan(1e-5 * whole);
      else expect(distance([fused.gradients[i]!], [values]), `gradient ${i}`).toBeLessThan(2e-4);
    });
    expect(distance(fused.weights, plain.weights)).toBeLessThan(1e-6);
    expect(distance(fused.buffers, plain.buffers)).toBeLessThan(1e-5);
  });

  test.runIf(cpu().precisions.includes('bf16'))('bf16: no further from f32 than the plain plan', async () => {
    const exact = await results(make, [], 'f32');
    const plain = await results(make, [], 'bf16');
    const fused = await results(make, defaultPasses, 'bf16');
    const own = distance(plain.gradients, exact.gradients);
    expect(own).toBeGreaterThan(1e-4);
    expect(distance(fused.gradients, exact.gradients)).toBeLessThan(1.3 * own);
    expect(distance([fused.outputs.loss!], [exact.outputs.loss!])).toBeLessThan(0.02);
  });

  test('both passes reduce the number of convolutions, and a second run of them changes nothing', () => {
    const { graph, state } = stepOf(make);
    const count = (nodes: Graph['nodes'], op: string) => nodes.filter((node) => node.op.name === op).length;
    const both = [commuteAveragePool, mergeSiblingConvs];
    const once = optimize(graph, both);
    for (const op of ['conv2d', 'conv2dDgrad', 'conv2dWgrad'])
      expect(count(once.nodes, op), op).toBeLessThan(count(graph.nodes, op));
    const twice = optimize(once, both);
    expect(twice.nodes.map(({ op }) => op.name)).toEqual(once.nodes.map(({ op }) => op.name));
    state.dispose();
  });
});
