/** Targets and weights of images: every source that is made of others keeps them. */
import { expect, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset';
import { firstOf, Subset } from '../../lib/data/source';
import { splitValidation } from '../../lib/data/validation';
import { describeSource } from '../../lib/train/checkpoint/checkpointInfo';

const shape = [1, 1, 1] as const;
const values = Float32Array.from({ length: 12 }, (_, i) => i / 4);
const targets = { values, width: 2 };
const weights = Float32Array.of(1, 2, 3, 4, 5, 0);
const images = Uint8Array.of(0, 1, 2, 3, 4, 5);
const data = Dataset.from({ images, labels: [0, 1, 0, 1, 0, 1], shape, targets, weights });

/** The targets, and weights, that these images have: they are numbered by their pixel. */
const expected = (numbers: readonly number[]) => ({
  targets: {
    values: Float32Array.from(
      numbers.flatMap((n) => [2 * n, 2 * n + 1]),
      (i) => values[i]!,
    ),
    width: 2,
  },
  weights: Float32Array.from(numbers, (n) => weights[n]!),
});

test('parts and copies have the targets and weights of their images', () => {
  const { train, test: part } = data.split(0.5, { seed: 3 });
  for (const each of [
    train,
    part,
    data.take(4),
    data.subset([5, 0, 0]),
    data.named(['a', 'b']),
    data.map(({ pixels }) => pixels),
  ])
    expect(each).toMatchObject(expected([...each.images]));
  expect(new Subset(data, Int32Array.of(3, 1))).toMatchObject(expected([3, 1]));
  expect(firstOf(data, 2)).toMatchObject(expected([0, 1]));
  expect(data.concat(data.take(2))).toMatchObject(expected([0, 1, 2, 3, 4, 5, 0, 1]));
  expect(splitValidation(data, { share: 0.4 }).validation.targets).not.toBeNull();
});

test('they are copied, and absent if they are not given', () => {
  const own = { values: values.slice(), width: 2 };
  const made = Dataset.from({ images, shape, targets: own });
  own.values[0] = 7;
  expect(made.targets!.values[0]).toBe(0);
  expect(Dataset.from({ images, labels: new Int32Array(6), shape })).toMatchObject({ targets: null, weights: null });
});

test('without labels, an image has that of its largest target', () => {
  const made = Dataset.from({
    images: images.subarray(3),
    shape,
    targets: { values: Float32Array.of(0, 1, 1, 0, 2, 2), width: 2 },
  });
  expect([...made.labels]).toEqual([1, 0, 0]);
  expect(made.classes).toBe(2);
});

test('wrong ones are refused', () => {
  const from = (more: object) => () => Dataset.from({ images, labels: new Int32Array(6), shape, ...more });
  expect(from({ targets: { values, width: 5 } })).toThrow('Expected 30 numbers (5 for each image) for targets.values');
  expect(from({ targets: { values: [1], width: 1 } })).toThrow('a Float32Array [count, width]');
  expect(from({ targets: { values: values.with(7, Number.NaN), width: 2 } })).toThrow('targets.values[7]');
  expect(from({ weights: weights.with(2, -1) })).toThrow('Expected a finite number of at least 0 for weights[2]');
  expect(from({ weights: weights.subarray(1) })).toThrow('Expected 6 numbers, one per image for weights');
  expect(() => Dataset.from({ images, shape } as never)).toThrow('(or targets) for labels');
  const plain = Dataset.from({ images, labels: data.labels, shape });
  expect(() => data.concat(plain)).toThrow('width of the targets of others[0]');
});

test('the fingerprint of a data set contains them, and is as before without', async () => {
  const plain = { images, labels: data.labels, shape };
  const of = async (more: object) => (await describeSource(Dataset.from({ ...plain, ...more }))).content;
  const all = await Promise.all([of({}), of({ targets }), of({ weights }), of({ targets, weights })]);
  expect(new Set(all).size).toBe(4);
  expect(await describeSource(data)).toMatchObject({ targets: 2, weights: true });
  expect(Object.keys(await describeSource(Dataset.from(plain)))).toEqual(['count', 'shape', 'classes', 'content']);
});
