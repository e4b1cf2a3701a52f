/** Weights of classes: a rare class is found more often, and weights of 1 change no bit. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Augmenter } from '../../lib/data/augmentation/augmenter';
import { Dataset } from '../../lib/data/dataset';
import { readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import { type ClassWeights, classWeightsOf } from '../../lib/train/classWeights';
import { usualLoss } from '../../lib/train/loss/loss';
import { rowInputs } from '../../lib/train/rowInputs';
import type { Trainer } from '../../lib/train/trainer';
import { TestRandom } from '../random';
import { temporaryFolder } from '../temporary';
import { smallData, snapshot, trainersWith } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();
const trainer = trainersWith(() => ({ model: tinyModel(), learningRate: 0.01 }));
const bits = async ({ state }: Trainer) => (await snapshot(state)).toString('hex');

describe('classWeightsOf()', () => {
  const labels = Int32Array.of(0, 0, 0, 0, 0, 0, 2, 2);

  test('balanced gives every class with images the same share, and 0 to others', () => {
    expect([...classWeightsOf('balanced', labels, 4)]).toEqual([Math.fround(8 / 2 / 6), 0, 2, 0]);
  });

  test('takes a number per class, in the order of the classes', () => {
    expect([...classWeightsOf([0.5, 3, 0], labels, 3)]).toEqual([0.5, 3, 0]);
  });

  test('refuses weights of other classes, or of none with images', () => {
    expect(() => classWeightsOf([1, 1], labels, 3)).toThrow(
      'Expected 3 numbers, one per class, for classWeights but received 2',
    );
    expect(() => classWeightsOf([0, 1, 0], labels, 3)).toThrow('a number above 0 for a class that has images');
  });

  test('a Trainer refuses a number that is no weight', () => {
    const refused = (classWeights: unknown) => () => trainer({ classWeights: classWeights as ClassWeights });
    const weights = new Array(100).fill(1);
    expect(refused(weights.with(3, -1))).toThrow(/from 0 to 1000000 for classWeights\[3\].*-1/);
    expect(refused(weights.with(99, Number.NaN))).toThrow(/for classWeights\[99\].*NaN/);
    expect(refused('even')).toThrow('Expected "balanced" or an array of one number per class for classWeights');
  });
});

test('a row has the weight of its class; a row that fills up a batch has 0', () => {
  const batches = { steps: 1, indices: Int32Array.of(0, 1, 2), labels: Int32Array.of(1, 0, -1), rows: [2] };
  const labels = Int32Array.of(1, 0, 1);
  const augmenter = new Augmenter({ augmentation: [], seed: 0, stored: [4, 4, 3], size: [4, 4], labels });
  const images = new Uint8Array(3 * 48);
  const train = Dataset.from({ images, labels, shape: [4, 4, 3] });
  const weighted = Dataset.from({ images, labels, shape: [4, 4, 3], weights: Float32Array.of(0.5, 0, 7) });
  const weights = (weightsByClass: Float32Array | null, of = train) =>
    rowInputs({ weightsByClass, augmenter, train: of, loss: usualLoss }, 0, batches);
  expect(weights(Float32Array.of(2, 3))).toEqual({ weights: Float32Array.of(3, 2, 0) });
  expect(weights(null)).toEqual({});
  expect(weights(null, weighted)).toEqual({ weights: Float32Array.of(0.5, 0, 0) });
  expect(weights(Float32Array.of(2, 3), weighted)).toEqual({ weights: Float32Array.of(1.5, 0, 0) });
});

test('weights of 1 give the bits of no weights', async () => {
  const data = smallData(40, 20);
  const [without, ones, others] = [undefined, new Array(100).fill(1), new Array(100).fill(2)].map((classWeights) =>
    trainer({ ...data, classWeights, labelSmoothing: 0.1 }),
  ) as [Trainer, Trainer, Trainer];
  for (const each of [without, ones, others]) await each.fit({ steps: 4 });
  expect(await bits(ones)).toBe(await bits(without));
  expect(await bits(others)).not.toBe(await bits(without));
});

test('a resumed run has the same weights, or is asked to change them', async () => {
  const path = join(folder, 'weighted');
  const whole = trainer({ classWeights: 'balanced' });
  await whole.fit({ steps: 2 });
  await whole.save(path);
  expect((await readCheckpoint(path)).info.settings.classWeights).toBe('balanced');
  await whole.fit({ steps: 3 });
  const resumed = trainer({ classWeights: 'balanced' });
  await resumed.restore(path);
  await resumed.fit({ steps: 3 });
  expect(await bits(resumed)).toBe(await bits(whole));
  const without = trainer();
  await expect(without.restore(path)).rejects.toThrow('classWeights is balanced there and absent here');
  await without.restore(path, { change: ['classWeights'] });
  expect(without.changes).toMatchObject([{ changed: [{ name: 'classWeights', from: 'balanced', to: null }] }]);
});

/** Draws `count` grey images of each class: their brightness is normal around 110 or 150, so that the classes overlap. */
function images(counts: readonly [number, number], seed: number): Dataset {
  const random = new TestRandom(seed);
  const labels = counts.flatMap((count, label) => new Array<number>(count).fill(label));
  const pixels = labels.flatMap((label) =>
    new Array<number>(28 * 28 * 3).fill(110 + 40 * label + 30 * random.gaussian()),
  );
  return Dataset.from({ images: Uint8ClampedArray.from(pixels), labels, shape: [28, 28, 3], classes: 2 });
}

test('balanced weights find most images of a class that has 6% of the images', async () => {
  const train = images([235, 15], 1);
  const rare = images([0, 100], 2);
  const recall = async (classWeights?: ClassWeights) => {
    const made = trainer({ model: tinyModel(), train, test: rare, classWeights, learningRate: 0.1 });
    const { testAccuracy } = await made.fit({ epochs: 6 });
    return testAccuracy;
  };
  expect(await recall()).toBeLessThan(0.4);
  expect(await recall('balanced')).toBeGreaterThan(0.6);
});
