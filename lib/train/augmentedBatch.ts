import type { AugmentationTable } from '../data/augmentation/augmenter';
import type { Statistics } from '../data/statistics';
import { augment, colourColumns, mix, mixColumns, placeColumns } from '../ops/augmentation';
import { constant, input, type Tensor } from '../tensor/tensor';

/** The images of a step, and what it does with them. */
export interface BatchOptions {
  /** Pixel statistics of the training set, which normalise all images. */
  readonly statistics: Statistics;
  /** Shape of the input `images`, from which each step takes rows: [count, height, width, channels]. */
  readonly images: readonly number[];
  /** Images per step. */
  readonly batch: number;
  /** Height and width that the network reads. */
  readonly size: readonly [number, number];
  /** The tables of augmentation. Without `places`, images are cropped at the centre. */
  readonly tables: readonly AugmentationTable[];
}

/**
 * Makes the images of a step, augmented and normalised: [batch, height, width, channels]. Inputs: images (u8), indices (i32
 * [batch], rows of images), and those of places, colours, erasures and mixes that are among the tables.
 */
export function augmentedBatch({ statistics, images, batch, size, tables }: BatchOptions): Tensor {
  const table = (name: AugmentationTable, columns: number) =>
    tables.includes(name) ? input(name, [batch, columns]) : undefined;
  const [places, colours] = [table('places', placeColumns), table('colours', colourColumns)];
  const placed = augment(
    {
      images: input('images', images, { dtype: 'u8' }),
      indices: input('indices', [batch], { dtype: 'i32' }),
      ...(places && { places }),
      ...(colours && { colours }),
      mean: constant(statistics.mean, statistics.meanShape),
      inverseDeviation: constant(statistics.scale),
    },
    { size },
  );
  const [erasures, mixes] = [table('erasures', mixColumns), table('mixes', mixColumns)];
  const erased = erasures ? mix(placed, erasures, { name: 'erasing' }) : placed;
  return mixes ? mix(erased, mixes, { name: 'mixing' }) : erased;
}
