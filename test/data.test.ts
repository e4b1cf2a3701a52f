import { describe, expect, test } from 'vitest';
import { Dataset } from '../lib/data/dataset';
import { generated, generatedRecords } from '../lib/data/generated';
import { DataLoader } from '../lib/data/loader';
import { record } from '../lib/data/records';
import { Philox } from '../lib/random';
import { softmaxRegression } from './train/regression';

describe('Dataset', () => {
  test('reads the official layout: channels first in the file, channels last in memory', () => {
    const bytes = new Uint8Array(2 * record.bytes);
    bytes.set([3, 17], 0);
    bytes.set([4, 99], record.bytes);
    for (let channel = 0; channel < 3; channel++) bytes[record.bytes + 2 + channel * 1024 + 33] = 10 + channel;
    const data = Dataset.fromRecords(bytes);
    expect(data.count).toBe(2);
    expect([...data.labels]).toEqual([17, 99]);
    expect([...data.images.subarray(3072 + 33 * 3, 3072 + 34 * 3)]).toEqual([10, 11, 12]);
  });

  test('names the record with a bad label, and the length of a broken file', () => {
    const bytes = new Uint8Array(3 * record.bytes);
    bytes[2 * record.bytes + 1] = 100;
    const read = () => Dataset.fromRecords(bytes, { source: 'train.bin' });
    expect(read).toThrow(/0 to 99 in record 2 of train.bin but received 100/);
    expect(() => Dataset.fromRecords(bytes.subarray(1), { source: 'train.bin' })).toThrow(/3074.*train.bin.*9221/);
    expect(() => Dataset.fromRecords(new Uint8Array(0))).toThrow(/received 0/);
  });

  test('has statistics per channel; a constant channel divides by 1', () => {
    const bytes = new Uint8Array(2 * record.bytes);
    bytes.fill(10, 2, 2 + 1024);
    bytes.fill(20, record.bytes + 2, record.bytes + 2 + 1024);
    const { mean, deviation } = Dataset.fromRecords(bytes).statistics();
    expect([...mean]).toEqual([15, 0, 0]);
    expect([...deviation]).toEqual([5, 1, 1]);
  });
});

