/** The values that Dataset.from() takes beside bytes and class indices, and the methods of a Dataset. */
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Dataset, type DatasetOptions, type LabelledImage } from '../../lib/data/dataset';
import type { SplitOptions } from '../../lib/data/divide';
import type { PixelRange } from '../../lib/data/givenPixels';
import { TestRandom, testSeed } from '../random';

const refusal = (message: RegExp) =>
  expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) });
const random = new TestRandom(testSeed);
const bytes = Uint8Array.from({ length: 512 }, (_, at) => (at < 256 ? at : random.integer(256)));
const plain = { images: bytes, labels: [0, 1], shape: [16, 16, 1] } as const;

describe('pixels', () => {
  test.each<[PixelRange, (byte: number) => number]>([
    ['0..1', (byte) => byte / 255],
    ['0..255', (byte) => byte],
    ['-1..1', (byte) => (byte - 127.5) / 127.5],
  ])('floats in %s come back as the bytes that they were made of', (range, of) => {
    for (const type of [Float32Array, Float64Array]) {
      const images = type.from([...bytes].map(of));
      expect(Dataset.from({ ...plain, images, range }).images).toEqual(bytes);
      const list = [images.subarray(0, 256), images.subarray(256)];
      expect(Dataset.from({ ...plain, images: list, range }).images).toEqual(bytes);
    }
  });

  test('floats are rounded to the nearest byte, halves up, and their last digits may exceed the range', () => {
    const of = (images: Float64Array, range: PixelRange) => [
      ...Dataset.from({ images, labels: [0], shape: [1, images.length, 1], range }).images,
    ];
    expect(of(Float64Array.of(0.49, 0.5, 1.5, 254.5, -0.4, 255.4), '0..255')).toEqual([0, 1, 2, 255, 0, 255]);
    expect(of(Float64Array.of(1.0000001, -1e-7, 0.5), '0..1')).toEqual([255, 0, 128]);
  });

  test('lists of arrays are joined; one array of bytes is kept, not copied', () => {
    const list = [bytes.subarray(0, 256), Uint8ClampedArray.from(bytes.subarray(256))];
    expect(Dataset.from({ ...plain, images: list }).images).toEqual(bytes);
    expect(Dataset.from(plain).images).toBe(bytes);
  });

  const data = Uint8ClampedArray.of(10, 20, 30, 255, 200, 100, 50, 51);
  const picture = { data, width: 2, height: 1 };

  test('ImageData: four channels as they are, three over a background, one as luma; also of another realm', () => {
    const from = (options: Partial<DatasetOptions>) => Dataset.from({ images: [picture], labels: ['a'], ...options });
    expect(from({ channels: 4 })).toMatchObject({ shape: [1, 2, 4], images: Uint8Array.from(data) });
    const white = { background: [255, 255, 255] } as const;
    // Alpha 51 is a fifth: 200 / 5 + 255 * 4 / 5 = 244, and so on.
    expect(from(white)).toMatchObject({ shape: [1, 2, 3], images: Uint8Array.of(10, 20, 30, 244, 224, 214) });
    expect(from({ ...white, channels: 1 }).images).toEqual(Uint8Array.of(18, 229));
    expect(from({ ...white, shape: [1, 2, 1] }).images).toEqual(Uint8Array.of(18, 229));
    const foreign = runInNewContext('[{ width: 1, height: 1, data: Uint8ClampedArray.of(1, 2, 3, 255) }]');
    expect(Dataset.from({ images: foreign, labels: [0] }).images).toEqual(Uint8Array.of(1, 2, 3));
  });

  const one = { labels: [0], shape: [1, 2, 1] } as const;
  test.each<[string, object, RegExp]>([
    ['floats without range', { ...one, images: new Float32Array(2) }, /"0\.\.1", "0\.\.255".*Float32Array.* for range/],
    ['bytes with range', { ...one, images: new Uint8Array(2), range: '0..1' }, /no range, as the pixels are bytes/],
    ['an unknown range', { ...one, images: new Float32Array(2), range: '0-1' }, /range.*"0-1"/],
    ['a float out of range', { ...one, images: Float32Array.of(0, 2), range: '0..1' }, /0\.\.1 for images\[1\].*2/],
    ['NaN', { ...one, images: [Float32Array.of(0, Number.NaN)], range: '0..1' }, /for images\[0\]\[1\].*NaN/],
    ['too few floats', { ...one, images: new Float32Array(1), range: '0..1' }, /2 values \(1 labels/],
    ['no shape', { images: new Uint8Array(2), labels: [0] }, /3 positive integers.*shape.*nothing/],
    ['a list of another length', { ...one, images: [] }, /1 images, one per label, for images/],
    ['an image of another size', { ...one, images: [new Uint8Array(3)] }, /2 values \(1x2x1\) for images\[0\].*3/],
    ['an image that is none', { ...one, images: ['cat.jpg'] }, /ImageData for images\[0\].*"cat\.jpg"/],
    ['a hole', { ...one, images: new Array(1) }, /ImageData for images\[0\].*nothing/],
    ['16 bits', { ...one, images: [new Uint16Array(2)] }, /for images\[0\].*Uint16Array/],
    ['transparency', { images: [picture], labels: [0] }, /pixel 1, 0 of images\[0\] is transparent.* for background/],
    ['two channels', { images: [picture], labels: [0], channels: 2 }, /channels.*2/],
    [
      'shape and channels',
      { images: [picture], labels: [0], shape: [1, 2, 3], channels: 1 },
      /3, as in shape, for channels/,
    ],
    ['another width', { images: [picture], labels: [0], shape: [2, 2, 3] }, /an image of 2 x 2 for images\[0\].*2 x 1/],
    ['a background of floats', { images: [picture], labels: [0], background: [0.5, 0, 0] }, /background/],
    [
      'too little data',
      { images: [{ ...picture, width: 3 }], labels: [0] },
      /12 bytes \(RGBA\) for images\[0\]\.data.*8/,
    ],
    ['a width of NaN', { images: [{ ...picture, width: Number.NaN }], labels: [0] }, /width and height of images\[0\]/],
  ])('refuses %s', (_, options, message) => {
    expect(() => Dataset.from(options as DatasetOptions)).toThrow(refusal(message));
  });
});

describe('labels that are names', () => {
  const from = (options: Partial<DatasetOptions>) =>
    Dataset.from({ images: new Uint8Array(4), labels: ['dog', 'cat', 'Zebra', 'cat'], shape: [1, 1, 1], ...options });

  test('become indices into the sorted names, or into the given ones', () => {
    const sorted = from({});
    expect(sorted).toMatchObject({ classes: 3, classNames: ['Zebra', 'cat', 'dog'] });
    expect([...sorted.labels]).toEqual([2, 1, 0, 1]);
    const classNames = ['cat', 'dog', 'owl', 'Zebra'];
    const given = from({ classNames });
    expect(given).toMatchObject({ classes: 4, classNames });
    expect([...given.labels]).toEqual([1, 0, 3, 0]);
  });

  test.each<[string, object, RegExp]>([
    ['a name that is not given', { classNames: ['cat', 'dog'] }, /one of classNames for labels\[2\].*"Zebra"/],
    ['numbers among names', { labels: ['a', 'b', 1, 'c'] }, /a string, as labels\[0\] is, for labels\[2\].*1/],
    ['names among numbers', { labels: [0, 1, '1', 0] }, /32-bit integer for labels\[2\].*"1"/],
    ['a name twice', { classNames: ['cat', 'dog', 'Zebra', 'cat'] }, /different names for classNames/],
    ['another number of classes', { classes: 2 }, /3, the number of different labels, for classes.*2/],
  ])('refuses %s', (_, options, message) => {
    expect(() => from(options)).toThrow(refusal(message));
  });
});

describe('a Dataset', () => {
  /** 30 images of class 0, 20 of class 1, and one of class 2; every pixel is the image's index. */
  const labels = Array.from({ length: 51 }, (_, index) => (index === 50 ? 2 : index % 5 < 3 ? 0 : 1));
  const images = Uint8Array.from({ length: 102 }, (_, at) => at >> 1);
  const data = Dataset.from({ images, labels, shape: [1, 2, 1], classNames: ['a', 'b', 'c'] });
  const indicesOf = (part: Dataset) => [...part.images].filter((_, at) => at % 2 === 0);
  const countsOf = (part: Dataset) => [0, 1, 2].map((label) => part.labels.filter((own) => own === label).length);

  test('is iterated over', () => {
    const seen = [...data];
    expect(seen).toHaveLength(51);
    expect(seen[3]).toEqual({ pixels: Uint8Array.of(3, 3), label: 1, name: 'b' });
    expect(seen[3]!.pixels.buffer).toBe(data.images.buffer);
    for (const { name } of data.named(null)) expect(name).toBe(null);
  });

  test('split() divides each class by the share, the same way for a seed', () => {
    const { train, test } = data.split(0.2, { seed: testSeed });
    expect([countsOf(train), countsOf(test)]).toEqual([
      [24, 16, 1],
      [6, 4, 0],
    ]);
    expect([...indicesOf(train), ...indicesOf(test)].sort((a, b) => a - b)).toEqual([...new Set(images)]);
    for (const part of [train, test]) {
      expect(part).toMatchObject({ classes: 3, classNames: data.classNames });
      expect([...part].every(({ pixels, label }) => labels[pixels[0]!] === label)).toBe(true);
      expect(indicesOf(part)).toEqual(indicesOf(part).sort((a, b) => a - b));
    }
    expect(indicesOf(data.split(0.2, { seed: testSeed }).test)).toEqual(indicesOf(test));
    expect(indicesOf(data.split(0.2, { seed: testSeed + 1 }).test)).not.toEqual(indicesOf(test));
    expect(indicesOf(data.split(0.2).test)).toEqual(indicesOf(data.split(0.2, { seed: 0, stratified: true }).test));
  });

  test('split() without classes, and of extreme shares', () => {
    const free = data.split(0.5, { stratified: false });
    expect([free.train.count, free.test.count]).toEqual([25, 26]);
    expect(data.split(1e-9).test.count).toBe(1);
    expect(data.split(0.999).train.count).toBe(3); // one of each class
    expect(data.split(0.999, { stratified: false }).train.count).toBe(1);
  });

  test.each<[unknown, unknown, RegExp]>([
    [0, {}, /above 0 and below 1 for share.*0/],
    [1, {}, /share.*1/],
    ['half', {}, /share.*"half"/],
    [Number.NaN, {}, /share.*NaN/],
    [0.5, { seed: -1 }, /seed.*-1/],
    [0.5, { stratify: true }, /"stratify"/],
  ])('split(%j, %j) is refused', (share, options, message) => {
    expect(() => data.split(share as number, options as SplitOptions)).toThrow(refusal(message));
  });

  test('split() refuses a single image, and single images of each class', () => {
    expect(() => data.take(1).split(0.5)).toThrow(refusal(/at least two images/));
    const singles = data.subset([0, 3, 50]);
    expect(() => singles.split(0.5)).toThrow(refusal(/no class has two images, for stratified/));
    expect(singles.split(0.5, { stratified: false }).test.count).toBe(2);
  });

  test('concat() joins images of one shape and the same names', () => {
    const [a, b] = [data.subset([0, 50]), data.subset([3])];
    expect(a.concat(b, a)).toMatchObject({ labels: Int32Array.of(0, 2, 1, 0, 2), classes: 3, shape: [1, 2, 1] });
    expect(indicesOf(a.concat(b, a))).toEqual([0, 50, 3, 0, 50]);
    expect(indicesOf(a.concat())).toEqual([0, 50]);
    const more = Dataset.from({ images: new Uint8Array(2), labels: [6], shape: [1, 2, 1] });
    expect(a.named(null).concat(more).classes).toBe(7);
    expect(() => a.concat(more)).toThrow(refusal(/"a", "b", "c".* for class names of others\[0\]/));
    expect(() => a.concat(b, b.named(['a', 'b', 'd']))).toThrow(refusal(/class names of others\[1\]/));
    const other = Dataset.from({ images: new Uint8Array(2), labels: [0], shape: [2, 1, 1] });
    expect(() => a.named(null).concat(other)).toThrow(refusal(/1x2x1 for others\[0\].*2x1x1/));
    expect(() => a.concat([b] as never)).toThrow(refusal(/a Dataset for others\[0\]/));
  });

  test('map() changes pixels, of a copy, and their shape', () => {
    const part = data.subset([1, 3]);
    const inverted = part.map(({ pixels }) => pixels.map((value) => 255 - value));
    expect(inverted).toMatchObject({ images: Uint8Array.of(254, 254, 252, 252), classNames: ['a', 'b', 'c'] });
    const filled = part.map(({ pixels, label }, index) => pixels.fill(10 * label + index));
    expect(filled.images).toEqual(Uint8Array.of(0, 0, 11, 11));
    expect(part.images).toEqual(Uint8Array.of(1, 1, 3, 3));
    const small = part.map(({ pixels }) => Uint8ClampedArray.of(pixels[0]!), { shape: [1, 1, 1] });
    expect(small).toMatchObject({ shape: [1, 1, 1], images: Uint8Array.of(1, 3), labels: part.labels });
  });

  test('map() refuses what is no image', () => {
    const change = (result: unknown) => () => data.map((() => result) as (image: LabelledImage) => Uint8Array);
    expect(change([1, 2])).toThrow(refusal(/Uint8ClampedArray for the result for image 0.*\[1, 2\]/));
    expect(change(Promise.resolve())).toThrow(refusal(/result for image 0.*Promise/));
    expect(change(new Uint8Array(3))).toThrow(refusal(/2 bytes \(1x2x1\).*3/));
    expect(() => data.map(null as never)).toThrow(refusal(/a function for change/));
    expect(() => data.map(({ pixels }) => pixels, { shape: [1, 2] as never })).toThrow(refusal(/shape/));
  });
});
