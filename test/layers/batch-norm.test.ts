/**
 * Batch normalisation in training and inference: values of the running statistics, when they are written, and where they
 * are used.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { evaluate } from '../../lib/compile/evaluate';
import { gradient } from '../../lib/compile/gradient';
import { Graph } from '../../lib/compile/graph';
import {
  BatchNorm,
  Conv2d,
  Dropout,
  GlobalAveragePool,
  inference,
  Linear,
  Sequential,
  TrainingContext,
} from '../../lib/layers';
import { leakyTanh } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { linear } from '../../lib/ops/linear';
import { batchNorm, batchNormInference } from '../../lib/ops/normalization';
import { Sgd } from '../../lib/optim/sgd';
import { State } from '../../lib/tensor/state';
import { constant, input, type Tensor } from '../../lib/tensor/tensor';
import type { Trainer } from '../../lib/train/trainer';
import { TestRandom, testSeed } from '../random';
import { statistics } from '../reference/normalization';
import { tolerances } from '../tolerance';
import { cpu, smallData, smallModel, snapshot, trainerOf } from '../train/support';

const device = cpu();
const random = new TestRandom(testSeed);
const gaussian = (size: number, mean = 0, deviation = 1) =>
  Float32Array.from({ length: size }, () => mean + deviation * random.gaussian());

/** Returns the largest difference, divided by the largest expected value. */
function worst(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  const size = Math.max(...Array.from(want, Math.abs));
  return Math.max(...Array.from(want, (value, i) => Math.abs(value - (got[i] ?? Number.NaN)))) / size;
}

/** Makes a network whose first layer normalises the images, so that its statistics do not depend on any weight. */
function makeTraining(channels: number, layer = new BatchNorm({ name: 'norm', channels, momentum: 0.8 })) {
  const shape = [4, 3, 5, channels];
  const head = new Linear({ name: 'head', inputs: channels, outputs: 3 });
  const network = new Sequential([layer, new GlobalAveragePool(), new Dropout({ name: 'drop', rate: 0.4 }), head]);
  const state = new State(network.parameters, { seed: 3, buffers: network.buffers });
  const x = input('images', shape);
  const context = new TrainingContext(state.counter);
  const { loss } = softmaxCrossEntropy(network.forward(x, context), input('labels', [4], { dtype: 'i32' }));
  const { updates, gate } = new Sgd().update({ state, loss, learningRate: constant([0.1]) });
  const graph = Graph.from({ outputs: { loss }, updates: [...updates, ...context.updates(gate)], gate });
  return { layer, network, state, graph, x, size: 4 * 3 * 5 * channels };
}

const labels = Int32Array.of(0, 2, 1, 0);

describe('running statistics', () => {
  test.each([16, 5])('after five steps are those of a float64 computation, %i channels', async (channels) => {
    const { layer, state, graph, size } = makeTraining(channels);
    const steps = 5;
    const images = gaussian(steps * size, 3, 2);
    const plan = await compile(graph, { device, poison: true });
    expect(await plan.run({ images, labels }, { steps })).toMatchObject({ steps, finite: true });
    const mean = new Float64Array(channels);
    const variance = new Float64Array(channels).fill(1);
    const n = size / channels;
    for (let step = 0; step < steps; step++) {
      const data = Float64Array.from(images.subarray(step * size, (step + 1) * size));
      const batch = statistics({ shape: [n, channels], data });
      for (let c = 0; c < channels; c++) {
        mean[c] = 0.8 * mean[c]! + 0.2 * batch.mean.data[c]!;
        variance[c] = 0.8 * variance[c]! + (0.2 * batch.variance.data[c]! * n) / (n - 1);
      }
    }
    expect(worst(await state.read(layer.runningMean), mean)).toBeLessThan(tolerances.f32.relative);
    expect(worst(await state.read(layer.runningVariance), variance)).toBeLessThan(tolerances.f32.relative);
    plan.dispose();
    state.dispose();
  });

  test('of a layer that is used twice move twice in a step', async () => {
    const norm = new BatchNorm({ name: 'twice', channels: 16 });
    const state = new State(norm.parameters, { buffers: norm.buffers });
    const context = new TrainingContext(state.counter);
    const x = input('images', [2, 3, 3, 16]);
    const y = norm.forward(norm.forward(x, context), context);
    const plan = await compile(Graph.from({ outputs: { y }, updates: context.updates(null) }), { device });
    const images = gaussian(x.size, 3, 2);
    await plan.run({ images });
    const first = statistics({ shape: [18, 16], data: Float64Array.from(images) }).mean.data;
    // The second use normalises what the first has normalised, so its mean is 0.
    const expected = first.map((mean) => 0.9 * 0.1 * mean);
    expect(worst(await state.read(norm.runningMean), expected)).toBeLessThan(tolerances.f32.relative);
    plan.dispose();
    state.dispose();
  });

  test('stay as they are in a step that is not finite', async () => {
    const { layer, state, graph, size } = makeTraining(16);
    const plan = await compile(graph, { device });
    await plan.run({ images: gaussian(size), labels });
    const before = await snapshot(state);
    const broken = gaussian(size);
    broken[7] = Number.NaN;
    expect(await plan.run({ images: broken, labels })).toMatchObject({ steps: 0, finite: false });
    expect((await snapshot(state)).equals(before)).toBe(true);
    await plan.run({ images: gaussian(size), labels });
    expect((await snapshot(state)).equals(before)).toBe(false);
    expect((await state.read(layer.runningMean)).every(Number.isFinite)).toBe(true);
    plan.dispose();
    state.dispose();
  });

  test('lie in the State, with the counter of dropout: training goes on from its arenas, bit for bit', async () => {
    const steps = 4;
    const [alone, begun, resumed] = [makeTraining(16), makeTraining(16), makeTraining(16)];
    const images = gaussian(steps * alone.size);
    const run = async ({ graph, size }: typeof alone, first: number, last: number) => {
      const plan = await compile(graph, { device });
      await plan.run({ images: images.slice(first * size, last * size), labels }, { steps: last - first });
      plan.dispose();
    };
    await run(alone, 0, steps);
    await run(begun, 0, 2);
    await resumed.state.on(device);
    for (const arena of ['parameters', 'optimizer', 'buffers'] as const) {
      await resumed.state.writeArena(arena, await begun.state.readArena(arena));
    }
    await run(resumed, 2, steps);
    expect((await snapshot(resumed.state)).equals(await snapshot(alone.state))).toBe(true);
    for (const { state } of [alone, begun, resumed]) state.dispose();
  });
});

