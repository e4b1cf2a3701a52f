/** The distribution of what is drawn for an image. */
import { describe, expect, test } from 'vitest';
import * as kinds from '../../../lib/data/augmentation/kinds';
import { augmenterOf, batchOf, range, rowsOf } from './support';

/** Returns Pearson's chi-square statistic of the counts of values that should be equally frequent. */
function chiSquare(values: readonly number[], kinds: number): number {
  const expected = values.length / kinds;
  const counts = new Array<number>(kinds).fill(0);
  for (const value of values) counts[value]!++;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Reads crop and mirror from the table of 28x28 windows of 32x32 pixels. */
function crops(epoch: number) {
  const augmenter = augmenterOf({ augmentation: kinds.paperAugmentation });
  return rowsOf(augmenter.tables(epoch, batchOf(range(4000))).places, 6).map(([a, b, top, d, e, left]) => {
    expect([a, b, d, Math.abs(e!)]).toEqual([1, 0, 0, 1]);
    const mirror = e === -1;
    return { top: top!, left: mirror ? left! - 27 : left!, mirror };
  });
}

// Quantiles of chi-square at 1 - 1e-6, which give a false alarm once in some hundred thousand runs.
test("the paper's: offsets uniform over 0 to 4, mirrored half of the time, all independent, new in every epoch", () => {
  const perEpoch = 4000;
  const drawn = [...crops(0), ...crops(1)];
  const joint = drawn.map(({ top, left, mirror }) => (top * 5 + left) * 2 + Number(mirror));
  expect(
    chiSquare(
      drawn.map(({ top }) => top),
      5,
    ),
  ).toBeLessThan(33.4);
  expect(
    chiSquare(
      drawn.map(({ left }) => left),
      5,
    ),
  ).toBeLessThan(33.4);
  expect(
    chiSquare(
      drawn.map(({ mirror }) => Number(mirror)),
      2,
    ),
  ).toBeLessThan(23.9);
  expect(chiSquare(joint, 50)).toBeLessThan(113.5);
  // Independence between epochs (the same image) and between neighbours.
  const later = joint.slice(perEpoch);
  const pairs = later.map((value, n) => Math.floor(value / 10) * 5 + Math.floor(joint[n]! / 10));
  expect(chiSquare(pairs, 25)).toBeLessThan(76);
  expect(
    chiSquare(
      later.map((value, n) => (value % 2) * 2 + (joint[n]! % 2)),
      4,
    ),
  ).toBeLessThan(31);
  expect(
    chiSquare(
      joint.slice(1).map((value, n) => (value % 2) * 2 + (joint[n]! % 2)),
      4,
    ),
  ).toBeLessThan(31);
});

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('a crop with padding reaches as far beyond the image as it is padded', () => {
  const augmenter = augmenterOf({ augmentation: [kinds.crop({ padding: 4 })], size: [32, 32] });
  const rows = rowsOf(augmenter.tables(0, batchOf(range(2000))).places, 6);
  const tops = rows.map(([, , top]) => top! + 4);
  expect([Math.min(...tops), Math.max(...tops)]).toEqual([0, 8]);
  expect(chiSquare(tops, 9)).toBeLessThan(43);
});

test('resized crops have areas and ratios within their limits, and lie within the image', () => {
  const augmentation = [kinds.resizedCrop({ leastArea: 0.2, mostArea: 0.6 })];
  const augmenter = augmenterOf({ augmentation, stored: [100, 80, 3] });
  for (const [a, , c, , e, f] of rowsOf(augmenter.tables(3, batchOf(range(500))).places, 6)) {
    const [height, width] = [a! * 28, e! * 28];
    const [top, left] = [c! + 0.5 - a! / 2, f! + 0.5 - e! / 2];
    for (const value of [height, width, top, left]) expect(value).toBeCloseTo(Math.round(value), 3);
    expect(Math.min(top, left)).toBeGreaterThan(-0.001);
    expect([top + height <= 100.001, left + width <= 80.001]).toEqual([true, true]);
    // Sides are rounded to whole pixels.
    expect((height * width) / 8000).toBeGreaterThan(0.19);
    expect((height * width) / 8000).toBeLessThan(0.62);
    expect(width / height).toBeGreaterThan(0.72);
    expect(width / height).toBeLessThan(1.39);
  }
});

test('a resized crop that fits nowhere is the largest of the nearest ratio', () => {
  const augmentation = [kinds.resizedCrop({ leastArea: 1, mostArea: 1, leastRatio: 1, mostRatio: 1 })];
  const augmenter = augmenterOf({ augmentation, stored: [40, 60, 3] });
  const [[a, , , , e, f]] = rowsOf(augmenter.tables(0, batchOf([0])).places, 6) as [number[]];
  expect([a! * 28, e! * 28]).toEqual([expect.closeTo(40, 3), expect.closeTo(40, 3)]);
  expect(f! + 0.5 - e! / 2).toBeCloseTo(10, 3);
});

test('rotations are uniform up to their angle, around the centre', () => {
  const augmenter = augmenterOf({ augmentation: [kinds.rotation({ degrees: 30 })], stored: [28, 28, 3] });
  const rows = rowsOf(augmenter.tables(0, batchOf(range(1000))).places, 6);
  const angles = rows.map(([a, b]) => (Math.atan2(b!, a!) * 180) / Math.PI);
  expect(angles.every((angle) => Math.abs(angle) <= 30)).toBe(true);
  // Five times the standard error of the mean and of the mean square of a uniform distribution.
  expect(Math.abs(mean(angles))).toBeLessThan(2.8);
  expect(Math.abs(mean(angles.map((angle) => angle ** 2)) - 300)).toBeLessThan(43);
  for (const [a, b, c, d, e, f] of rows) {
    expect(a! * 13.5 + b! * 13.5 + c!).toBeCloseTo(13.5, 4);
    expect(d! * 13.5 + e! * 13.5 + f!).toBeCloseTo(13.5, 4);
  }
});

test('colours change within their limits', () => {
  const augmenter = augmenterOf({ augmentation: [kinds.colourJitter({ brightness: 0.3, contrast: 0, hue: 0.2 })] });
  const rows = rowsOf(augmenter.tables(0, batchOf(range(1000))).colours, 4);
  const spans = [0, 1, 2, 3].map((column) => {
    const values = rows.map((row) => row[column]!);
    return [Math.min(...values), Math.max(...values)];
  });
  const near = (value: number) => expect.closeTo(value, 1);
  expect(spans).toEqual([
    [near(0.7), near(1.3)],
    [1, 1],
    [near(0.6), near(1.4)],
    [near(-0.2), near(0.2)],
  ]);
});

describe('erasing', () => {
  test('fills rectangles within the image in a part of the images', () => {
    const augmenter = augmenterOf({ augmentation: [kinds.erasing({ probability: 0.25 })] });
    const rows = rowsOf(augmenter.tables(0, batchOf(range(4000))).erasures, 6);
    const areas = rows.map(([, , top, left, bottom, right]) => (bottom! - top!) * (right! - left!));
    const erased = areas.filter((area) => area > 0);
    expect(Math.abs(erased.length / 4000 - 0.25)).toBeLessThan(0.035);
    expect(rows.every(([partner, share]) => partner === -1 && share === 0)).toBe(true);
    expect(Math.max(...erased) / 784).toBeLessThan(0.37);
    expect(Math.abs(mean(erased) / 784 - 0.16)).toBeLessThan(0.03);
  });
});

describe('mixing', () => {
  const all = batchOf(range(4000));

  test('mixup: shares are Beta(alpha, alpha), partners are uniform, and labels have the shares of images', () => {
    for (const alpha of [0.2, 1, 4]) {
      const { mixes, shares, partnerLabels } = augmenterOf({ augmentation: [kinds.mixup({ alpha })] }).tables(0, all);
      const rows = rowsOf(mixes, 6);
      expect(rows.map(([, share]) => share)).toEqual([...shares!]);
      expect(rows.every(([, , ...rectangle]) => String(rectangle) === '0,0,28,28')).toBe(true);
      expect([...partnerLabels!]).toEqual(rows.map(([partner]) => partner! % 10));
      const variance = mean([...shares!].map((share) => (share - 0.5) ** 2));
      expect(Math.abs(mean([...shares!]) - 0.5)).toBeLessThan(0.04);
      expect(Math.abs(variance * 4 * (2 * alpha + 1) - 1)).toBeLessThan(0.2);
      expect(
        chiSquare(
          rows.map(([partner]) => Math.floor(partner! / 400)),
          10,
        ),
      ).toBeLessThan(50);
    }
  });

  test('cutmix: labels have the shares of the areas', () => {
    const { mixes, shares } = augmenterOf({ augmentation: [kinds.cutmix()] }).tables(0, all);
    rowsOf(mixes, 6).forEach(([, share, top, left, bottom, right], row) => {
      expect(share).toBe(0);
      expect(Math.min(top!, left!, 28 - bottom!, 28 - right!)).toBeGreaterThanOrEqual(0);
      expect(shares![row]).toBeCloseTo(1 - ((bottom! - top!) * (right! - left!)) / 784, 6);
    });
  });

  test('both: each image has one of the two', () => {
    const { mixes } = augmenterOf({ augmentation: [kinds.mixup({ alpha: 1 }), kinds.cutmix()] }).tables(0, all);
    const cut = rowsOf(mixes, 6).filter(([, share]) => share === 0).length;
    expect(Math.abs(cut - 2000)).toBeLessThan(160);
  });
});
