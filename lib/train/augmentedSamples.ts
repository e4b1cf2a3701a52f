/** Draws images as a network sees them in training: augmented, but not normalised. */
import { evaluate } from '../compile/evaluate';
import { Augmenter } from '../data/augmentation/augmenter';
import type { Augmentation } from '../data/augmentation/kinds';
import { type ImageSource, imageBytes } from '../data/source';
import type { Device } from '../runtime/device';
import { augmentedBatch } from './augmentedBatch';

/** Options of augmentedSamples(). */
export interface SamplesOptions {
  readonly augmentation: readonly Augmentation[];
  readonly seed: number;
  /** Height and width that the network reads. */
  readonly size: readonly [number, number];
  /** Mean of each channel, which fills what lies outside of an image: [channels]. */
  readonly mean: Float32Array;
  readonly device: Device | string;
}

/**
 * Returns all images of a source as one batch of epoch number `epoch` (from 0): bytes, [count, height, width, channels].
 * @throws ERR_INVALID_ARGUMENT for an augmentation that does not fit the images
 */
export async function augmentedSamples(
  source: ImageSource,
  epoch: number,
  { augmentation, seed, size, mean, device }: SamplesOptions,
): Promise<Uint8Array> {
  const { count, shape: stored, labels } = source;
  const augmenter = new Augmenter({ augmentation, seed, stored, size, labels });
  const images = new Uint8Array(count * imageBytes(source));
  const indices = Int32Array.from({ length: count }, (_, index) => index);
  await source.read(indices, images);
  const channels = stored[2];
  const plain = { mean, meanShape: [channels], scale: new Float32Array(channels).fill(1), deviation: mean };
  const y = augmentedBatch({
    ...{ statistics: plain, images: [count, ...stored], batch: count, size },
    tables: augmenter.names,
  });
  const { shares, partnerLabels, ...tables } = augmenter.tables(epoch, { steps: 1, indices, labels, rows: [count] });
  const pixels = (await evaluate(y, { device, inputs: { images, indices, ...tables } })) as Float32Array;
  return Uint8Array.from(pixels, (value, i) => Math.min(255, Math.max(0, Math.round(value + mean[i % channels]!))));
}
