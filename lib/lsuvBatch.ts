/** The images that LSUV looks at, where a data set is given. */
import type { Dataset } from './data/dataset';
import type { Device } from './device';
import { checkInteger } from './errors';
import { evaluate } from './evaluate';
import { augment } from './ops/augment';
import { Philox, streams } from './random';
import { constant, input, sizeOf } from './tensor';

export interface BatchOptions {
  dataset: Dataset;
  /** Height, width and channels of the model's images. */
  inputShape: readonly [number, number, number];
  batch: number;
  seed: number;
  device?: Device | string;
}

/** `batch` images drawn without repetition, cropped at the centre and normalised as in evaluation. */
export async function batchOfImages(options: BatchOptions): Promise<Float32Array> {
  const { dataset, inputShape, batch, seed, device } = options;
  checkInteger('batch', batch, 1, dataset.count);
  const shape = [dataset.height, dataset.width, dataset.channels];
  const size = sizeOf(shape);
  const images = new Uint8Array(batch * size);
  const order = new Philox(seed, streams.lsuv).permutation(dataset.count);
  for (let row = 0; row < batch; row++) {
    images.set(dataset.images.subarray(order[row]! * size, (order[row]! + 1) * size), row * size);
  }
  const { mean, deviation } = dataset.statistics();
  const [height, width] = inputShape;
  const normalized = augment(
    {
      images: input('images', [batch, ...shape], { dtype: 'u8' }),
      indices: constant(Int32Array.from({ length: batch }, (_, row) => row)),
      counter: constant(Int32Array.of(seed, 0)),
      mean: constant(mean),
      inverseDeviation: constant(deviation.map((value) => 1 / value)),
    },
    { size: [height, width], random: false },
  );
  return (await evaluate(normalized, { device, inputs: { images } })) as Float32Array;
}
