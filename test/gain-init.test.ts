/**
 * Scaling weights by the gain of the activation that they read: a network of sigmoids then computes the same as one of
 * sigmoid*.
 */
import { describe, expect, test } from 'vitest';
import { evaluate } from '../lib/compile/evaluate';
import { gainInit } from '../lib/initial/gainInit';
import { Concatenate, Conv2d, GlobalAveragePool, Linear, MaxPool, Sequential } from '../lib/layers';
import { functionalModel, type Model } from '../lib/models';
import { type Activation, relu, scaledSigmoid, sigmoid, tanh } from '../lib/ops/activations';
import { State } from '../lib/tensor/state';
import { input, sizeOf } from '../lib/tensor/tensor';
import { TestRandom, testSeed } from './random';
import { cpu } from './train/support';

const images = [3, 9, 9, 3];

/**
 * Makes a network without zero padding: padding with 0 means another value for sigmoid than for sigmoid*. Max pools are
 * not padded.
 */
function network(activation: Activation, second = activation): Model {
  const conv = (name: string, inputs: number, kernel: 1 | 3, own = activation) =>
    new Conv2d({ name, inputs, outputs: 16, kernel, activation: own });
  const layers = new Sequential([
    conv('stem', 3, 3),
    new MaxPool({ kernel: 3, stride: 2, ceil: true }),
    new Concatenate([conv('a', 16, 1), new Sequential([conv('b1', 16, 1), conv('b2', 16, 1, second)])]),
    conv('top', 32, 3),
    new GlobalAveragePool(),
    new Linear({ name: 'head', inputs: 16, outputs: 5 }),
  ]);
  const { parameters } = layers;
  return functionalModel({ parameters, inputShape: [9, 9, 3], classes: 5, forward: (x) => layers.forward(x) });
}

const random = new TestRandom(testSeed);
const pixels = Float32Array.from({ length: sizeOf(images) }, random.gaussian);

async function logitsOf(model: Model, prepare: (state: State) => Promise<unknown>): Promise<number[]> {
  using state = new State(model.parameters, { seed: testSeed });
  await state.on(cpu());
  await prepare(state);
  const logits = model.forward(input('images', images));
  return [...(await evaluate(logits, { device: cpu(), inputs: { images: pixels } }))];
}

const distance = (a: number[], b: number[]): number => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

describe('gainInit', () => {
  test('sigmoid, scaled and centred, computes what sigmoid* does', async () => {
    const want = await logitsOf(network(scaledSigmoid()), async () => {});
    const model = network(sigmoid());
    const got = await logitsOf(model, async (state) => {
      expect(await gainInit({ model, state, device: cpu(), centred: true })).toEqual({ smallest: 1, largest: 4 });
    });
    const size = Math.max(...want.map(Math.abs));
    expect(distance(got, want), `SATURNN_TEST_SEED=${testSeed}`).toBeLessThan(1e-4 * size);
    const off = network(sigmoid());
    const offCentre = await logitsOf(off, (state) => gainInit({ model: off, state, device: cpu() }));
    expect(distance(offCentre, want)).toBeGreaterThan(0.05 * size);
  });

  test('a network whose gains are all 1 does not change', async () => {
    const want = await logitsOf(network(tanh()), async () => {});
    const model = network(tanh());
    const got = await logitsOf(model, (state) => gainInit({ model, state, device: cpu(), centred: true }));
    expect(got).toEqual(want);
  });

  test('weights that multiply different activations are refused, and name their layer', async () => {
    const model = network(sigmoid(), relu());
    const refused = { code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(/layer "top".*\[0\.0625, 0\.5\]/) };
    using state = new State(model.parameters);
    await expect(gainInit({ model, state, device: cpu() })).rejects.toMatchObject(refused);
    await expect(gainInit({ model, state: null as never })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
