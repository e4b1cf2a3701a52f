/** Computes the mean that is subtracted from pixels and the scale that they are multiplied by, over a whole training set. */
import { types } from 'node:util';
import { invalid, type Range } from '../errors';
import { anyOf, type Field, instance, numberWithin, oneOf, optional } from '../options/field';
import { Options } from '../options/options';
import { isArray } from '../options/values';
import { type ImageShape, type ImageSource, imageBytes, isSource, sourceField } from './source';

/** Options of the normalisation of pixels, (pixel - mean) * scale. */
export interface StatisticsOptions {
  /** "channel" (default): one mean per channel. "pixel": one per pixel and channel, that is a mean image. */
  per?: 'channel' | 'pixel';
  /**
   * The scale after the subtraction. "deviation" (default): 1 / standard deviation of the channel. "none": 1, so pixels stay in
   * units of 0 to 255. A number (above 0, up to 1e6): this number.
   */
  scale?: 'deviation' | 'none' | number;
}

/** Means that can be subtracted: the values of StatisticsOptions.per. */
export const meanKinds = ['channel', 'pixel'] as const;
/** The defaults of StatisticsOptions. */
export const statisticsDefaults = { per: 'channel', scale: 'deviation' } as const satisfies StatisticsOptions;
/** Limits of a number as StatisticsOptions.scale, of which 0 itself is refused. */
const scaleRange: Range = [0, 1e6];

/** Statistics of the pixels of a data set, in units of 0 to 255. */
export interface Statistics {
  /** The mean, of shape meanShape, row-major. */
  readonly mean: Float32Array;
  /** [channels], or [height, width, channels] for a mean per pixel. */
  readonly meanShape: readonly number[];
  /** Standard deviation per channel, `[channels]`, after the mean is subtracted. 1 for a channel without any variation. */
  readonly deviation: Float32Array;
  /** Factor on pixels minus mean, `[channels]`. */
  readonly scale: Float32Array;
  /** Shape of the images: [height, width, channels]. Absent if it is not known: weights of version 0.1.0 do not say it. */
  readonly imageShape?: ImageShape;
}

/** Accepts Statistics. */
export const knownStatisticsField: Field<Statistics> = instance<Statistics>(
  'the statistics of a data set, as statisticsOf() returns them,',
  ({ mean, scale, meanShape }) => types.isFloat32Array(mean) && types.isFloat32Array(scale) && isArray(meanShape),
);

/** Accepts a factor on pixels. */
export const factorField: Field<number> = numberWithin({ least: scaleRange[0], most: scaleRange[1], open: 'least' });

const scaleField: Field<NonNullable<StatisticsOptions['scale']>> = anyOf(
  '"deviation", "none" or a positive number up to 1000000',
  oneOf<'deviation' | 'none'>(['deviation', 'none']),
  factorField,
);

const statisticsOptions = new Options<StatisticsOptions>('statistics', {
  per: optional(oneOf(meanKinds, '"channel" or "pixel"')),
  scale: optional(scaleField),
});

/** Accepts StatisticsOptions. */
export const statisticsField: Field<StatisticsOptions> = statisticsOptions.nested();

/** Fills in the defaults. @throws ERR_INVALID_ARGUMENT */
export function checkStatisticsOptions(options: StatisticsOptions): Required<StatisticsOptions> {
  const { per = statisticsDefaults.per, scale = statisticsDefaults.scale } = statisticsOptions.check(options);
  return { per, scale };
}

/** Sums over images. Sums of bytes and of their squares are exact in doubles, so their differences lose no digits. */
export class StatisticsSums {
  readonly #shape: ImageShape;
  /** [height, width, channels] */
  readonly #sums: Float64Array;
  /** [channels] */
  readonly #squares: Float64Array;
  #count = 0;

  constructor(shape: ImageShape) {
    this.#shape = shape;
    this.#sums = new Float64Array(shape[0] * shape[1] * shape[2]);
    this.#squares = new Float64Array(shape[2]);
  }

  /** Adds whole images, [count, height, width, channels]. */
  add(images: Uint8Array): void {
    const sums = this.#sums;
    const channels = this.#shape[2];
    for (let begin = 0; begin < images.length; begin += sums.length) {
      for (let place = 0, channel = 0; place < sums.length; place++) {
        const value = images[begin + place]!;
        sums[place]! += value;
        this.#squares[channel]! += value * value;
        channel = channel + 1 === channels ? 0 : channel + 1;
      }
    }
    this.#count += images.length / sums.length;
  }

  result(options: StatisticsOptions = {}): Statistics {
    const { per, scale } = checkStatisticsOptions(options);
    const [height, width, channels] = this.#shape;
    const places = this.#sums.map((sum) => sum / this.#count);
    const means = new Float64Array(channels);
    const subtracted = new Float64Array(channels);
    places.forEach((mean, place) => {
      means[place % channels]! += mean / (height * width);
      subtracted[place % channels]! += (mean * mean) / (height * width);
    });
    const deviation = Float32Array.from(this.#squares, (squares, channel) => {
      const square = squares / (this.#count * height * width);
      const variance = square - (per === 'pixel' ? subtracted[channel]! : means[channel]! ** 2);
      // If all pixels are equal, rounding may leave a little more than 0.
      return variance > 1e-9 ? Math.sqrt(variance) : 1;
    });
    return {
      mean: Float32Array.from(per === 'pixel' ? places : means),
      meanShape: per === 'pixel' ? [height, width, channels] : [channels],
      deviation,
      imageShape: this.#shape,
      scale: deviation.map((value) => (scale === 'deviation' ? 1 / value : scale === 'none' ? 1 : scale)),
    };
  }
}

/** Most bytes that are read at once, if an image is not larger. */
const chunkBytes = 2 ** 24;

/**
 * Computes the mean, standard deviation and scale of all pixels of a source, which is read in pieces and need not fit in memory.
 * @throws ERR_INVALID_ARGUMENT; whatever source.read() throws
 */
export async function statisticsOf(source: ImageSource, options: StatisticsOptions = {}): Promise<Statistics> {
  const checked = checkStatisticsOptions(options);
  if (!isSource(source)) throw invalid('source', sourceField.expected, source);
  const sums = new StatisticsSums(source.shape);
  const size = imageBytes(source);
  const images = Math.min(source.count, Math.max(1, Math.floor(chunkBytes / size)));
  const target = new Uint8Array(images * size);
  for (let first = 0; first < source.count; first += images) {
    const length = Math.min(images, source.count - first);
    const part = target.subarray(0, length * size);
    await source.read(
      Int32Array.from({ length }, (_, index) => first + index),
      part,
    );
    sums.add(part);
  }
  return sums.result(checked);
}
