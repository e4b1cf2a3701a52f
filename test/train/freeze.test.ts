/** Training with a frozen part: what it computes, what it leaves, and what it saves. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import type { Graph } from '../../lib/compile/graph';
import type { Statistics } from '../../lib/data/statistics';
import { Conv2d, Linear } from '../../lib/layers';
import { functionalModel, type Model } from '../../lib/models';
import { add } from '../../lib/ops/channels';
import { globalAveragePool } from '../../lib/ops/pooling';
import { Adam } from '../../lib/optim/adam';
import { Lars } from '../../lib/optim/lars';
import { Sgd } from '../../lib/optim/sgd';
import { Parameter, State } from '../../lib/tensor/state';
import { frozenBy } from '../../lib/train/fineTuning/freeze';
import { trainGraph } from '../../lib/train/stepGraphs';
import type { Trainer } from '../../lib/train/trainer';
import { branchedModel } from '../models/networks';
import { TestRandom } from '../random';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, smallModel, snapshot, trainerOf, trainersWith } from './support';

const data = smallData(32, 20);
const statistics: Statistics = {
  ...{ mean: Float32Array.of(120, 120, 120), meanShape: [3] },
  ...{ deviation: Float32Array.of(60, 60, 60), scale: Float32Array.of(1 / 60, 1 / 60, 1 / 60) },
};
const batch = 8;

/** Makes the graph of a training step without augmentation. */
function stepOf(model: Model, freeze: readonly string[], optimizer = new Sgd()): { state: State; graph: Graph } {
  const frozen = frozenBy(freeze, model);
  const { slots: optimizerSlots, averageSlot } = optimizer;
  const { parameters, buffers = [] } = model;
  const state = new State(parameters, { buffers, optimizerSlots, averageSlot, frozen: frozen.parameters });
  const options = { model, state, statistics, images: [32, 32, 32, 3], batch, frozen: frozen.buffers };
  return { state, graph: trainGraph(options, optimizer) };
}

/** Runs a step of the first images at a learning rate of 0. */
async function runStep({ state, graph }: ReturnType<typeof stepOf>) {
  const plan = await compile(graph, { device: cpu() });
  const { outputs } = await plan.run({
    images: data.train.images,
    indices: Int32Array.from({ length: batch }, (_, index) => index),
    labels: data.train.labels.slice(0, batch),
    learningRate: Float32Array.of(0),
  });
  const { parameters } = state;
  const gradients = await Promise.all(parameters.map((parameter) => state.read(parameter, 'gradients')));
  const byName = new Map(parameters.map(({ name }, index) => [name, gradients[index] as Float32Array]));
  const { kernels, arenaBytes } = plan;
  plan.dispose();
  state.dispose();
  return { loss: outputs.loss, gradients: byName, kernels, arenaBytes };
}

/** Returns every tensor of a Trainer's network by name. */
async function valuesOf({ state }: Trainer): Promise<Map<string, Float32Array>> {
  const all = [...state.parameters, ...state.frozen, ...state.buffers];
  return new Map(await Promise.all(all.map(async (part) => [part.name, await state.read(part)] as const)));
}

