/**
 * PlanKernel.bytes is the least number of bytes that a kernel must read and write. The native side reports shapes of
 * operands.
 */
import { expect, test } from 'vitest';
import { compile, type Plan } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { defaultPasses } from '../../lib/compile/optimize';
import { Concatenate, Conv2d } from '../../lib/layers';
import { drawImages, PreparedStep, stateFor } from '../../lib/measure/preparedStep';
import { leakyTanh } from '../../lib/ops/activations';
import { Sgd } from '../../lib/optim/sgd';
import { State } from '../../lib/tensor/state';
import { input } from '../../lib/tensor/tensor';
import { cpu, smallModel } from '../train/support';

const kernel = (plan: Plan, op: string, name?: string) =>
  plan.kernels.find((it) => it.op === op && (name === undefined || it.name === name))!;

test('a convolution reads image, weights and bias, and writes an image', async () => {
  const layer = new Conv2d({ name: 'c', inputs: 16, outputs: 32, kernel: 3, padding: 1, activation: leakyTanh() });
  using _ = new State(layer.parameters);
  using plan = await compile(Graph.from({ outputs: { y: layer.forward(input('x', [2, 6, 6, 16])) } }), {
    device: cpu(),
  });
  const { bytes, flops, inputs, outputs } = kernel(plan, 'conv2d');
  const image = 4 * 2 * 6 * 6;
  const bias = inputs[2] ? 4 * 32 : 0;
  expect(bytes).toBe(image * 16 + 4 * 32 * 9 * 16 + bias + image * 32);
  expect(flops).toBe(2 * 2 * 6 * 6 * 32 * 9 * 16);
  expect(inputs[1]).toEqual({
    dtype: 'f32',
    shape: [32, 3, 3, 16],
    bytes: 4 * 32 * 9 * 16,
    given: { kind: 'parameter', name: 'c/weight' },
  });
  expect(outputs[0]).toMatchObject({ shape: [2, 6, 6, 32], given: null });
});

test('a concatenation costs nothing where its inputs lie in it, and every byte twice where they do not', async () => {
  const branch = (name: string) =>
    new Conv2d({ name, inputs: 16, outputs: 16, kernel: 3, padding: 1, activation: leakyTanh() });
  for (const passes of [defaultPasses, []]) {
    const joined = new Concatenate([branch('a'), branch('b')], { name: 'joined' });
    using _ = new State(joined.parameters);
    const graph = Graph.from({ outputs: { y: joined.forward(input('x', [2, 6, 6, 16])) } });
    using plan = await compile(graph, { device: cpu(), passes });
    expect(kernel(plan, 'concat').bytes).toBe(passes.length > 0 ? 0 : 2 * 4 * 2 * 6 * 6 * 32);
  }
});

test('a step: the optimizer reads and writes, and of a data set a batch is read', async () => {
  const model = smallModel();
  const options = { model, device: cpu(), batch: 4, precision: 'f32', optimizer: new Sgd() } as const;
  using state = stateFor(options);
  const { shape, images } = drawImages(model, 50);
  using resident = cpu().upload(images);
  const step = await PreparedStep.prepare(options, state, { images: resident, shape });
  // Three arrays are read (parameters, momentum, gradient) and two written; the gate and the learning rate take 4 bytes each.
  expect(kernel(step.plan, 'sgd').bytes).toBe(5 * 4 * state.size + 8);
  const { bytes, inputs } = kernel(step.plan, 'augment');
  expect(inputs[0]).toMatchObject({ bytes: images.length, given: { kind: 'input', name: 'images' } });
  const pixels = 4 * 28 * 28 * 3;
  expect(bytes).toBe(pixels + 4 * pixels + 4 * 4 + 4 * 6 * 4 + 2 * 3 * 4);
  step.dispose();
});
