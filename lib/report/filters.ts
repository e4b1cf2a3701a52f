/** Draws the filters of a convolution. */
import { invalid } from '../errors';
import { anyArray, floats } from '../options/field';
import { Options } from '../options/options';
import { checkShape } from '../tensor/tensor';
import { emptyPicture, type Picture } from './picture';

/** The weights of a convolution. */
export interface FilterWeights {
  /** [filters, kernel height, kernel width, channels], row-major. */
  readonly values: Float32Array;
  /** Shape of the values: four dimensions. */
  readonly shape: readonly number[];
}

const filterOptions = new Options<FilterWeights>(
  'drawFilters()',
  { values: floats, shape: anyArray('[filters, kernel height, kernel width, channels]') },
  { argument: 'weights' },
);

/** Most filters of three channels that are drawn, each as a square in colour. */
const mostInColour = 1024;
/** Most filters, and most channels of each, that are drawn in grey. */
const mostInGrey = 64;
/** Pixels of the larger side of a filter, at least. */
const leastSide = 24;
/** Pixels between squares. */
const gap = 2;

/** What drawFilters() has drawn. */
export interface DrawnFilters extends Picture {
  /** The number of filters in the picture, which are the first ones. */
  readonly filters: number;
  /** The number of channels of each filter in the picture, which are the first ones. */
  readonly channels: number;
}

/**
 * Draws the filters of a convolution on white. Filters of three channels, as those of a first layer, are squares in colour, in rows from
 * left to right (at most 1024). Of others, each filter is a row with a grey square for each channel (at most 64 of both). Grey is a weight
 * of 0; the largest weight of a filter, or its negative, is as bright or dark as can be.
 * @param weights as State.read() and readSafetensors() give them
 * @returns a picture in red, green and blue, for encodePng(), and how much of the filters it shows
 * @throws ERR_INVALID_ARGUMENT
 */
export function drawFilters(weights: FilterWeights): DrawnFilters {
  const { values, shape } = filterOptions.check(weights);
  const [count, height, width, depth] = checkShape('shape of weights', shape) as [number, number, number, number];
  if (depth === undefined) throw invalid('shape of weights', 'four dimensions', [...shape]);
  const size = count * height * width * depth;
  if (values.length !== size) throw invalid('values of weights', `${size} numbers`, values.length);
  const isColour = depth === 3;
  const filters = Math.min(count, isColour ? mostInColour : mostInGrey);
  const channels = isColour ? 3 : Math.min(depth, mostInGrey);
  const columns = isColour ? Math.ceil(Math.sqrt(filters)) : channels;
  const rows = isColour ? Math.ceil(filters / columns) : filters;
  const scale = Math.max(1, Math.ceil(leastSide / Math.max(height, width)));
  const [tall, wide] = [height * scale + gap, width * scale + gap];
  const picture = emptyPicture(rows * tall + gap, columns * wide + gap);
  picture.pixels.fill(255);
  const filterSize = height * width * depth;
  for (let filter = 0; filter < filters; filter++) {
    const own = values.subarray(filter * filterSize, (filter + 1) * filterSize);
    const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const brightness = (weight: number) => (largest > 0 ? Math.round(127.5 + (127.5 * weight) / largest) : 128);
    const squares = isColour ? [0] : Array.from({ length: channels }, (_, channel) => channel);
    for (const channel of squares) {
      const row = isColour ? Math.floor(filter / columns) : filter;
      const column = isColour ? filter % columns : channel;
      for (let y = 0; y < height * scale; y++) {
        for (let x = 0; x < width * scale; x++) {
          const weight = (Math.floor(y / scale) * width + Math.floor(x / scale)) * depth;
          const pixel = ((gap + row * tall + y) * picture.shape[1] + gap + column * wide + x) * 3;
          for (let c = 0; c < 3; c++) picture.pixels[pixel + c] = brightness(own[weight + (isColour ? c : channel)]!);
        }
      }
    }
  }
  return { ...picture, filters, channels };
}
