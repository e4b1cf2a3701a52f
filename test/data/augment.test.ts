/** The distribution of crops and mirrors, read from results: every pixel of the source holds its own position. */
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../lib/compile/evaluate';
import { augment } from '../../lib/ops/data';
import { constant, input } from '../../lib/tensor/tensor';
import { testSeed } from '../random';
import { cpu } from '../train/support';

/** Draws crops from 32x32 images whose two channels are the row and the column of each pixel. */
async function crops(count: number, step: number, random: boolean) {
  const image = Uint8Array.from({ length: 32 * 32 * 2 }, (_, at) => (at % 2 ? (at >> 1) % 32 : at >> 6));
  const inputs = {
    images: constant(image, [1, 32, 32, 2]),
    indices: constant(new Int32Array(count)),
    counter: input('counter', [2], { dtype: 'i32' }),
    mean: constant([0, 0]),
    inverseDeviation: constant([1, 1]),
  };
  const y = await evaluate(augment(inputs, { size: [28, 28], random }), {
    device: cpu(),
    inputs: { counter: Int32Array.of(testSeed, step) },
  });
  return Array.from({ length: count }, (_, n) => {
    const at = (row: number, column: number) => (n * 28 * 28 + row * 28 + column) * 2;
    const [top, first, last] = [y[at(0, 0)]!, y[at(0, 0) + 1]!, y[at(0, 27) + 1]!];
    expect(y[at(27, 0)]).toBe(top + 27);
    expect(Math.abs(first - last)).toBe(27);
    return { top, left: Math.min(first, last), mirror: first > last };
  });
}

/** Returns Pearson's chi-square statistic of the counts of values that should be equally frequent. */
function chiSquare(values: readonly number[], kinds: number): number {
  const expected = values.length / kinds;
  const counts = new Array<number>(kinds).fill(0);
  for (const value of values) counts[value]!++;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

test('random crops: offsets uniform over 0 to 4, mirrored half of the time, all independent, new in every step', async () => {
  const perStep = 4000;
  const drawn = [...(await crops(perStep, 0, true)), ...(await crops(perStep, 1, true))];
  // Quantiles of chi-square at 1 - 1e-6, which give a false alarm once in some hundred thousand runs.
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
  const joint = drawn.map(({ top, left, mirror }) => (top * 5 + left) * 2 + Number(mirror));
  expect(chiSquare(joint, 50)).toBeLessThan(113.5);
  // Independence between steps (the same position in the batch) and between neighbours within a batch.
  const later = joint.slice(perStep);
  expect(
    chiSquare(
      later.map((value, n) => Math.floor(value / 10) * 5 + Math.floor(joint[n]! / 10)),
      25,
    ),
  ).toBeLessThan(76);
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

describe('centre crops', () => {
  test('begin at 2, and are never mirrored', async () => {
    const drawn = await crops(50, 3, false);
    expect(drawn.every(({ top, left, mirror }) => top === 2 && left === 2 && !mirror)).toBe(true);
  });
});
