import { describe, expect, test } from 'vitest';
import { Dataset, type DatasetOptions } from '../../lib/data/dataset';
import { firstClassesOf, firstOf, type ImageSource, Subset } from '../../lib/data/source';
import { type StatisticsOptions, statisticsOf } from '../../lib/data/statistics';
import { TestRandom, testSeed } from '../random';

/** Makes random images of 5 x 4 pixels, whose 2 channels have different deviations. */
function small(count = 6): Dataset {
  const random = new TestRandom(testSeed);
  const images = Uint8Array.from({ length: count * 40 }, (_, at) => 100 + random.integer(at % 2 ? 20 : 100));
  return Dataset.from({ images, labels: Array.from({ length: count }, (_, i) => i % 3), shape: [5, 4, 2] });
}

describe('Dataset.from', () => {
  test('takes images of any size, and labels of any kind; the classes are counted', () => {
    const images = new Uint8Array(3 * 8);
    for (const labels of [[0, 4, 2], Int32Array.of(0, 4, 2), Uint8Array.of(0, 4, 2)]) {
      const data = Dataset.from({ images, labels, shape: [2, 4, 1] });
      expect(data).toMatchObject({ count: 3, height: 2, width: 4, channels: 1, classes: 5, classNames: null });
      expect(data.labels).toEqual(Int32Array.of(0, 4, 2));
    }
    const classNames = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(Dataset.from({ images, labels: [0, 4, 2], shape: [2, 4, 1], classes: 6, classNames }).classNames).toBe(
      classNames,
    );
  });

  const good: DatasetOptions = { images: new Uint8Array(24), labels: [0, 1], shape: [2, 2, 3] };
  test.each<[string, object, RegExp]>([
    ['no options', undefined as never, /images, labels, targets/],
    [
      'images of another type',
      { images: new Uint16Array(24) },
      /a Uint8Array, a Float32Array.* for images.*Uint16Array/,
    ],
    ['too few bytes', { images: new Uint8Array(23) }, /24 bytes \(2 labels, 2x2x3 each\) for images.*23/],
    ['too many bytes', { images: new Uint8Array(36) }, /24 bytes.*36/],
    ['no labels', { images: new Uint8Array(0), labels: [] }, /at least one label.*none/],
    ['labels of another type', { labels: 'ab' }, /labels.*"ab"/],
    ['labels as floats', { labels: Float32Array.of(0, 1) }, /labels.*Float32Array/],
    ['a fraction as label', { labels: [0, 0.5] }, /labels\[1\].*0\.5/],
    ['a label that is too large', { labels: [0, 2 ** 32] }, /labels\[1\].*4294967296/],
    ['a hole among the labels', { labels: new Array(2) }, /labels\[0\].*nothing/],
    ['a big integer as label', { labels: [0, 1n] }, /labels\[1\]/],
    ['a negative label', { labels: [0, -1] }, /0 to 0 for labels\[1\].*-1/],
    ['a label beyond the classes', { labels: [0, 2], classes: 2 }, /0 to 1 for labels\[1\].*2/],
    ['no classes', { classes: 0 }, /classes.*0/],
    ['a shape of two', { shape: [2, 6] }, /3 positive integers.*\[2, 6\]/],
    ['an empty shape', { shape: [2, 0, 3] }, /3 positive integers.*\[2, 0, 3\]/],
    ['names that are too few', { classNames: ['a'] }, /2 names.*1/],
  ])('refuses %s', (_, change, message) => {
    const failure = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) });
    expect(() => Dataset.from(change && { ...good, ...change })).toThrow(failure);
  });
});