describe('the plan of a training step', () => {
  test('has no backward pass below the lowest layer that is trained, and no weight gradient of a frozen one', async () => {
    const { kernels } = await runStep(stepOf(smallModel(), ['stem', 'a', 'b/3x3', 'c/*/bias']));
    const backward = kernels.filter(({ op }) => /Gradient$|Dgrad|Wgrad/.test(op));
    const named = (op: RegExp) => backward.filter((kernel) => op.test(kernel.op)).map(({ name }) => name);
    expect(backward.filter(({ name }) => /^(stem|a\/)/.test(name))).toEqual([]);
    const wgrads = named(/Wgrad/).join();
    expect(wgrads).toMatch(/b\/3x3r\+d3x3r/);
    expect(wgrads).toMatch(/c\//);
    expect(wgrads).not.toMatch(/b\/3x3(,|$)/);
    // The lowest trained convolutions read the frozen part: they need no gradient of their input. Those above pass theirs on.
    const dgrads = named(/conv2dDgrad/).join();
    expect(dgrads).toMatch(/b\/3x3(,|$)/);
    expect(dgrads).not.toMatch(/b\/3x3r/);
    expect(dgrads).toMatch(/c\//);
  });

  test('of a trained bias above frozen weights sums the gradient, and has no weight gradient at all', async () => {
    const { kernels, gradients } = await runStep(stepOf(smallModel({ normalization: 'none' }), ['**/weight']));
    expect(kernels.filter(({ op }) => /Wgrad/.test(op))).toEqual([]);
    const all = await runStep(stepOf(smallModel({ normalization: 'none' }), []));
    expect(gradients.size).toBeGreaterThan(5);
    for (const [name, values] of gradients) {
      const expected = all.gradients.get(name)!;
      const most = Math.max(...expected.map(Math.abs));
      values.forEach((value, index) => {
        expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-5 * most);
      });
    }
  });

  test('sums the gradient of a bias of a convolution, too, once for each reader', async () => {
    const make = () => {
      const [one, two] = ['one', 'two'].map(
        (name) => new Conv2d({ name, inputs: 3, outputs: 3, kernel: 3, padding: 1 }),
      );
      const head = new Linear({ name: 'head', inputs: 3, outputs: 100 });
      return functionalModel({
        parameters: [one!, two!, head].flatMap(({ parameters }) => [...parameters]),
        ...{ inputShape: [28, 28, 3], classes: 100 },
        forward: (x) => head.forward(globalAveragePool(add(two!.forward(one!.forward(x)), x))),
      });
    };
    const [all, biases] = [await runStep(stepOf(make(), [])), await runStep(stepOf(make(), ['**/weight']))];
    expect([...biases.gradients.keys()]).toEqual(['one/bias', 'two/bias', 'head/bias']);
    for (const [name, values] of biases.gradients) {
      const expected = all.gradients.get(name)!;
      const most = Math.max(...expected.map(Math.abs));
      // Sums of 6272 numbers in f32, in another order.
      for (const [index, value] of values.entries())
        expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-4 * most);
    }
    expect(biases.kernels.filter(({ op }) => /Wgrad/.test(op))).toEqual([]);
  });

  test('needs less memory', async () => {
    const [all, head] = [
      stepOf(branchedModel({ classes: 100, size: 28 }), []),
      stepOf(branchedModel({ classes: 100, size: 28 }), trunk),
    ];
    const bytes = (state: State) => (['optimizer', 'gradients'] as const).map((arena) => state.bytesOf(arena));
    // 32 x 100 weights and 100 biases, each aligned to 16 elements.
    expect(bytes(head.state)).toEqual([4 * (3200 + 112), 4 * (3200 + 112)]);
    expect(bytes(all.state)[1]).toBeGreaterThan(4 * 3312);
    expect(head.state.bytesOf('parameters')).toBe(all.state.bytesOf('parameters'));
    const [before, after] = [await runStep(all), await runStep(head)];
    expect(after.arenaBytes).toBeLessThan(before.arenaBytes / 2);
    expect(after.kernels.length).toBeLessThan(before.kernels.length);
  });
});

describe('gradients', () => {
  test('of what is trained are the same with any other part frozen', async () => {
    const random = new TestRandom(5);
    const expected = await runStep(stepOf(smallModel(), []));
    const names = [...expected.gradients.keys()];
    for (let trial = 0; trial < 4; trial++) {
      const freeze = names.filter(() => random.integer(2) === 0);
      const found = await runStep(stepOf(smallModel(), freeze));
      expect(found.loss).toEqual(expected.loss);
      expect([...found.gradients.keys()].sort()).toEqual(names.filter((name) => !freeze.includes(name)).sort());
      for (const [name, values] of found.gradients) {
        const wanted = expected.gradients.get(name)!;
        const most = Math.max(...wanted.map(Math.abs));
        const worst = Math.max(...values.map((value, index) => Math.abs(value - wanted[index]!)));
        expect(worst, name).toBeLessThan(1e-5 * most);
      }
    }
  });
});

/** All layers of branchedModel() but the last. */
const trunk = ['stem', 'wide', 'thin', 'norm'];

