import { describe, expect, test } from 'vitest';
import { compile, type Plan } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { CifarFile } from '../../lib/data/cifarFile';
import { Dataset } from '../../lib/data/dataset';
import { generatedRecords } from '../../lib/data/generated';
import { DataLoader, type Epoch } from '../../lib/data/loader';
import type { ImageSource } from '../../lib/data/source';
import { augment } from '../../lib/ops/augmentation';
import { copy } from '../../lib/ops/data';
import type { TypedArray } from '../../lib/runtime/native';
import { constant, input } from '../../lib/tensor/tensor';
import { type Feed, ResidentFeed, StreamingFeed, uploadImages } from '../../lib/train/feed';
import { Runner } from '../../lib/train/runner';
import { Trainer, type TrainerOptions } from '../../lib/train/trainer';
import { temporaryFolder } from '../temporary';
import { cpu, smallData, smallModel, snapshot } from '../train/support';
import { writeFiles } from './support';

const batch = 4;
const { train: data } = smallData(22, 9);
const loader = new DataLoader({ labels: data.labels, batch, shuffle: true, seed: 3 });

/** Makes a graph that returns images and labels of a step, as they are on the device. */
function graphOf(feed: Feed): Graph {
  const y = augment(
    {
      images: input('images', feed.images, { dtype: 'u8' }),
      indices: input('indices', [batch], { dtype: 'i32' }),
      mean: constant([0, 0, 0]),
      inverseDeviation: constant([1, 1, 1]),
    },
    { size: [8, 8] },
  );
  return Graph.from({ outputs: { y, labels: copy(input('labels', [batch], { dtype: 'i32' })) } });
}

const plan = (feed: Feed): Promise<Plan> => compile(graphOf(feed), { device: cpu() });

async function collect(feed: Feed, epoch: Epoch, chunks: readonly number[]): Promise<Record<string, number[]>> {
  const compiled = await plan(feed);
  const all: Record<string, number[]> = { y: [], labels: [] };
  const reader = feed.reader(epoch, loader.steps);
  let first = 0;
  for (const steps of chunks) {
    const { inputs } = await reader.read(first, steps);
    const { outputs } = await compiled.run(inputs, { steps });
    for (const [name, values] of Object.entries(outputs)) all[name]!.push(...(values as TypedArray));
    first += steps;
  }
  reader.close();
  compiled.dispose();
  return all;
}

describe('resident and streaming', () => {
  test('give a plan the same bits, however an epoch is cut into calls, the filled-up last batch included', async () => {
    const images = await uploadImages(data, cpu());
    const resident = new ResidentFeed(data, images);
    const streaming = new StreamingFeed(data, batch);
    expect(resident.images).toEqual([22, 32, 32, 3]);
    expect(streaming.images).toEqual([batch, 32, 32, 3]);
    for (const number of [0, 1]) {
      const want = await collect(resident, loader.epoch(number), [6]);
      expect(want.y).toHaveLength(6 * batch * 8 * 8 * 3);
      for (const chunks of [[6], [1, 1, 1, 1, 1, 1], [2, 3, 1]]) {
        expect(await collect(streaming, loader.epoch(number), chunks)).toEqual(want);
      }
    }
    images.dispose();
  });

  test('readers do not share buffers, and what they gave stays until the next but one', async () => {
    const feed = new StreamingFeed(data, batch);
    const [one, other] = [feed.reader(loader.epoch(0), 6), feed.reader(loader.epoch(1), 6)];
    const first = (await one.read(0, 2)).inputs.images as Uint8Array;
    const kept = first.slice();
    await other.read(0, 2);
    await other.read(2, 2);
    await one.read(2, 2);
    expect(first).toEqual(kept);
  });

  test('a call has bounded memory: few steps of large images, and at least one', () => {
    const source = (size: number) => ({ ...data, count: 22, shape: [size, size, 3] }) as unknown as ImageSource;
    expect(new StreamingFeed(source(32), 128).mostSteps).toBe(42);
    expect(new StreamingFeed(source(4096), 8).mostSteps).toBe(1);
  });
});

