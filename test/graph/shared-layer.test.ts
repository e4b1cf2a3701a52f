/** A layer that a model uses twice has its parameters once; their gradient is the sum over both uses. */
import { expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { Concatenate, Conv2d, GlobalAveragePool, Sequential } from '../../lib/layers';
import type { Layer } from '../../lib/layers/layer';
import { leakyTanh } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { Sgd } from '../../lib/optim/sgd';
import { openDevice } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { input } from '../../lib/tensor/tensor';
import { TestRandom, testSeed } from '../random';

const device = openDevice('cpu');
const shape = [2, 6, 6, 4];
const random = new TestRandom(testSeed);
const images = Float32Array.from({ length: 2 * 6 * 6 * 4 }, random.gaussian);

const conv = (name: string) =>
  new Conv2d({ name, inputs: 4, outputs: 4, kernel: 3, padding: 1, activation: leakyTanh() });

function training(layer: Layer) {
  const state = new State(layer.parameters);
  const { loss } = softmaxCrossEntropy(layer.forward(input('images', shape)), input('labels', [2], { dtype: 'i32' }));
  const { updates, gate } = new Sgd().update({ state, loss, learningRate: input('rate', [1]) });
  return { state, graph: Graph.from({ outputs: { loss }, updates, gate }) };
}

/** Runs one step, which writes its gradients into the State. @returns its loss */
async function step(graph: Graph): Promise<number> {
  const plan = await compile(graph, { device });
  const { outputs } = await plan.run({ images, labels: Int32Array.of(1, 3), rate: Float32Array.of(0.1) });
  plan.dispose();
  return outputs.loss?.[0] as number;
}

test.each([
  ['one after the other', (a: Layer, b: Layer) => new Sequential([a, b])],
  ['side by side', (a: Layer, b: Layer) => new Concatenate([a, b])],
])('%s', async (_, arrange) => {
  const [shared, a, b] = [conv('shared'), conv('a'), conv('b')];
  const model = (arranged: Layer) => new Sequential([arranged, new GlobalAveragePool()]);
  const twice = model(arrange(shared, shared));
  expect(twice.parameters).toEqual([shared.weight, shared.bias]);
  const [one, two] = [training(twice), training(model(arrange(a, b)))];
  for (const { state } of [one, two]) await state.on(device);
  for (const [index, parameter] of shared.parameters.entries()) {
    const values = (await one.state.read(parameter)).map((value) => value + 0.1);
    await one.state.write(parameter, values);
    for (const twin of [a, b]) await two.state.write(twin.parameters[index]!, values);
  }
  expect(await step(one.graph)).toBeCloseTo(await step(two.graph), 5);
  for (const [index, parameter] of shared.parameters.entries()) {
    const found = await one.state.read(parameter, 'gradients');
    const twin = (layer: Layer) => two.state.read(layer.parameters[index]!, 'gradients');
    const [first, second] = [await twin(a), await twin(b)];
    const largest = Math.max(...found.map(Math.abs));
    expect(largest).toBeGreaterThan(1e-3);
    found.forEach((value, index) => {
      expect(Math.abs(value - first[index]! - second[index]!)).toBeLessThan(1e-5 * largest + 1e-7);
    });
  }
  one.state.dispose();
  two.state.dispose();
});