describe('a Trainer with a frozen trunk', () => {
  const trainerWith = trainersWith(() => ({ ...data, model: branchedModel({ classes: 100, size: 28 }), seed: 3 }));

  test.each([
    ['Sgd', () => new Sgd({ ema: { decay: 0.9 } })],
    ['Adam', () => new Adam({ clipNorm: 1 })],
    ['Lars', () => new Lars()],
  ])('changes only the head: %s', async (_, optimizer) => {
    const trainer = trainerWith({ freeze: trunk, optimizer: optimizer() });
    const before = await valuesOf(trainer);
    await trainer.fit({ epochs: 2 });
    const after = await valuesOf(trainer);
    const changed = [...before.keys()].filter(
      (name) => !Buffer.from(before.get(name)!.buffer).equals(Buffer.from(after.get(name)!.buffer)),
    );
    expect(changed).toEqual(['head/weight', 'head/bias']);
    expect([...before.keys()].length).toBeGreaterThan(12);
  });

  test('goes on from a checkpoint bit by bit, and not from one of a run that froze something else', async () => {
    const path = join(temporaryFolder(), 'last.checkpoint');
    const whole = trainerWith({ freeze: trunk });
    await whole.fit({ steps: 3 });
    await whole.save(path);
    await whole.fit({ steps: 2 });
    const resumed = trainerWith({ freeze: trunk });
    await resumed.restore(path);
    await resumed.fit({ steps: 2 });
    expect((await snapshot(resumed.state)).equals(await snapshot(whole.state))).toBe(true);
    await expect(trainerWith({ freeze: ['stem'] }).restore(path)).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT',
      message: expect.stringMatching(/its settings differ: freeze\[0\]? is|its settings differ: freeze/),
    });
    await expect(trainerWith().restore(path)).rejects.toThrow(
      /its settings differ: freeze is .*stem.* there and absent here/,
    );
  });

  test('begins with the values that it would have without, and predicts with its averages', async () => {
    const [frozen, free] = [trainerWith({ freeze: trunk, optimizer: new Sgd({ ema: { decay: 0.5 } }) }), trainerWith()];
    expect((await frozen.predict(data.test)).logits).toEqual((await free.predict(data.test)).logits);
    expect(await valuesOf(frozen)).toEqual(
      new Map([...(await valuesOf(free))].sort(([a], [b]) => order(frozen, a) - order(frozen, b))),
    );
    await frozen.fit({ steps: 1 });
    const [stem, head] = ['stem/weight', 'head/weight'].map((name) => parameterOf(frozen, name));
    expect(await frozen.state.read(stem!, 'averages')).toEqual(await frozen.state.read(stem!));
    expect(await frozen.state.read(head!, 'averages')).not.toEqual(await frozen.state.read(head!));
    await expect(frozen.state.read(stem!, 'gradients')).rejects.toThrow(
      /a Parameter that is not frozen.*"stem\/weight"/,
    );
    await frozen.state.write(stem!, new Float32Array(stem!.size).fill(0.5));
    expect((await frozen.state.read(stem!, 'averages'))[7]).toBe(0.5);
  });
});

const parameterOf = ({ state }: Trainer, name: string): Parameter =>
  [...state.parameters, ...state.frozen].find((parameter) => parameter.name === name)!;
const order = ({ state }: Trainer, name: string): number =>
  [...state.parameters, ...state.frozen, ...state.buffers].findIndex((part) => part.name === name);