describe('generated data', () => {
  test('is the same every time, and the first images do not depend on the number', () => {
    const some = generatedRecords({ split: 'train', count: 150 });
    expect(generatedRecords({ split: 'train', count: 120 })).toEqual(some.subarray(0, 120 * record.bytes));
    expect(generatedRecords({ split: 'test', count: 120 })).not.toEqual(some.subarray(0, 120 * record.bytes));
    expect(generatedRecords({ split: 'train', count: 1, seed: 1 })).not.toEqual(some.subarray(0, record.bytes));
  });

  test('of some classes is what is left of all when the others are gone', () => {
    const all = Dataset.fromRecords(generatedRecords({ split: 'train', count: 200 }));
    const few = generated({ train: 6, test: 1, classes: 3 }).train;
    const left = all.subset([...all.labels.keys()].filter((index) => all.labels[index]! < 3));
    expect(few).toMatchObject({ classes: 3, labels: left.labels, images: left.images });
    expect(() => generated({ classes: 1 })).toThrow(/2 to 100 for classes/);
  });

  test('has every class once per hundred, and coarse labels of five classes each', () => {
    const bytes = generatedRecords({ split: 'train', count: 200 });
    for (const hundred of [0, 1]) {
      const labels = Array.from({ length: 100 }, (_, i) => bytes[(hundred * 100 + i) * record.bytes + 1]!);
      expect(labels.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    }
    expect(bytes[0]).toBe(Math.floor(bytes[1]! / 5));
  });

  test('is grey in the mean, for the whole set and for every class, and nowhere clipped', () => {
    const { train } = generated({ train: 5000, test: 1 });
    const { mean, deviation } = train.statistics();
    for (const channel of [0, 1, 2]) {
      expect(Math.abs(mean[channel]! - 128)).toBeLessThan(0.5);
      expect(deviation[channel]).toBeGreaterThan(20);
    }
    const sums = Array.from({ length: 100 }, () => [0, 0, 0]);
    train.images.forEach((value, i) => {
      sums[train.labels[Math.floor(i / 3072)]!]![i % 3]! += value;
    });
    for (const channel of sums.flat()) expect(Math.abs(channel / (50 * 1024) - 128)).toBeLessThan(5);
    expect(train.images.includes(0)).toBe(false);
    expect(train.images.includes(255)).toBe(false);
  });

  test('is hard for a linear model: softmax regression stays under 3 %, and would find a linear trace', {
    timeout: 300_000,
  }, () => {
    const { train, test: held } = generated({ train: 800, test: 800 });
    const plain = softmaxRegression(train, held, { epochs: 5 });
    // It memorises the training images, and nothing of that applies to other images.
    expect(plain.trainAccuracy).toBeGreaterThan(0.7);
    expect(plain.testAccuracy).toBeLessThan(0.03);
    // The control: in the same images, a faint pattern added to each class can be learned.
    const marked = softmaxRegression(mark(train), mark(held), { epochs: 3 });
    expect(marked.testAccuracy).toBeGreaterThan(0.3);
  });
});

/** Adds a pattern of ±8 grey levels, fixed per class, to every image. */
function mark(data: Dataset): Dataset {
  const size = data.images.length / data.count;
  const bytes = new Uint8Array(data.count * record.bytes);
  data.labels.forEach((label, index) => {
    const random = new Philox(11, label);
    const at = index * record.bytes;
    bytes[at + 1] = label;
    for (let pixel = 0; pixel < size; pixel++) {
      const value = data.images[index * size + pixel]! + (random.uint32() & 1 ? 8 : -8);
      bytes[at + 2 + (pixel % 3) * 1024 + Math.floor(pixel / 3)] = Math.min(255, Math.max(0, value));
    }
  });
  return Dataset.fromRecords(bytes);
}

describe('DataLoader', () => {
  const labels = Int32Array.from({ length: 10 }, (_, i) => i * 3);

  test('gives every image once per epoch, and masks what fills up the last batch', () => {
    const loader = new DataLoader({ labels, batch: 4, shuffle: true, seed: 5 });
    expect(loader.steps).toBe(3);
    const { indices, labels: given, rows } = loader.epoch(0).batches(0, 3);
    expect(rows).toEqual([4, 4, 2]);
    expect([...indices.subarray(0, 10)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    indices.subarray(0, 10).forEach((index, row) => {
      expect(given[row]).toBe(labels[index]);
    });
    expect([...given.subarray(10)]).toEqual([-1, -1]);
    expect([...indices.subarray(10)]).toEqual([...indices.subarray(0, 2)]);
  });

  test('shuffles by seed and epoch, and does not depend on how an epoch is cut into runs', () => {
    const order = (seed: number, epoch: number) =>
      new DataLoader({ labels, batch: 10, shuffle: true, seed }).epoch(epoch).batches(0, 1).indices;
    expect(order(1, 0)).toEqual(order(1, 0));
    expect(order(1, 0)).not.toEqual(order(1, 1));
    expect(order(1, 0)).not.toEqual(order(2, 0));
    const epoch = new DataLoader({ labels, batch: 2, shuffle: true, seed: 1 }).epoch(0);
    const whole = epoch.batches(0, 5);
    const cut = [...epoch.batches(0, 2).indices, ...epoch.batches(2, 3).indices];
    expect(cut).toEqual([...whole.indices]);
  });

  test('keeps the order without shuffling, and takes batches larger than the data', () => {
    const {
      indices,
      labels: given,
      rows,
    } = new DataLoader({ labels, batch: 12, shuffle: false }).epoch(3).batches(0, 1);
    expect([...indices]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    expect([...given.subarray(9)]).toEqual([27, -1, -1]);
    expect(rows).toEqual([10]);
  });
});
