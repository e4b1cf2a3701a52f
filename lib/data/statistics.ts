/** What is subtracted from pixels, and what they are multiplied with, from sums over a whole training set. */
import { checkNumber, checkOptions, invalid, type Range } from '../errors';
import { type ImageShape, type ImageSource, imageBytes } from './source';

export interface StatisticsOptions {
  /** The mean: of each channel over all places (default), or of each place too, a mean image. */
  per?: 'channel' | 'pixel';
  /**
   * What follows the subtraction: "deviation" (default) divides each channel by its deviation; "none" keeps units of
   * 0..255; a number multiplies.
   */
  scale?: 'deviation' | 'none' | number;
}

/** Means that can be subtracted: the values of StatisticsOptions.per. */
export const meanKinds = ['channel', 'pixel'] as const;
/** The defaults of StatisticsOptions. */
export const statisticsDefaults = { per: 'channel', scale: 'deviation' } as const satisfies StatisticsOptions;
/** Limits of a number as StatisticsOptions.scale, of which 0 itself is refused. */
export const scaleRange: Range = [0, 1e6];

/** In units of 0..255. */
export interface Statistics {
  /** [channels]; per pixel: [height, width, channels]. */
  readonly mean: Float32Array;
  readonly meanShape: readonly number[];
  /** `[channels]`: of what is left after the mean is subtracted. A channel without any variation gets 1. */
  readonly deviation: Float32Array;
  /** `[channels]`: what pixels minus the mean are multiplied with. */
  readonly scale: Float32Array;
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkStatisticsOptions(options: StatisticsOptions): Required<StatisticsOptions> {
  const { per = statisticsDefaults.per, scale = statisticsDefaults.scale } = checkOptions('{ per, scale }', options);
  if (!meanKinds.includes(per)) throw invalid('per', '"channel" or "pixel"', per);
  if (typeof scale === 'string') {
    if (scale !== 'deviation' && scale !== 'none') throw invalid('scale', '"deviation", "none" or a number', scale);
  } else if (checkNumber('scale', scale, ...scaleRange) === 0) throw invalid('scale', 'a positive number', scale);
  return { per, scale };
}

/** Sums of bytes and of their squares are exact in doubles, so nothing cancels badly. */
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

  /** Whole images. */
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
      // Where every pixel is the same, rounding may leave a little.
      return variance > 1e-9 ? Math.sqrt(variance) : 1;
    });
    return {
      mean: Float32Array.from(per === 'pixel' ? places : means),
      meanShape: per === 'pixel' ? [height, width, channels] : [channels],
      deviation,
      scale: deviation.map((value) => (scale === 'deviation' ? 1 / value : scale === 'none' ? 1 : scale)),
    };
  }
}

/** Bytes that are read at once. */
const chunkBytes = 2 ** 24;

/** The statistics of a source that need not fit in memory. */
export async function statisticsOf(source: ImageSource, options: StatisticsOptions = {}): Promise<Statistics> {
  checkStatisticsOptions(options);
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
  return sums.result(options);
}