describe('parts', () => {
  const data = small();

  test('take() shares memory, and gives all if there are fewer', () => {
    const two = data.take(2);
    expect(two).toMatchObject({ count: 2, classes: 3, shape: [5, 4, 2] });
    expect(two.images.buffer).toBe(data.images.buffer);
    expect(data.take(100).count).toBe(6);
    expect(() => data.take(0)).toThrow(/at least 1 for count/);
  });

  test('subset() copies images in the order asked for; Subset reads the same through its source', async () => {
    const indices = [5, 0, 5, 2];
    const copied = data.subset(indices);
    expect([...copied.labels]).toEqual(indices.map((index) => index % 3));
    const through = new Subset(data, Int32Array.from(indices));
    expect(through).toMatchObject({ count: 4, classes: 3, labels: copied.labels });
    const target = new Uint8Array(4 * 40);
    await through.read(Int32Array.of(0, 1, 2, 3), target);
    expect(target).toEqual(copied.images);
    indices.forEach((index, row) => {
      expect(copied.images.subarray(row * 40, row * 40 + 40)).toEqual(
        data.images.subarray(index * 40, index * 40 + 40),
      );
    });
    expect(firstOf(data, 6)).toBe(data);
    expect(firstOf(data, 2)).toMatchObject({ count: 2, labels: Int32Array.of(0, 1) });
    const two = firstClassesOf(data, 2);
    expect(two).toMatchObject({ count: 4, classes: 2, labels: Int32Array.of(0, 1, 0, 1) });
    await two.read(Int32Array.of(2, 3, 0, 1), target);
    expect(target).toEqual(data.subset([3, 4, 0, 1]).images);
    expect(firstClassesOf(data, 3)).toBe(data);
  });

  test.each([[[]], [[6]], [[0, -1]], [[0.5]]])('subset(%j) is refused', (indices) => {
    expect(() => data.subset(indices)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});

describe('statistics', () => {
  const data = small(50);
  /** Returns all values of one channel (step 2) or of one place (step: all values of an image). */
  const valuesAt = (step: number, first: number) => [...data.images].filter((_, at) => at % step === first);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = (values: number[]) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

  test('per channel: mean and deviation, and scales', () => {
    const plain = data.statistics();
    for (const channel of [0, 1]) {
      const values = valuesAt(2, channel);
      expect(plain.mean[channel]).toBeCloseTo(mean(values), 4);
      expect(plain.deviation[channel]).toBeCloseTo(deviation(values), 4);
      expect(plain.scale[channel]).toBe(Math.fround(1 / plain.deviation[channel]!));
    }
    expect(plain.meanShape).toEqual([2]);
    expect([...data.statistics({ scale: 'none' }).scale]).toEqual([1, 1]);
    expect([...data.statistics({ scale: 0.25 }).scale]).toEqual([0.25, 0.25]);
  });

  test('per pixel: the mean image, and the deviation of what is left', () => {
    const { mean: image, meanShape, deviation: spread } = data.statistics({ per: 'pixel' });
    expect(meanShape).toEqual([5, 4, 2]);
    for (let place = 0; place < 40; place++) expect(image[place]).toBeCloseTo(mean(valuesAt(40, place)), 4);
    for (const channel of [0, 1]) {
      const left = [...data.images].map((value, at) => value - image[at % 40]!).filter((_, at) => at % 2 === channel);
      expect(spread[channel]).toBeCloseTo(deviation(left), 4);
    }
  });

  test('pixels that never change have deviation 1, so that nothing is divided by 0', () => {
    const images = Uint8Array.from({ length: 3 * 12 }, (_, at) => (at % 12) * 20);
    const still = Dataset.from({ images, labels: [0, 0, 0], shape: [2, 2, 3] });
    expect([...still.statistics({ per: 'pixel' }).deviation]).toEqual([1, 1, 1]);
    expect(still.statistics().deviation[0]).toBeGreaterThan(1);
    const one = Dataset.from({ images: new Uint8Array(12).fill(77), labels: [0], shape: [2, 2, 3] });
    expect([...one.statistics().deviation]).toEqual([1, 1, 1]);
  });

  test('are the same where images are read in pieces', async () => {
    const shape = [256, 256, 2] as const;
    const random = new TestRandom(testSeed);
    const images = Uint8Array.from({ length: 3 * 256 * 256 * 2 }, () => random.integer(256));
    const memory = Dataset.from({ images, labels: [0, 0, 0], shape });
    // Too many images to be read in one piece.
    const indices = Int32Array.from({ length: 300 }, (_, i) => i % 3);
    const many: ImageSource = new Subset(memory, indices);
    for (const options of [{}, { per: 'pixel' }] as const) {
      const [want, got] = [memory.statistics(options), await statisticsOf(many, options)];
      expect(got.mean).toEqual(want.mean);
      expect(got.deviation).toEqual(want.deviation);
    }
  });

  test.each<[object, RegExp]>([
    [{ per: 'image' }, /per.*"image"/],
    [{ scale: 'half' }, /scale.*"half"/],
    [{ scale: 0 }, /scale/],
    [{ scale: -1 }, /scale.*-1/],
    [{ scale: Number.NaN }, /scale.*NaN/],
  ])('refuse %j', (options, message) => {
    const failure = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) });
    expect(() => data.statistics(options as StatisticsOptions)).toThrow(failure);
  });
});
