/** Draws the batch of images that LSUV measures variances on, from a data set. */

import { evaluate } from '../compile/evaluate';
import { type ImageSource, imageBytes } from '../data/source';
import { type StatisticsOptions, statisticsOf } from '../data/statistics';
import { checkInteger } from '../errors';
import { augment } from '../ops/augmentation';
import { Philox, streams } from '../random';
import type { Device } from '../runtime/device';
import { constant, input } from '../tensor/tensor';

/** Options of batchOfImages(). */
export interface BatchOptions {
  dataset: ImageSource;
  /** Normalisation of the pixels. Default: by mean and standard deviation per channel. */
  statistics?: StatisticsOptions;
  /** Height, width and channels of the model's images. */
  inputShape: readonly [number, number, number];
  batch: number;
  seed: number;
  device?: Device | string;
}

/**
 * Draws `batch` different images, cropped at the centre and normalised as in evaluation.
 * @returns [batch, height, width, channels] of the model's input
 */
export async function batchOfImages(options: BatchOptions): Promise<Float32Array> {
  const { dataset, inputShape, batch, seed, device } = options;
  checkInteger('batch', batch, 1, dataset.count);
  const { mean, meanShape, scale } = await statisticsOf(dataset, options.statistics);
  const images = new Uint8Array(batch * imageBytes(dataset));
  await dataset.read(new Philox(seed, streams.lsuv).permutation(dataset.count).subarray(0, batch), images);
  const [height, width] = inputShape;
  const normalized = augment(
    {
      images: input('images', [batch, ...dataset.shape], { dtype: 'u8' }),
      indices: constant(Int32Array.from({ length: batch }, (_, row) => row)),
      mean: constant(mean, meanShape),
      inverseDeviation: constant(scale),
    },
    { size: [height, width] },
  );
  return (await evaluate(normalized, { device, inputs: { images } })) as Float32Array;
}
