/** TrainerOptions.accumulate: steps that are computed in parts. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Augmenter } from '../../lib/data/augmentation/augmenter';
import { DataLoader } from '../../lib/data/loader';
import { BatchNorm, Dropout, Linear } from '../../lib/layers';
import { functionalModel } from '../../lib/models';
import { globalAveragePool } from '../../lib/ops/pooling';
import { Adam } from '../../lib/optim/adam';
import { Lars } from '../../lib/optim/lars';
import type { Optimizer } from '../../lib/optim/optimizer';
import { Sgd } from '../../lib/optim/sgd';
import { memoryStats } from '../../lib/runtime/memoryStats';
import { partShares, updateInputs } from '../../lib/train/accumulation/inputs';
import { joinParts } from '../../lib/train/accumulation/join';
import type { TrainEvent } from '../../lib/train/events';
import { usualLoss } from '../../lib/train/loss/loss';
import { rowInputs } from '../../lib/train/rowInputs';
import type { Trainer, TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { smallData, smallModel, snapshot, trainersWith } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();
// 37 images: the last batch of an epoch has 5 rows that count, so the last of its parts have none.
const data = smallData(37, 10);
const trainer = trainersWith(() => ({ ...data, model: smallModel(), batch: 16, learningRate: 0.02 }));
const bits = async ({ state }: Trainer) => (await snapshot(state)).toString('hex');

async function parametersOf({ state }: Trainer): Promise<Float32Array> {
  return new Float32Array((await state.readArena('parameters')).buffer);
}

async function eventsOf(one: Trainer, steps: number): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of one.fit({ steps })) events.push(event);
  return events;
}

describe('inputs and results of parts', () => {
  test('a step has one part, or as many as it is divided into', () => {
    const how = { seed: 3, draws: true };
    expect(updateInputs({ ...how, parts: 1 }, 7, [0.1, 0.2])).toEqual({ learningRate: Float32Array.of(0.1, 0.2) });
    expect(updateInputs({ ...how, parts: 3 }, 7, [0.1, 0.2])).toEqual({
      learningRate: Float32Array.of(0.1, 0.1, 0.1, 0.2, 0.2, 0.2),
      adds: Int32Array.of(0, 1, 1, 0, 1, 1),
      waits: Int32Array.of(1, 1, 0, 1, 1, 0),
      partCounter: Int32Array.of(3, 21, 3, 22, 3, 23, 3, 24, 3, 25, 3, 26),
    });
  });

  test('a part counts by its share of the rows that count', () => {
    const batches = { steps: 2, rows: [4, 3], labels: Int32Array.of(1, 0, 2, 0, 1, 1, 1, -1) };
    const shares = Array.from({ length: 8 }, (_, row) => partShares(batches, 2)(row));
    expect(shares).toEqual([1 / 2, 1 / 2, 1 / 2, 1 / 2, 2 / 3, 2 / 3, 1 / 3, 1 / 3]);
    expect(partShares(batches, 1)(5)).toBe(1);
    const all = { ...batches, indices: Int32Array.from({ length: 8 }, (_, i) => i) };
    const augmenter = new Augmenter({
      ...{ augmentation: [], seed: 0, stored: [4, 4, 3], size: [4, 4], labels: all.labels },
    });
    expect(
      rowInputs({ weightsByClass: Float32Array.of(1, 2, 4), augmenter, train: {}, loss: usualLoss, parts: 2 }, 0, all),
    ).toEqual({
      weights: Float32Array.of(1, 0.5, 2, 0.5, 4 / 3, 4 / 3, 2 / 3, 0),
    });
  });

  test('images are mixed with others of their part', () => {
    const indices = Int32Array.from({ length: 64 }, (_, i) => i);
    const batches = { steps: 2, indices, labels: indices, rows: [32, 32] };
    const augmenter = new Augmenter({
      ...{ augmentation: [{ kind: 'mixup', alpha: 1 }], seed: 0, stored: [4, 4, 3], size: [4, 4], labels: indices },
    });
    const { mixes, partnerLabels, weights, partnerWeights } = rowInputs(
      { weightsByClass: null, augmenter, train: {}, loss: usualLoss, parts: 4 },
      0,
      batches,
    ) as Record<string, Float32Array>;
    indices.forEach((_, row) => {
      const part = row - (row % 8);
      expect(partnerLabels![row]! - part).toBe(mixes![row * 6]);
      expect(mixes![row * 6]).toBeLessThan(8);
      expect(weights![row]! + partnerWeights![row]!).toBeCloseTo(1 / 4, 6);
    });
  });

  test('results of parts are summed, and a step that was not finished is the last', () => {
    const outputs = {
      loss: Float32Array.of(1, 2, 3, 4, 5),
      correct: Float32Array.of(1, 0, 1, 1, 2),
      gradientNorm: Float32Array.of(5, 6, 7, 8, 9),
      squared: Float32Array.of(2, 4, 6, 9, 5),
    };
    // The second update has rows in its first part only.
    const batches = { steps: 3, indices: new Int32Array(12), labels: new Int32Array(12), rows: [4, 2, 4] };
    expect(joinParts({ steps: 4, finite: false, outputs }, 2, batches)).toEqual({
      ...{ steps: 2, finite: false },
      outputs: {
        loss: Float32Array.of(3, 7, 5),
        correct: Float32Array.of(1, 2, 2),
        gradientNorm: Float32Array.of(6, 8, 9),
        squared: Float32Array.of(3, 6, 2.5),
      },
    });
  });
});

describe('a training in parts', () => {
  const ema = { decay: 0.9 };
  test.each<[string, number, () => Partial<TrainerOptions>]>([
    ['SGD', 2, () => ({ labelSmoothing: 0.1 })],
    ['Adam, clipped', 4, () => ({ optimizer: new Adam({ clipNorm: 0.5, ema }), learningRate: 0.001 })],
    ['LARS, streamed', 16, () => ({ optimizer: new Lars({ clipNorm: 1 }), learningRate: 0.5, data: 'streaming' })],
    [
      'Nesterov, by class',
      8,
      () => ({ optimizer: new Sgd({ nesterov: true, ema }), classWeights: 'balanced', learningRate: 0.005 }),
    ],
  ])('has the events, losses and weights of whole batches: %s, %s parts', async (_, accumulate, options) => {
    const [whole, parts] = [trainer(options()), trainer({ ...options(), model: smallModel(), accumulate })];
    const [expected, found] = [await eventsOf(whole, 5), await eventsOf(parts, 5)];
    // Native calls, and so step events, depend on time.
    const epochs = (events: readonly TrainEvent[]) => events.flatMap((one) => (one.event === 'epoch' ? [one] : []));
    expect(epochs(found)).toHaveLength(2);
    epochs(found).forEach((event, i) => {
      const other = epochs(expected)[i]!;
      expect(event).toMatchObject({ step: other.step, epoch: other.epoch, learningRate: other.learningRate });
      expect(Math.abs(event.trainLoss - other.trainLoss)).toBeLessThan(1e-5);
      expect(event.trainAccuracy).toBe(other.trainAccuracy);
      expect(Math.abs(event.testLoss! - other.testLoss!)).toBeLessThan(1e-5);
    });
    const norms = [expected, found].map((events) => events.findLast((one) => one.event === 'step')!.gradientNorm);
    expect(Math.abs(norms[1]! - norms[0]!)).toBeLessThan(1e-5 * norms[0]!);
    const [a, b] = [await parametersOf(whole), await parametersOf(parts)];
    a.forEach((weight, i) => {
      expect(Math.abs(b[i]! - weight)).toBeLessThan(1e-5);
    });
    expect(parts.step).toBe(5);
    expect(await parts.predict(data.test)).toMatchObject({ count: 10 });
  });

  test('does not depend on where images are, and continues from a checkpoint bit for bit', async () => {
    const path = join(folder, 'checkpoint');
    const options = () => ({ model: smallModel(), accumulate: 4, optimizer: new Sgd({ ema }) });
    const [whole, streamed] = [trainer(options()), trainer({ ...options(), data: 'streaming' as const })];
    await whole.fit({ steps: 2 });
    await whole.save(path);
    await whole.fit({ steps: 3 });
    await streamed.fit({ steps: 5 });
    expect(await bits(streamed)).toBe(await bits(whole));
    const resumed = trainer(options());
    await resumed.restore(path);
    await resumed.fit({ steps: 3 });
    expect(await bits(resumed)).toBe(await bits(whole));
    const other = trainer({ ...options(), accumulate: 2 });
    await expect(other.restore(path)).rejects.toThrow('accumulate is 4 there and 2 here');
    await other.restore(path, { change: ['accumulate'] });
    await other.fit({ steps: 1 });
    expect(other.step).toBe(3);
  });

  test('leaves the State as before a step whose gradient is not finite, and can go on from there', async () => {
    const one = trainer({ model: tinyModel(), accumulate: 4, learningRate: 1e-3 });
    await one.fit({ steps: 1 });
    const path = join(folder, 'finite');
    await one.save(path);
    const before = await bits(one);
    const weight = one.state.parameters.find(({ name }) => name === 'classifier/weight')!;
    const values = await one.state.read(weight);
    await one.state.write(
      weight,
      values.map(() => 3e38),
    );
    const damaged = await bits(one);
    await expect(one.fit({ steps: 3 })).rejects.toMatchObject({
      code: 'ERR_NON_FINITE',
      message: expect.stringMatching(/^Training stopped at step 2: .*first in .*classifier/),
    });
    expect(await bits(one)).toBe(damaged);
    await one.restore(path);
    expect(await bits(one)).toBe(before);
    await one.fit({ steps: 2 });
    const other = trainer({ model: tinyModel(), accumulate: 4, learningRate: 1e-3 });
    await other.fit({ steps: 3 });
    expect(await bits(one)).toBe(await bits(other));
  });

  test('needs the memory of a part', async () => {
    const arenaOf = async (accumulate: number) => {
      const bytes = () => memoryStats().devices.find(({ device }) => device === 'cpu')!.arenaBytes;
      const before = bytes();
      await trainer({ model: smallModel(), accumulate, test: undefined }).fit({ steps: 1 });
      return bytes() - before;
    };
    const [whole, parts] = [await arenaOf(1), await arenaOf(4)];
    expect(parts).toBeLessThan(0.4 * whole);
  });

  test('draws other dropout for each part, and keeps the statistics of the last one', async () => {
    const norm = new BatchNorm({ name: 'norm', channels: 3 });
    const top = new Linear({ name: 'top', inputs: 3, outputs: 100 });
    const drop = new Dropout({ name: 'drop', rate: 0.5 });
    const model = functionalModel({
      ...{ parameters: [...norm.parameters, ...top.parameters], buffers: norm.buffers },
      ...{ inputShape: [32, 32, 3], classes: 100 },
      forward: (x) => top.forward(drop.forward(globalAveragePool(norm.forward(x)))),
    });
    const one = trainer({ model, accumulate: 2, augmentation: [] });
    await one.fit({ steps: 1 });
    const { mean, scale } = await one.statistics();
    const { labels } = data.train;
    const { indices } = new DataLoader({ labels, batch: 16, shuffle: true, seed: 0 }).epoch(0).batches(0, 1);
    const last = new Uint8Array(8 * 3072);
    await data.train.read(indices.slice(8), last);
    const running = await one.state.read(norm.runningMean);
    [0, 1, 2].forEach((channel) => {
      const own = last.filter((_, i) => i % 3 === channel);
      const average = own.reduce((sum, value) => sum + (value - mean[channel]!) * scale[channel]!, 0) / own.length;
      expect(running[channel]).toBeCloseTo(0.1 * average, 5);
    });
  });
});

test('a Trainer refuses parts that do not fit', () => {
  const refused = (options: Partial<TrainerOptions>) => () => trainer({ model: tinyModel(), ...options });
  expect(refused({ accumulate: 3 })).toThrow('Expected a divisor of the batch, 16, for accumulate but received 3');
  expect(refused({ accumulate: 0 })).toThrow('for accumulate but received 0');
  const own: Optimizer = { slots: 1, update: () => ({}) as never };
  expect(refused({ accumulate: 2, optimizer: own })).toThrow('one that sums gradients, for accumulate, for optimizer');
});
