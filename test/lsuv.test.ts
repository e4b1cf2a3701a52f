/** LSUV on the paper's network: every pre-activation has variance 1, according to variances that this test computes itself. */
import { describe, expect, test } from 'vitest';
import { compile } from '../lib/compile/compile';
import { Graph } from '../lib/compile/graph';
import { lsuv } from '../lib/initial/lsuv';
import { Conv2d } from '../lib/layers';
import { inception33, type Model, subInception } from '../lib/models';
import { leakyTanh, relu, scaledSigmoid } from '../lib/ops/activations';
import { conv2dOp } from '../lib/ops/convolution';
import { linearOp } from '../lib/ops/linear';
import { openDevice } from '../lib/runtime/device';
import { Parameter, State } from '../lib/tensor/state';
import { input, type Tensor } from '../lib/tensor/tensor';
import { TestRandom, testSeed } from './random';
import { smallData, smallModel } from './train/support';

const device = openDevice('cpu');
const random = new TestRandom(testSeed);

/** Width of the network. SATURNN_TEST_WIDTH=1 tests the whole network, which takes minutes. */
const width = Number(process.env.SATURNN_TEST_WIDTH ?? 0.25);

const gaussianImages = (count: number, model: Model): Float32Array =>
  Float32Array.from({ length: count * model.inputShape.reduce((a, b) => a * b) }, random.gaussian);

/** Returns the variance of the output of every convolution and linear layer, computed in float64, by the layer's name. */
async function variances(model: Model, images: Float32Array): Promise<Map<string, number>> {
  const batch = images.length / model.inputShape.reduce((a, b) => a * b);
  const logits = model.forward(input('images', [batch, ...model.inputShape]));
  const nodes = Graph.from({ outputs: { logits } }).nodes.filter(({ op }) => op === conv2dOp || op === linearOp);
  const outputs = Object.fromEntries(nodes.map((node) => [node.name, node.outputs[0] as Tensor]));
  const plan = await compile(Graph.from({ outputs }), { device });
  const results = await plan.run({ images });
  plan.dispose();
  return new Map(Object.entries(results.outputs).map(([name, values]) => [name, variance(values as Float32Array)]));
}

function variance(values: Float32Array): number {
  let mean = 0;
  for (const value of values) mean += value / values.length;
  let sum = 0;
  for (const value of values) sum += (value - mean) ** 2;
  return sum / values.length;
}

const largest = (values: Iterable<number>) => Math.max(...values);

test(`every layer of inception33, width ${width}`, { timeout: 600_000 }, async ({ annotate }) => {
  const model = inception33({ width });
  const state = new State(model.parameters, { seed: 3 });
  const { train } = smallData(100);
  const started = performance.now();
  const layers = await lsuv({ model, state, dataset: train, device, batch: 32 });
  const seconds = (performance.now() - started) / 1000;
  expect(layers.length).toBe(70);
  expect(new Set(layers.map(({ name }) => name)).size).toBe(70);
  expect(largest(layers.map(({ after }) => Math.abs(after - 1)))).toBeLessThanOrEqual(0.02);
  expect(largest(layers.map(({ iterations }) => iterations))).toBeLessThanOrEqual(2);
  const befores = layers.map(({ before }) => before);
  const range = `${Math.min(...befores).toPrecision(3)} to ${largest(befores).toPrecision(3)}`;
  const worst = largest(layers.map(({ after }) => Math.abs(after - 1)));
  await annotate(
    `${seconds.toFixed(1)} s; variance ${range} before, |variance - 1| <= ${worst.toExponential(1)} after`,
  );
  state.dispose();
});

describe('measured by the test itself, on the images that were given', () => {
  test.each([
    ['leakyTanh', leakyTanh()],
    ['relu', relu()],
    ['sigmoid*', scaledSigmoid()],
  ])('subInception with %s', async (_, activation) => {
    const model = subInception({ width: 0.1, activation, size: 16, classes: 10 });
    const state = new State(model.parameters);
    const images = gaussianImages(8, model);
    const layers = await lsuv({ model, state, images, batch: 8, device });
    const measured = await variances(model, images);
    expect([...measured.keys()].sort()).toEqual(layers.map(({ name }) => name).sort());
    for (const { name, after } of layers) {
      expect(Math.abs((measured.get(name) ?? Number.NaN) - 1), name).toBeLessThanOrEqual(0.02);
      expect(measured.get(name), name).toBeCloseTo(after, 4);
    }
    state.dispose();
  });
});

