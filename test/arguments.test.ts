/** Arguments are taken at the call: what the caller changes afterwards has no effect, however soon. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  CifarFile,
  compile,
  constant,
  createModel,
  Dataset,
  type Device,
  evaluate,
  firstNonFinite,
  Graph,
  generated,
  input,
  loadPredictor,
  lsuv,
  openDevice,
  Parameter,
  State,
  Subset,
  statisticsOf,
  Trainer,
  tanh,
} from '../lib';
import { equivalence } from '../lib/experiments/equivalence/equivalence';
import { variance } from '../lib/experiments/variance/variance';
import { Predictor } from '../lib/train/predictor';
import { temporaryFolder } from './temporary';

const folder = temporaryFolder();
let device: Device;
beforeAll(() => {
  device = openDevice('cpu', { threads: 1 });
});
afterAll(() => device.dispose());

const parameterOf = (name: string) =>
  new Parameter({ name, shape: [4], decay: true, initialize: () => new Float32Array(4) });

/** Replaces every element of a typed array, and takes its memory away. */
function spoil(array: Float32Array | Int32Array | Uint8Array): void {
  array.fill(99);
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
}

/** Replaces every property of an object by what would be an error. */
function ruin(object: object): void {
  for (const key of Object.keys(object)) (object as Record<string, unknown>)[key] = Symbol('changed');
}

describe('State', () => {
  it('write() takes the values of an array that is used again', async () => {
    const parameters = ['a', 'b', 'c'].map(parameterOf);
    const state = new State(parameters, { seed: 0 });
    const scratch = new Float32Array(4);
    const writes = parameters.map((parameter, index) => {
      scratch.fill(index + 1);
      return state.write(parameter, scratch);
    });
    spoil(scratch);
    await Promise.all(writes);
    const read = await Promise.all(parameters.map((parameter) => state.read(parameter)));
    expect(read.map((values) => values[0])).toEqual([1, 2, 3]);
    state.dispose();
  });

  it('writeArena() takes the bytes', async () => {
    const [parameter] = [parameterOf('a')];
    const state = new State([parameter], { seed: 0 });
    const bytes = new Uint8Array(new Float32Array(16).fill(5).buffer);
    const written = state.writeArena('parameters', bytes);
    spoil(bytes);
    await written;
    expect(Array.from(await state.read(parameter))).toEqual([5, 5, 5, 5]);
    state.dispose();
  });
});

describe('graphs and plans', () => {
  it('constant() takes the values, also for a graph with a State', async () => {
    const parameter = parameterOf('a');
    const state = new State([parameter], { seed: 0 });
    const values = new Float32Array(4).fill(3);
    const options = { device, passes: [] as never[] };
    const graph = Graph.from({ outputs: { y: add(parameter, constant(values)) } });
    const compiled = compile(graph, options);
    const evaluated = evaluate(add(parameter, constant(values)), options);
    spoil(values);
    ruin(options);
    const plan = await compiled;
    expect((await plan.run()).outputs.y).toEqual(new Float32Array(4).fill(3));
    expect(await evaluated).toEqual(new Float32Array(4).fill(3));
    plan.dispose();
    state.dispose();
  });

  it('evaluate() takes inputs, tensors and options, and keeps no plan with other constants', async () => {
    const [values, fixed] = [new Float32Array(4).fill(1), new Float32Array(4).fill(10)];
    const inputs = { x: values };
    const options = { device, inputs };
    const tensors = [add(input('x', [4]), constant(fixed)), constant(fixed)];
    const evaluated = evaluate(tensors, options);
    spoil(values);
    spoil(fixed);
    ruin(inputs);
    ruin(options);
    tensors.length = 0;
    const ten = new Float32Array(4).fill(10);
    expect(await evaluated).toEqual([new Float32Array(4).fill(11), ten]);
    expect(await evaluate(constant(ten), { device })).toEqual(ten);
    expect(await evaluate(constant(new Float32Array(4).fill(99)), { device })).toEqual(new Float32Array(4).fill(99));
  });

  it('run(), trace() and firstNonFinite() take inputs and options', async () => {
    const plan = await compile(Graph.from({ outputs: { y: add(input('x', [4]), constant([1, 1, 1, 1])) } }), {
      device,
    });
    const calls = [
      (inputs: { x: Float32Array }, options: object) =>
        plan.run(inputs, options).then(({ outputs }) => expect(outputs.y).toEqual(new Float32Array(4).fill(3))),
      (inputs: { x: Float32Array }, options: object) =>
        plan.trace(inputs, options).then((kernels) => expect(kernels).not.toEqual([])),
      (inputs: { x: Float32Array }) => firstNonFinite(plan, inputs).then((found) => expect(found).toBeNull()),
    ];
    for (const call of calls) {
      const inputs = { x: new Float32Array(4).fill(2) };
      const options = call === calls[1] ? { nonFinite: true } : { steps: 1 };
      const done = call(inputs, options);
      const { x } = inputs;
      ruin(inputs);
      ruin(options);
      x.fill(Number.NaN);
      structuredClone(x.buffer, { transfer: [x.buffer] });
      await done;
    }
    plan.dispose();
  });
});