describe('frozen running statistics', () => {
  test('normalise in training as in inference, and stay', async () => {
    const make = () => smallModel({ normalization: 'batch' });
    const model = make();
    const names = model.buffers!.map(({ name }) => name);
    const options = { model, ...data, batch: 32, augmentation: [], learningRate: 0 };
    using trainer = trainerOf({ ...options, freeze: ['**/runningMean', '**/runningVariance'] });
    for (const buffer of trainer.state.buffers) {
      if (!names.includes(buffer.name)) continue;
      await trainer.state.write(
        buffer,
        Float32Array.from({ length: buffer.size }, (_, index) => 0.5 + index / 64),
      );
    }
    const before = await valuesOf(trainer);
    await trainer.fit({ steps: 1 });
    const loss = trainer.epochs.at(-1)!.trainLoss!;
    expect(loss).toBeCloseTo((await trainer.evaluate('train')).loss, 5);
    expect(await valuesOf(trainer)).toEqual(before);
    // With the statistics of the batch, the loss is another one.
    using usual = trainerOf({ ...options, model: make() });
    await usual.fit({ steps: 1 });
    expect(Math.abs(usual.epochs.at(-1)!.trainLoss! - loss)).toBeGreaterThan(1e-3);
  });

  test('of a layer that is used twice stay, and those above go on', async () => {
    using trainer = trainerOf({ ...data, model: branchedModel({ classes: 100, size: 28 }), freeze: ['thin'] });
    const before = await valuesOf(trainer);
    await trainer.fit({ steps: 1 });
    const after = await valuesOf(trainer);
    const moved = [...before.keys()].filter(
      (name) => /running/.test(name) && String(before.get(name)) !== String(after.get(name)),
    );
    expect(moved).toEqual(['stem/runningMean', 'stem/runningVariance', 'norm/runningMean', 'norm/runningVariance']);
    expect(after.get('thin/scale')).toEqual(before.get('thin/scale'));
  });

  test('are frozen together or not at all', async () => {
    using trainer = trainerOf({
      ...data,
      model: branchedModel({ classes: 100, size: 28 }),
      freeze: ['norm/runningMean'],
    });
    await expect(trainer.fit({ steps: 1 })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: 'The running statistics of "norm" can only be frozen together, and norm/runningMean is frozen alone',
    });
  });

  test('let gradients through to what is trained below', () => {
    const { graph } = stepOf(smallModel({ normalization: 'batch' }), [
      '**/scale',
      '**/shift',
      '**/runningMean',
      '**/runningVariance',
    ]);
    const count = (name: string) => graph.nodes.filter(({ op }) => op.name === name).length;
    expect(count('batchNorm')).toBe(0);
    expect(count('batchNormGradient')).toBe(count('batchNormInference'));
  });
});

describe('bad patterns are refused', () => {
  const refused = (freeze: unknown, message: string | RegExp) =>
    expect(() => trainerOf({ ...data, freeze: freeze as string[] })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );

  test('one that selects nothing, with the nearest name', () => {
    refused(
      ['stem', 'stemm/*'],
      /^Expected a pattern that fits a name of the network \(the nearest is "stem"; its layers are stem, a, b, c, classifier\) for freeze\[1\] but received "stemm\/\*"$/,
    );
    refused(['classifer'], /the nearest is "classifier"/);
    refused(['4*'], /\(its layers are stem, a, b, c, classifier\) for freeze\[0\]/);
    refused(['a/1x1/weights'], /the nearest is "a\/1x1\/weight"/);
  });

  test('those that freeze everything, and what is no pattern', () => {
    refused(['**'], /^Expected patterns that leave a parameter to train for freeze but received \["\*\*"\]$/);
    refused(['stem', 'a', 'b', 'c', 'classifier'], /leave a parameter to train/);
    refused([''], /^freeze\[0\]: The pattern "" cannot be used: expected 1 to 1024 characters$/);
    refused(['a//b'], /an empty part/);
    refused('stem', /an array of patterns of names.*"stem"/);
    refused([/stem/], /a pattern of names such as "3\*" for freeze\[0\]/);
  });

  test('groups of an optimizer know them too', async () => {
    const groups = (match: string) => [{ match, learningRate: 0.1 }];
    const trained = (match: string, freeze: string[] = []) => {
      const trainer = trainerOf({ ...data, freeze, optimizer: new Sgd({ groups: groups(match) }) });
      return trainer.fit({ steps: 1 }).finally(() => trainer.dispose());
    };
    await trained('a');
    await expect(trained('stemm')).rejects.toThrow(
      /the nearest is "stem".* for groups\[0\]\.match but received "stemm"/,
    );
    await expect(trained('a', ['a'])).rejects.toThrow(
      /a Parameter that is not frozen for groups\[0\]\.match but received "a"/,
    );
  });

  test('frozen of a State', () => {
    const parameter = (name: string) =>
      new Parameter({ name, shape: [2], decay: true, initialize: () => new Float32Array(2) });
    const [a, b] = [parameter('a'), parameter('b')];
    expect(() => new State([a], { frozen: [b] })).toThrow(/Parameters of this State for frozen but received "b"/);
    expect(() => new State([a], { frozen: [a] })).toThrow(/at least one Parameter that is left to train for frozen/);
    expect(() => new State([a], { frozen: [1] as never })).toThrow(/frozen\[0\]/);
    expect(new State([a, b], { frozen: [a] })).toMatchObject({ parameters: [b], frozen: [a], size: 16, decayed: 16 });
  });
});