test('weights are orthonormal but for one factor, biases 0, and the seed alone decides', async () => {
  const weights = async (seed: number) => {
    const model = smallModel();
    const state = new State(model.parameters, { seed: 7 });
    await lsuv({ model, state, dataset: smallData().train, device, batch: 10, seed });
    const all = await Promise.all(model.parameters.map(async (p) => ({ p, values: await state.read(p) })));
    state.dispose();
    return all;
  };
  const first = await weights(1);
  for (const { p, values } of first) {
    if (p.shape.length === 1) {
      expect(values.every((value) => value === 0)).toBe(true);
      continue;
    }
    const rows = p.shape[0] as number;
    const columns = p.size / rows;
    const transposed = rows > columns;
    const [count, length] = transposed ? [columns, rows] : [rows, columns];
    const at = (i: number, k: number) => values[transposed ? k * columns + i : i * columns + k] as number;
    const product = (i: number, j: number) => {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += at(i, k) * at(j, k);
      return sum;
    };
    const scale = product(0, 0);
    for (let i = 0; i < count; i++)
      for (let j = 0; j <= i; j++) expect(Math.abs(product(i, j) / scale - (i === j ? 1 : 0))).toBeLessThan(1e-5);
  }
  const bytes = (all: Awaited<ReturnType<typeof weights>>) =>
    Buffer.concat(all.map(({ values }) => Buffer.from(values.buffer)));
  expect(bytes(await weights(1)).equals(bytes(first))).toBe(true);
  expect(bytes(await weights(2)).equals(bytes(first))).toBe(false);
});

test('a layer that is used twice is scaled for its first use; plain functions are models, too', async () => {
  const shared = new Conv2d({ name: 'shared', inputs: 3, outputs: 3, kernel: 3, padding: 1, activation: leakyTanh() });
  const model = plainModel(shared.parameters, (x) => shared.forward(shared.forward(x)));
  const state = new State(model.parameters);
  const images = gaussianImages(20, model);
  const [layer, ...others] = await lsuv({ model, state, images, batch: 20, device });
  await expect(lsuv({ model, state, images, device })).rejects.toThrow(/the number of images in the array for batch/);
  await expect(lsuv({ model, state, images, batch: 5, device })).rejects.toThrow(/elements \(5 images of/);
  expect(others).toEqual([]);
  expect(layer).toMatchObject({ name: 'shared', iterations: 1 });
  expect(Math.abs((layer?.after ?? 0) - 1)).toBeLessThan(1e-4);
  state.dispose();
});

function plainModel(parameters: readonly Parameter[], forward: (x: Tensor) => Tensor): Model {
  const inputShape = [6, 6, 3] as const;
  return { name: 'plain', width: 1, classes: 3, activation: leakyTanh(), inputShape, parameters, forward };
}

describe('refusals', () => {
  const model = smallModel();
  const state = new State(model.parameters);
  const dataset = smallData().train;
  const images = gaussianImages(2, model);
  const valid = { model, state, images, batch: 2, device };

  test.each([
    ['no options', undefined, /model, state, images, dataset.*nothing/],
    ['no images', { ...valid, images: undefined }, /one of images and dataset.*none/],
    ['images and a data set', { ...valid, dataset }, /one of images and dataset.*both/],
    ['half an image', { ...valid, images: images.subarray(1) }, /4704 elements \(2 images of .*4703/],
    ['images as an array', { ...valid, images: [1, 2] }, /Float32Array for images.*\[1, 2\]/],
    ['a batch larger than the data', { ...valid, images: undefined, dataset, batch: 101 }, /batch.*101/],
    ['a tolerance of 0', { ...valid, tolerance: 0 }, /tolerance.*0/],
    ['no iterations', { ...valid, maxIterations: 0 }, /maxIterations.*0/],
    ['a seed that is none', { ...valid, seed: -1 }, /seed.*-1/],
    ['a State that is none', { ...valid, state: {} }, /a State for state.*Object/],
    ['a State of another model', { ...valid, state: new State(smallModel().parameters) }, /State of the model's "stem/],
  ])('%s', async (_, options, message) => {
    await expect(lsuv(options as never)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });

  test('a model without layers that have weights', async () => {
    const scale = new Parameter({ name: 'scale', shape: [3], decay: false, initialize: () => new Float32Array(3) });
    const bare = plainModel([scale], (x) => x);
    const options = { model: bare, state: new State([scale]), images: gaussianImages(1, bare), batch: 1, device };
    await expect(lsuv(options)).rejects.toThrow(/convolutions or linear layers/);
  });

  test('a layer whose input never changes is named', async () => {
    const layer = new Conv2d({ name: 'first', inputs: 3, outputs: 4, kernel: 1, activation: relu() });
    const one = plainModel(layer.parameters, (x) => layer.forward(x));
    const options = {
      model: one,
      state: new State(layer.parameters),
      images: new Float32Array(2 * 6 * 6 * 3),
      batch: 2,
      device,
    };
    await expect(lsuv(options)).rejects.toMatchObject({
      code: 'ERR_LSUV',
      message: expect.stringMatching(/"first".*variance 0/),
    });
  });

  test('a layer that does not converge is named', async () => {
    // The bias adds a variance that scaling the weights cannot reduce.
    const conv = new Conv2d({ name: 'biased', inputs: 3, outputs: 4, kernel: 1 });
    const biased = plainModel(conv.parameters, (x) => conv.forward(x));
    const biasedState = new State(conv.parameters);
    await biasedState.on(device);
    await biasedState.write(conv.bias!, Float32Array.of(-5, 5, -5, 5));
    const options = {
      model: biased,
      state: biasedState,
      images: gaussianImages(4, biased),
      batch: 4,
      device,
      maxIterations: 3,
    };
    await expect(lsuv(options)).rejects.toMatchObject({
      code: 'ERR_LSUV',
      message: expect.stringMatching(/not converge.*"biased".*variance 2\d.*at most 3 iterations/),
    });
  });
});