describe('models', () => {
  const { train, test } = generated({ train: 8, test: 8, classes: 3 });
  const model = () => createModel('subInception', { activation: tanh(), classes: 3, width: 0.05 });

  it('Trainer.predict() and Predictor take the images', async () => {
    using trainer = new Trainer({ model: model(), train, test, device, batch: 4, seed: 1 });
    const images = () => new Uint8Array(train.images);
    const expected = await trainer.predict(images(), { count: 8 });
    const given = images();
    const options = { count: 8 };
    const predicted = trainer.predict(given, options);
    spoil(given);
    expect((await predicted).logits).toEqual(expected.logits);

    const statistics = await trainer.statistics();
    const own = { model: model(), statistics, shape: train.shape, batch: 4, device };
    const state = new State(own.model.parameters, { seed: 1, buffers: own.model.buffers });
    const all = { ...own, state };
    const creating = Predictor.create(all);
    ruin(all);
    const predictor = await creating;
    const before = await predictor.predict(images(), { count: 8 });
    const changed = images();
    const predicting = predictor.predict(changed, { count: 8 });
    spoil(changed);
    expect((await predicting).logits).toEqual(before.logits);
    predictor.dispose();
    state.dispose();
  });

  it('Trainer, saveWeights() and loadPredictor() take options', async () => {
    const callbacks: never[] = [];
    const statistics = { scale: 2 };
    const options = { model: model(), train, test, device, batch: 4, seed: 1, statistics, callbacks };
    using trainer = new Trainer(options);
    ruin(options);
    ruin(statistics);
    callbacks.push(null as never);
    expect((await trainer.statistics()).scale).toEqual(new Float32Array(3).fill(2));
    await trainer.fit({ steps: 1 });
    const path = join(folder, 'model.safetensors');
    await trainer.saveWeights(path);
    const given = { shape: train.shape, batch: 4, device };
    const loading = loadPredictor(path, given);
    ruin(given);
    using predictor = await loading;
    expect((await predictor.predict(train)).count).toBe(8);
  });

  it('equivalence() and variance() take options', async () => {
    const compared = { model: 'chain' as const, padding: false, steps: 1, batch: 2, size: 20, device, statistics: {} };
    const comparing = equivalence(compared);
    ruin(compared.statistics);
    ruin(compared);
    expect((await comparing).comparisons).toHaveLength(1);

    const activations = [tanh()];
    const measured = {
      model: model,
      activations,
      train,
      batch: 2,
      draws: 1,
      steps: 0,
      device,
      statistics: { scale: 1 },
    };
    const measuring = variance(measured);
    activations.push(null as never);
    measured.statistics.scale = Number.NaN;
    ruin(measured);
    expect(await measuring).toHaveLength(1);
  });

  it('lsuv() takes images and options', async () => {
    const initialised = async (change: (options: { images: Float32Array }) => void) => {
      const net = model();
      const state = new State(net.parameters, { seed: 1, buffers: net.buffers });
      const size = net.inputShape.reduce((product, count) => product * count, 1);
      const images = Float32Array.from({ length: 4 * size }, (_, index) => Math.sin(index));
      const options = { model: net, state, device, images, batch: 4 };
      const done = lsuv(options);
      change(options);
      const layers = await done;
      state.dispose();
      return layers;
    };
    const untouched = await initialised(() => {});
    const changed = await initialised((options) => {
      spoil(options.images);
      ruin(options);
    });
    expect(changed).toEqual(untouched);
  });
});

describe('data', () => {
  it('statisticsOf() takes the options', async () => {
    const { train } = generated({ train: 4, test: 1 });
    const options = { per: 'pixel' as const, scale: 2 };
    const computed = statisticsOf(train, options);
    ruin(options);
    expect((await computed).scale).toEqual(new Float32Array(3).fill(2));
  });

  it('read() of a source takes the indices', async () => {
    const place = join(folder, 'cifar');
    mkdirSync(place);
    const record = (value: number) => Buffer.alloc(3074, value % 20);
    for (const name of ['train.bin', 'test.bin'])
      writeFileSync(join(place, name), Buffer.concat([0, 1, 2, 3].map(record)));
    const { train, test } = await CifarFile.open(place);
    const memory = Dataset.fromRecords(Buffer.concat([0, 1, 2, 3].map(record)));
    const chosen = Int32Array.of(0, 3, 1);
    const subset = new Subset(memory, chosen);
    spoil(chosen);
    for (const source of [train, memory, subset]) {
      const indices = source === subset ? Int32Array.of(1, 2) : Int32Array.of(3, 1);
      const target = new Uint8Array(2 * 3072);
      const done = source.read(indices, target);
      spoil(indices);
      await done;
      expect([target[0], target[3072]]).toEqual([3, 1]);
    }
    await Promise.all([train.close(), test.close()]);
  });
});