test('the runner reads a call’s images while the one before it runs', async () => {
  const log: string[] = [];
  const slow: ImageSource = {
    ...{ count: data.count, shape: data.shape, labels: data.labels, classes: 100, classNames: null },
    async read(indices, target) {
      log.push('read');
      await data.read(indices, target);
    },
  };
  const feed = new StreamingFeed(slow, batch);
  Object.defineProperty(feed, 'mostSteps', { value: 2 });
  const compiled = await plan(feed);
  const observed = {
    native: compiled.native,
    run: async (...args: Parameters<Plan['run']>) => {
      log.push('run');
      const result = await compiled.run(...args);
      log.push('ran');
      return result;
    },
  } as Plan;
  for await (const { batches } of new Runner(observed, feed, graphOf(feed)).run({
    epoch: loader.epoch(0),
    first: 0,
    last: 6,
  }))
    log.push(`got ${batches.steps}`);
  expect(log.join(' ')).toBe('read run read ran got 1 run read ran got 1 run read ran got 2 run ran got 2');
  compiled.dispose();
});

test('an error of the source reaches whoever trains; an abort leaves no rejection behind', async () => {
  let broken = false;
  const source: ImageSource = {
    ...{ count: data.count, shape: data.shape, labels: data.labels, classes: 100, classNames: null },
    read: (indices, target) => (broken ? Promise.reject(new Error('disk')) : data.read(indices, target)),
  };
  const feed = new StreamingFeed(source, batch);
  const compiled = await plan(feed);
  const seen: number[] = [];
  const run = async (signal?: AbortSignal) => {
    for await (const { batches } of new Runner(compiled, feed, graphOf(feed)).run({
      epoch: loader.epoch(0),
      first: 0,
      last: 6,
      signal,
    })) {
      seen.push(batches.steps);
      broken = true;
      if (signal) abort.abort(new Error('enough'));
    }
  };
  const abort = new AbortController();
  await expect(run()).rejects.toThrow('disk');
  // The images of the second call had been read before the disk failed.
  expect(seen).toEqual([1, 1]);
  broken = false;
  await expect(run(abort.signal)).rejects.toThrow('enough');
  compiled.dispose();
});

describe('Trainer', () => {
  const folder = writeFiles(temporaryFolder(), {
    'train.bin': generatedRecords({ split: 'train', count: 50 }),
    'test.bin': generatedRecords({ split: 'test', count: 21 }),
  });

  async function trained(options: Pick<TrainerOptions, 'train' | 'test'> & Partial<TrainerOptions>) {
    const trainer = new Trainer({ model: smallModel(), device: cpu(), batch: 16, seed: 5, ...options });
    const losses: number[] = [];
    for await (const event of trainer.fit({ epochs: 2 })) {
      if (event.event === 'epoch') losses.push(event.trainLoss, event.testLoss!, event.testAccuracy!);
    }
    losses.push((await trainer.evaluate('train')).loss);
    const state = await snapshot(trainer.state);
    trainer.dispose();
    return { losses, state };
  }

  test('resident, streaming from memory and streaming from disk: the same weights and metrics, bit for bit', async () => {
    const memory = smallData(50, 21);
    const want = await trained(memory);
    for (const statistics of [undefined, { per: 'pixel', scale: 'none' }] as const) {
      const reference = statistics ? await trained({ ...memory, statistics }) : want;
      const files = await CifarFile.open(folder);
      for (const source of [memory, files]) {
        const got = await trained({ ...source, statistics, data: 'streaming' });
        expect(got.losses).toEqual(reference.losses);
        expect(got.state.equals(reference.state)).toBe(true);
      }
      // Images from files may also be uploaded to the device.
      expect((await trained({ ...files, statistics })).state.equals(reference.state)).toBe(true);
      await files.train.close();
      await files.test.close();
      if (statistics) expect(reference.state.equals(want.state)).toBe(false);
    }
  });

  test('refuses sources and options that do not fit', () => {
    const memory = smallData(4, 4);
    const make = (options: object) => () => new Trainer({ model: smallModel(), device: cpu(), ...memory, ...options });
    const grey = Dataset.from({ images: new Uint8Array(2 * 1024), labels: [0, 1], shape: [32, 32, 1] });
    const larger = Dataset.from({ images: new Uint8Array(48 * 48 * 3), labels: [0], shape: [48, 48, 3] });
    for (const [options, message] of [
      [{ data: 'disk' }, /resident or streaming for data.*"disk"/],
      [{ statistics: { per: 'row' } }, /per/],
      [{ train: grey, test: grey }, /model's 3 for channels of train.*1/],
      [{ test: larger }, /train's \[32,32,3\] for shape of test.*\[48, 48, 3\]/],
      [{ train: { count: 3 } }, /ImageSource for train/],
    ] as const) {
      const failure = expect.objectContaining({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(message),
      });
      expect(make(options)).toThrow(failure);
    }
  });
});
