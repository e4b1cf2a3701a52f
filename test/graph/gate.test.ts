/** The State is written only by steps whose loss and gradient are finite, and only by plans with updates. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { evaluate } from '../../lib/compile/evaluate';
import { Graph } from '../../lib/compile/graph';
import { activate } from '../../lib/ops/activation';
import { leakyTanh } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { linear } from '../../lib/ops/linear';
import { globalAveragePool } from '../../lib/ops/pooling';
import { assign } from '../../lib/ops/update';
import { Sgd } from '../../lib/optim/sgd';
import { State } from '../../lib/tensor/state';
import { constant, input, Parameter, sizeOf } from '../../lib/tensor/tensor';
import { TestRandom, testSeed } from '../random';

const device = 'cpu';
const pixels = 2 * 4 * 4 * 3;

function makeTraining() {
  const parameter = (name: string, shape: number[]) =>
    new Parameter({
      name,
      shape,
      decay: true,
      initialize: (random) => Float32Array.from({ length: sizeOf(shape) }, () => 0.3 * random.gaussian()),
    });
  const weight = parameter('weight', [16, 3, 3, 3]);
  const head = parameter('head', [5, 16]);
  const x = input('images', [2, 4, 4, 3]);
  const logits = linear(globalAveragePool(activate(conv2d(x, weight, { padding: 1 }), leakyTanh())), head);
  const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }));
  const state = new State([weight, head], { seed: 1 });
  const { updates, gate, gradientNorm } = new Sgd().update({ state, loss, learningRate: input('rate', [1]) });
  return { state, loss, graph: Graph.from({ outputs: { loss, gradientNorm }, updates, gate }) };
}

const random = new TestRandom(testSeed);
const allImages = Float32Array.from({ length: 6 * pixels }, random.gaussian);
const inputs = (steps: number) => ({
  images: allImages.slice(0, steps * pixels),
  labels: Int32Array.of(1, 3),
  rate: Float32Array.of(0.1),
});

async function contents(state: State): Promise<Uint8Array[]> {
  return [await state.readArena('parameters'), await state.readArena('optimizer'), await state.readArena('buffers')];
}

async function trainAlone(steps: number): Promise<Uint8Array[]> {
  const { state, graph } = makeTraining();
  const plan = await compile(graph, { device });
  await plan.run(inputs(steps), { steps });
  const result = await contents(state);
  plan.dispose();
  state.dispose();
  return result;
}

describe('a step that is not finite', () => {
  test.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
  ])('(%s in the images) writes nothing and ends the run', async (_, value) => {
    const { state, graph } = makeTraining();
    const plan = await compile(graph, { device });
    const broken = inputs(5);
    broken.images[2 * pixels + 7] = value;
    if (value === Number.POSITIVE_INFINITY) broken.images[2 * pixels + 10] = Number.NEGATIVE_INFINITY;
    const result = await plan.run(broken, { steps: 5 });
    expect(result).toMatchObject({ steps: 2, finite: false });
    expect(result.outputs.loss).toHaveLength(3);
    expect(await contents(state)).toEqual(await trainAlone(2));

    // The State is still usable: training continues with finite images.
    const rest = inputs(5).images.slice(2 * pixels);
    expect(await plan.run({ ...inputs(1), images: rest }, { steps: 3 })).toMatchObject({ steps: 3, finite: true });
    expect(await contents(state)).toEqual(await trainAlone(5));
    plan.dispose();
    state.dispose();
  });

  test('in the first of all steps leaves the initial state', async () => {
    const { state, graph } = makeTraining();
    const plan = await compile(graph, { device });
    const before = await contents(state);
    const result = await plan.run({
      ...inputs(1),
      rate: Float32Array.of(0.1),
      images: allImages.slice(0, pixels).fill(Number.NaN),
    });
    expect(result).toMatchObject({ steps: 0, finite: false });
    expect(result.outputs.loss?.[0]).toBeNaN();
    expect(await contents(state)).toEqual(before);
    plan.dispose();
    state.dispose();
  });
});

describe('evaluate()', () => {
  test('reads the state and does not change it: train, evaluate, train equals training alone', async () => {
    const { state, loss, graph } = makeTraining();
    const plan = await compile(graph, { device });
    await plan.run(inputs(2), { steps: 2 });
    const { images, labels } = inputs(1);
    const between = await evaluate(loss, { device, inputs: { images, labels } });
    expect(between[0]).toBeGreaterThan(0);
    await plan.run({ ...inputs(1), images: inputs(4).images.slice(2 * pixels) }, { steps: 2 });
    expect(await contents(state)).toEqual(await trainAlone(4));
    plan.dispose();
    state.dispose();
  });

  test('refuses what writes a state', async () => {
    const { state } = makeTraining();
    const write = assign(state.counter, constant(Int32Array.of(7, 7)));
    await expect(evaluate(write as never, { device })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining('never writes'),
    });
    expect(() => Graph.from({ outputs: {}, updates: [state.counter.node] })).toThrow(
      expect.objectContaining({ code: 'ERR_GRAPH' }),
    );
    state.dispose();
  });
});