test('inference normalises by the running statistics, so an image does not depend on its batch; in training it does', async () => {
  const { network, layer, state, x, size } = makeTraining(16);
  await state.on(device);
  await state.write(layer.runningMean, gaussian(16, 1));
  await state.write(
    layer.runningVariance,
    gaussian(16).map((value) => 0.5 + value * value),
  );
  const images = gaussian(size);
  const others = images.slice();
  others.set(gaussian(size / 2, 5), size / 2);
  const firstTwo = async (logits: Tensor, given: Float32Array) =>
    [...(await evaluate(logits, { device, inputs: { images: given } }))].slice(0, 6);
  const inferred = network.forward(x, inference);
  expect(await firstTwo(inferred, others)).toEqual(await firstTwo(inferred, images));
  const trained = network.forward(x, new TrainingContext(state.counter));
  expect(await firstTwo(trained, others)).not.toEqual(await firstTwo(trained, images));
  state.dispose();
});

test('a normalised convolution has no bias, unless it is asked for, and names its parts after itself', () => {
  const options = { name: 'c', inputs: 3, outputs: 16, kernel: 3, normalization: 'batch' } as const;
  const names = ({ parameters, buffers }: Conv2d) => [...parameters, ...buffers].map(({ name }) => name);
  const running = ['c/runningMean', 'c/runningVariance'];
  expect(names(new Conv2d(options))).toEqual(['c/weight', 'c/scale', 'c/shift', ...running]);
  const biased = new Conv2d({ ...options, bias: true });
  expect(names(biased)).toEqual(['c/weight', 'c/bias', 'c/scale', 'c/shift', ...running]);
  expect(biased.parameters.filter(({ decay }) => decay)).toEqual([biased.weight]);
  expect(names(new Conv2d({ ...options, normalization: 'none', bias: false }))).toEqual(['c/weight']);
});

describe('a network with batch normalisation', () => {
  const trainers: Trainer[] = [];
  const make = (options: Parameters<typeof trainerOf>[0] = {}) => {
    const trainer = trainerOf({ model: smallModel({ normalization: 'batch' }), ...options });
    trainers.push(trainer);
    return trainer;
  };

  test('learns, and evaluates with what it remembers', async () => {
    const { train } = smallData(20, 20);
    const trainer = make({ train, test: train, batch: 20, learningRate: 0.1 });
    const before = await trainer.evaluate('train');
    for await (const _ of trainer.fit({ steps: 30 }));
    const after = await trainer.evaluate('train');
    expect(before.loss).toBeGreaterThan(4);

    expect(after.loss).toBeLessThan(2);
    expect(after.accuracy).toBeGreaterThan(0.6);
    trainer.dispose();
  });

  test('train, evaluate, train again equals training alone, bit for bit', async () => {
    const [alone, interrupted] = [make(), make()];
    for await (const _ of alone.fit({ steps: 4 }));
    for await (const _ of interrupted.fit({ steps: 2 }));
    const before = await snapshot(interrupted.state);
    await interrupted.evaluate('test');
    expect((await snapshot(interrupted.state)).equals(before)).toBe(true);
    for await (const _ of interrupted.fit({ steps: 2 }));
    expect((await snapshot(interrupted.state)).equals(await snapshot(alone.state))).toBe(true);
    for (const trainer of trainers) trainer.dispose();
  });
});

