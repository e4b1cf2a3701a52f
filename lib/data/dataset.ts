import { invalid, SaturnnError } from '../errors';

/** CIFAR-100's official binary layout: coarse label, fine label, then the pixels, channel by channel. */
export const record = { labels: 2, height: 32, width: 32, channels: 3, bytes: 2 + 3 * 32 * 32 } as const;
const plane = record.height * record.width;

/** Per channel, over all pixels of all images, in units of 0..255. */
export interface Statistics {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

/** Labelled images in memory, in the order of the API: [count, height, width, channels], bytes. */
export class Dataset {
  readonly height = record.height;
  readonly width = record.width;
  readonly channels = record.channels;

  private constructor(
    readonly images: Uint8Array,
    readonly labels: Int32Array,
    readonly classes: number,
  ) {}

  get count(): number {
    return this.labels.length;
  }

  /**
   * Reads records of the official layout; the fine label counts. `source` names them in errors.
   * @throws ERR_DATA for a broken length or a label out of range, naming the record
   */
  static fromRecords(bytes: Uint8Array, { classes = 100, source = 'records' } = {}): Dataset {
    const count = bytes.length / record.bytes;
    if (count === 0 || !Number.isInteger(count)) {
      const expected = `a positive multiple of ${record.bytes} bytes`;
      throw new SaturnnError('ERR_DATA', `Expected ${expected} in ${source} but received ${bytes.length}`);
    }
    const images = new Uint8Array(count * plane * record.channels);
    const labels = new Int32Array(count);
    for (let index = 0; index < count; index++) {
      const at = index * record.bytes;
      const label = bytes[at + 1]!;
      if (label >= classes) {
        const expected = `a fine label from 0 to ${classes - 1}`;
        throw new SaturnnError(
          'ERR_DATA',
          `Expected ${expected} in record ${index} of ${source} but received ${label}`,
        );
      }
      labels[index] = label;
      interleave(bytes.subarray(at + record.labels, at + record.bytes), images, index * plane * record.channels);
    }
    return new Dataset(images, labels, classes);
  }

  /** The first `count` images, or all if there are fewer. Shares memory. */
  take(count: number): Dataset {
    if (!(Number.isInteger(count) && count > 0)) throw invalid('limit', 'a positive integer', count);
    const imageBytes = plane * record.channels;
    return new Dataset(this.images.subarray(0, count * imageBytes), this.labels.subarray(0, count), this.classes);
  }

  /** Mean and deviation of each channel. A channel without any variation gets deviation 1. */
  statistics(): Statistics {
    const { images, channels } = this;
    const mean = new Float32Array(channels);
    const deviation = new Float32Array(channels);
    const pixels = images.length / channels;
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      let squares = 0;
      for (let at = channel; at < images.length; at += channels) {
        const value = images[at]!;
        sum += value;
        squares += value * value;
      }
      // Sums of bytes and their squares are exact in doubles, so nothing cancels badly.
      mean[channel] = sum / pixels;
      deviation[channel] = Math.sqrt(Math.max(0, squares / pixels - (sum / pixels) ** 2)) || 1;
    }
    return { mean, deviation };
  }
}

/** Planes of channels to channels side by side. */
function interleave(planes: Uint8Array, images: Uint8Array, offset: number): void {
  for (let channel = 0; channel < record.channels; channel++) {
    for (let pixel = 0; pixel < plane; pixel++) {
      images[offset + pixel * record.channels + channel] = planes[channel * plane + pixel]!;
    }
  }
}
