/** Compares ten SGD steps of a small Inception with those of PyTorch, recorded by test/pytorch/record.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { gradient } from '../../lib/compile/gradient';
import { Graph } from '../../lib/compile/graph';
import { defaultPasses } from '../../lib/compile/optimize';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { Sgd } from '../../lib/optim/sgd';
import type { Device } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { input } from '../../lib/tensor/tensor';
import { backends } from '../backends';
import { batch, drawBatches, drawWeights, learningRate, makeNetwork, size, steps } from '../pytorch/network';

const fixtures = join(__dirname, '..', 'pytorch', 'fixtures');
const recorded: { parameters: [string, number[]][]; losses: number[] } = JSON.parse(
  readFileSync(join(fixtures, 'losses.json'), 'utf8'),
);
const bytes = readFileSync(join(fixtures, 'gradients.f32'));
const recordedGradients = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));

const tolerance = 1e-4;

async function prepare(device: Device) {
  const network = makeNetwork();
  const { parameters } = network;
  const state = new State(parameters);
  await state.on(device);
  for (const [i, values] of drawWeights(parameters).entries()) {
    const parameter = parameters[i];
    if (parameter) await state.write(parameter, values);
  }
  const labels = input('labels', [batch], { dtype: 'i32' });
  const { loss } = softmaxCrossEntropy(network.forward(input('images', [batch, size, size, 3])), labels);
  return { parameters, state, loss };
}

/** Returns |got - want| / |want|, with Euclidean norms. */
function relativeNorm(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < want.length; i++) {
    difference += ((got[i] ?? Number.NaN) - (want[i] ?? 0)) ** 2;
    norm += (want[i] ?? 0) ** 2;
  }
  return Math.sqrt(difference / norm);
}

test('the network has the parameters that were recorded', () => {
  expect(makeNetwork().parameters.map(({ name, shape }) => [name, [...shape]])).toEqual(recorded.parameters);
});

for (const { name, device, reason } of backends()) {
  if (!device) {
    test.skip(`${name}: NOT RUN: ${reason}`, () => {});
    continue;
  }
  describe.each([
    { mode: 'plain', passes: [] },
    { mode: 'fused', passes: defaultPasses },
  ])(`${name}, $mode`, ({ passes }) => {
    test('the first step has the same gradients', async () => {
      const { parameters, state, loss } = await prepare(device);
      const gradients = Object.fromEntries(gradient(loss, parameters).map((tensor, i) => [String(i), tensor]));
      const plan = await compile(Graph.from({ outputs: gradients }), { device, passes, poison: true });
      const { images, labels } = drawBatches();
      const { outputs } = await plan.run({
        images: images.subarray(0, batch * size * size * 3),
        labels: labels.subarray(0, batch),
      });
      let begin = 0;
      for (const [i, parameter] of parameters.entries()) {
        const want = recordedGradients.subarray(begin, begin + parameter.size);
        expect(relativeNorm(outputs[String(i)] ?? [], want), parameter.name).toBeLessThan(tolerance);
        begin += parameter.size;
      }
      expect(begin).toBe(recordedGradients.length);
      plan.dispose();
      state.dispose();
    });

    test('ten steps have the same losses', async () => {
      const { state, loss } = await prepare(device);
      const rate = input('learningRate', [1]);
      const { updates, gate } = new Sgd({ momentum: 0.9, weightDecay: 1e-4 }).update({
        state,
        loss,
        learningRate: rate,
      });
      const plan = await compile(Graph.from({ outputs: { loss }, updates, gate }), { device, passes });
      const inputs = { ...drawBatches(), learningRate: Float32Array.of(learningRate) };
      const { finite, outputs } = await plan.run(inputs, { steps });
      expect(finite).toBe(true);
      const losses = outputs.loss ?? [];
      const errors = recorded.losses.map((want, i) => Math.abs((losses[i] ?? Number.NaN) - want) / want);
      expect(Math.max(...errors), `losses ${[...losses]}`).toBeLessThan(tolerance);
      plan.dispose();
      state.dispose();
    });
  });
}