interface Figures {
  readonly y: number[];
  readonly dx: number[];
  readonly dscale: number[];
  readonly dshift: number[];
  readonly runningMean: number[];
  readonly runningVariance: number[];
}

test.each(['training', 'inference'] as const)('%s agrees with the figures recorded from PyTorch', async (mode) => {
  const recorded = JSON.parse(readFileSync(join(__dirname, '../pytorch/fixtures/batch-norm.json'), 'utf8'));
  const want: Figures = recorded[mode];
  const channels = recorded.scale.length;
  const norm = new BatchNorm({ name: 'norm', channels });
  const state = new State(norm.parameters, { buffers: norm.buffers });
  await state.on(device);
  await state.write(norm.scale, Float32Array.from(recorded.scale));
  await state.write(norm.shift, Float32Array.from(recorded.shift));
  // PyTorch's inference was recorded after one training step.
  if (mode === 'inference') {
    await state.write(norm.runningMean, Float32Array.from(want.runningMean));
    await state.write(norm.runningVariance, Float32Array.from(want.runningVariance));
  }
  const context = new TrainingContext(state.counter);
  const x = input('x', recorded.shape);
  const y = mode === 'training' ? norm.forward(x, context) : norm.forward(x, inference);
  const dy = input('dy', recorded.shape);
  const { node } = y;
  const needed = node.inputs.map(() => true);
  const found = node.op.gradient?.(node, [dy], needed)?.filter((tensor) => tensor !== null) as [Tensor, Tensor, Tensor];
  const [dx, dscale, dshift] = found;
  const plan = await compile(Graph.from({ outputs: { y, dx, dscale, dshift }, updates: context.updates(null) }), {
    device,
  });
  const { outputs } = await plan.run({ x: Float32Array.from(recorded.x), dy: Float32Array.from(recorded.dy) });
  const { relative } = tolerances.f32;
  for (const name of ['y', 'dx', 'dscale', 'dshift'] as const) {
    expect(worst(outputs[name] ?? [], want[name]), name).toBeLessThan(relative);
  }
  expect(worst(await state.read(norm.runningMean), want.runningMean)).toBeLessThan(relative);
  expect(worst(await state.read(norm.runningVariance), want.runningVariance)).toBeLessThan(relative);
  plan.dispose();
  state.dispose();
});

test('no gradient flows through mean and variance of a batch: that is refused', () => {
  const x = input('x', [4, 3]);
  const labels = input('labels', [4], { dtype: 'i32' });
  const { y, mean } = batchNorm(x, { scale: input('scale', [3]), shift: input('shift', [3]) });
  const { loss } = softmaxCrossEntropy(linear(y, input('head', [3, 3]), { bias: mean }), labels);
  expect(() => gradient(loss, [x])).toThrow(
    expect.objectContaining({ code: 'ERR_GRAPH', message: expect.stringContaining('[batchNorm] mean and variance') }),
  );
});

test('bad input is refused by name', () => {
  const make = (options: object) => () => new BatchNorm({ name: 'norm', channels: 16, ...options });
  expect(make({ channels: 0 })).toThrow(/channels of norm/);
  expect(make({ epsilon: 0 })).toThrow(/epsilon of norm/);
  expect(make({ momentum: Number.NaN })).toThrow(/momentum of norm/);
  const vector = (channels: number) => ({ scale: input('scale', [channels]), shift: input('shift', [channels]) });
  const shapeError = (message: RegExp) =>
    expect.objectContaining({ code: 'ERR_SHAPE', message: expect.stringMatching(message) });
  expect(() => batchNorm(input('x', [2, 3, 3, 16]), vector(8))).toThrow(shapeError(/^\[batchNorm\].*scale.*\[8\]/));
  expect(() => batchNorm(input('x', [1, 1, 1, 16]), vector(16))).toThrow(shapeError(/at least 2 values per channel/));
  expect(() => batchNorm(input('x', [16]), vector(16))).toThrow(shapeError(/2 to 4 dimensions/));
  const given = { ...vector(16), mean: input('mean', [16]), variance: input('variance', [4, 4]) };
  expect(() => batchNormInference(input('x', [2, 16]), given)).toThrow(shapeError(/variance/));
  const options = { name: 'c', inputs: 3, outputs: 16, kernel: 3, activation: leakyTanh() };
  expect(() => new Conv2d({ ...options, normalization: 'layer' as never })).toThrow(/"none" or "batch".*"layer"/);
});
