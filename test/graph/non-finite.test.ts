/**
 * firstNonFinite names the first value that is not finite: an input or parameter of the step, or the layer that computed
 * it.
 */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { describeNonFinite, firstNonFinite } from '../../lib/compile/firstNonFinite';
import { Graph } from '../../lib/compile/graph';
import { defaultPasses } from '../../lib/compile/optimize';
import { GlobalAveragePool, inceptionA, Linear, Sequential } from '../../lib/layers';
import { relu } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { Sgd } from '../../lib/optim/sgd';
import type { Precision } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { input } from '../../lib/tensor/tensor';
import { cpu } from '../train/support';

const shape = [2, 6, 6, 16] as const;
const classes = 10;

/**
 * Makes a step of two blocks with concatenations. On the CPU its images are blocked if `channels` is a multiple of 16,
 * else plain.
 */
async function build(channels: number, { plain = false, poison = false, precision = 'f32' as Precision } = {}) {
  const counts = { c1: channels, c3r: 16, c3: channels, d3r: 16, d3: 16, projection: 16, activation: relu() };
  const network = new Sequential([
    inceptionA({ name: 'a', inputs: 16, pool: 'average', ...counts }),
    inceptionA({ name: 'b', inputs: 2 * channels + 32, pool: 'max', ...counts }),
    new GlobalAveragePool({ name: 'pool' }),
    new Linear({ name: 'classifier', inputs: 2 * channels + 32, outputs: classes }),
  ]);
  const state = new State(network.parameters);
  const logits = network.forward(input('x', shape));
  const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }), { name: 'loss' });
  const { updates, gate } = new Sgd().update({ state, loss, learningRate: input('learningRate', [1]) });
  const graph = Graph.from({ outputs: { loss }, updates, gate });
  const plan = await compile(graph, { device: cpu(), passes: plain ? [] : defaultPasses, poison, precision });
  const x = Float32Array.from({ length: 2 * 6 * 6 * 16 }, (_, i) => Math.sin(i));
  const inputs = { x, labels: Int32Array.of(3, 7), learningRate: Float32Array.of(0.01) };
  const parameter = (name: string) => network.parameters.find((it) => it.name === name)!;
  const dispose = () => {
    plan.dispose();
    state.dispose();
  };
  return { state, plan, inputs, parameter, dispose };
}

describe.each([16, 24])('blocks of %i channels', (channels) => {
  describe.each([false, true])('plain: %s', (plain) => {
    test('nothing is found in a step whose numbers are finite, whatever lies between slices', async () => {
      const { plan, inputs, dispose } = await build(channels, { plain, poison: true });
      expect(await firstNonFinite(plan, inputs)).toBeNull();
      dispose();
    });

    test('a NaN in one weight is found in that parameter', async () => {
      const { state, plan, inputs, parameter, dispose } = await build(channels, { plain });
      const weight = parameter('a/d3x3a/weight');
      const values = await state.read(weight);
      values[5] = Number.NaN;
      await state.write(weight, values);
      const found = await firstNonFinite(plan, inputs);
      expect(found).toEqual({
        kind: 'parameter',
        name: 'a/d3x3a/weight',
        op: 'conv2d',
        layer: 'a/d3x3a',
        count: 1,
        size: weight.size,
        shape: weight.shape,
      });
      expect(describeNonFinite(found!)).toBe(
        `parameter a/d3x3a/weight: 1 of ${weight.size} values [16, 3, 3, 16] are not finite, read by conv2d of layer a/d3x3a`,
      );
      dispose();
    });

    test('an overflow is found in the layer that makes it', async () => {
      const { state, plan, inputs, parameter, dispose } = await build(channels, { plain });
      const weight = parameter('b/3x3/weight');
      await state.write(weight, new Float32Array(weight.size).fill(3e38));
      const found = await firstNonFinite(plan, inputs);
      expect(found).toMatchObject({ kind: 'kernel', name: 'b/3x3', layer: 'b/3x3', op: 'conv2d' });
      expect(found?.shape).toEqual([2, 6, 6, channels]);
      expect(found?.count).toBeGreaterThan(0);
      expect(describeNonFinite(found!)).toMatch(
        /^conv2d of layer b\/3x3: \d+ of \d+ values \[2, 6, 6, \d+\] are not finite$/,
      );
      dispose();
    });

    test('a gradient that overflows is found in the backward pass', async () => {
      const { state, plan, inputs, parameter, dispose } = await build(channels, { plain });
      // The classifier's huge weights multiply tiny features in the forward pass, but the gradient of the loss, which is then
      // summed over pixels, in the backward pass.
      for (const part of ['1x1', '3x3', 'd3x3b', 'projection']) {
        const weight = parameter(`b/${part}/weight`);
        await state.write(weight, new Float32Array(weight.size));
        const bias = parameter(`b/${part}/bias`);
        await state.write(bias, new Float32Array(bias.size).fill(1e-30));
      }
      const weight = parameter('classifier/weight');
      const width = weight.size / classes;
      await state.write(
        weight,
        Float32Array.from({ length: weight.size }, (_, i) => (i < 4 * width ? 3e38 : -3e38)),
      );
      const found = await firstNonFinite(plan, inputs);
      expect(found).toMatchObject({ kind: 'kernel', op: 'conv2dWgrad' });
      expect(found?.layer).toMatch(/^b\//);
      dispose();
    });

    test('an input that is not finite is named', async () => {
      const { plan, inputs, dispose } = await build(channels, { plain });
      inputs.x[17] = Number.POSITIVE_INFINITY;
      expect(await firstNonFinite(plan, inputs)).toMatchObject({ kind: 'input', name: 'x', count: 1, size: 1152 });
      dispose();
    });
  });
});

test('counts are those of the tensor itself, slice by slice', async () => {
  const { state, plan, inputs, parameter, dispose } = await build(16);
  const bias = parameter('a/1x1/bias');
  const values = await state.read(bias);
  values[3] = Number.NaN;
  await state.write(bias, values);
  const trace = await plan.trace(inputs, { nonFinite: true });
  // One of 16 channels is not finite, in 2 images of 36 pixels. The other slices of the concatenation must not be counted.
  const made = trace.filter(({ outputs, nonFinite }) => outputs[0]?.shape[3] === 16 && nonFinite!.outputs[0]! > 0);
  expect(made[0]).toMatchObject({ name: 'a/1x1', nonFinite: { outputs: [72] } });
  const neighbour = trace.filter(({ name, op }) => name === 'a/3x3' && (op === 'conv2d' || op === 'activation'));
  for (const { nonFinite } of neighbour) expect(nonFinite?.outputs).toEqual([0]);
  const times = await plan.trace(inputs);
  expect(times.some((kernel) => 'nonFinite' in kernel)).toBe(false);
  dispose();
});

test.skipIf(!cpu().precisions.includes('bf16'))(
  'a layer whose bf16 images overflow is found, and it alone',
  async () => {
    const { state, plan, inputs, parameter, dispose } = await build(16, { precision: 'bf16', poison: true });
    expect(await firstNonFinite(plan, inputs)).toBeNull();
    const bias = parameter('a/d3x3a/bias');
    await state.write(bias, new Float32Array(bias.size).fill(3.39e38));
    const weight = parameter('a/d3x3b/weight');
    await state.write(weight, new Float32Array(weight.size).fill(2));
    expect(await firstNonFinite(plan, inputs)).toMatchObject({ kind: 'kernel', name: 'a/d3x3b' });
    dispose();
  },
);
