import { Augmenter, type AugmenterOptions } from '../../../lib/data/augmentation/augmenter';
import type { Batches } from '../../../lib/data/loader';
import { testSeed } from '../../random';

/** Makes an Augmenter of images of 32x32x3 for a network of 28x28, with labels 0, 1, 2, ... */
export const augmenterOf = (options: Partial<AugmenterOptions>): Augmenter =>
  new Augmenter({
    augmentation: [],
    seed: testSeed % 2 ** 31,
    stored: [32, 32, 3],
    size: [28, 28],
    labels: Int32Array.from({ length: 10_000 }, (_, index) => index % 10),
    ...options,
  });

/** One batch of these images. */
export const batchOf = (indices: readonly number[]): Batches => ({
  steps: 1,
  indices: Int32Array.from(indices),
  labels: Int32Array.from(indices, (index) => index % 10),
  rows: [indices.length],
});

/** The numbers from 0 to count - 1. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Returns the rows of a table. */
export const rowsOf = (table: Float32Array | undefined, columns: number): number[][] =>
  range(table!.length / columns).map((row) => [...table!.subarray(row * columns, (row + 1) * columns)]);
