/** An array of any shape that was read from a file, and how its numbers become pixels or labels. */
import { SaturnnError, show } from '../../errors';
import { allocateBytes } from '../../files/read';
import { type PixelRange, pixelRanges, toByteRange } from '../givenPixels';
import type { ImageShape } from '../source';

/** Numbers of a file, in the machine's order of bytes. */
export type FileNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** An array of a file: numbers or texts, row-major. */
export interface FileArray {
  /** Names the array in errors: the path of its file. */
  readonly source: string;
  readonly shape: readonly number[];
  readonly data: FileNumbers | readonly string[];
}

/** Order of the dimensions of images with channels: "NHWC" [count, height, width, channels] or "NCHW" [count, channels, height, width]. */
export type ArrayLayout = 'NHWC' | 'NCHW';
/** The values of ArrayLayout; the first is the default. */
export const arrayLayouts: readonly [ArrayLayout, ...ArrayLayout[]] = ['NHWC', 'NCHW'];

/** Options of pixelsOf(). */
export interface PixelsOptions {
  readonly range?: PixelRange;
  readonly layout?: ArrayLayout;
}

/** Most channels of an image. */
const mostChannels = 4;

const isText = (data: FileArray['data']): data is readonly string[] => Array.isArray(data);

/**
 * Returns images as bytes [count, height, width, channels]. [count, height, width] has one channel.
 * @throws ERR_DATA, with file and position, for another shape, numbers outside of 0 to 255, floats without range
 */
export function pixelsOf(
  array: FileArray,
  { range, layout = arrayLayouts[0] }: PixelsOptions = {},
): { bytes: Uint8Array; shape: ImageShape; count: number } {
  const { source, data } = array;
  const { count, shape } = imageShapeOf(array, layout);
  if (isText(data)) throw new SaturnnError('ERR_DATA', `Expected pixels in ${source} but found texts`);
  const bytes = toBytes(data, array, range);
  return { bytes: array.shape.length === 4 && layout === 'NCHW' ? channelsLast(bytes, shape) : bytes, count, shape };
}

function imageShapeOf({ source, shape }: FileArray, layout: ArrayLayout): { count: number; shape: ImageShape } {
  const found = shape.join('x');
  const expected = '[count, height, width] or [count, height, width, channels], with 1 to 4 channels,';
  const [count = 0, a = 0, b = 0, c = 1] = shape;
  const image: ImageShape = shape.length === 4 && layout === 'NCHW' ? [b, c, a] : [a, b, c];
  const fits = (shape.length === 3 || shape.length === 4) && image.every((size) => size > 0);
  if (fits && count > 0 && image[2] <= mostChannels) return { count, shape: image };
  const hint =
    fits && shape[1]! <= mostChannels && layout !== 'NCHW'
      ? ". Option layout: 'NCHW' (--pixel-layout NCHW) takes channels first"
      : '';
  throw new SaturnnError(
    'ERR_DATA',
    `Expected images ${expected} in ${source} but found the shape ${found || '[]'}${hint}`,
  );
}

function toBytes(data: FileNumbers, { source, shape }: FileArray, range: PixelRange | undefined): Uint8Array {
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  if (isFloat && range === undefined) {
    const choices = pixelRanges.map((name) => `"${name}"`).join(', ');
    throw new SaturnnError(
      'ERR_DATA',
      `The pixels of ${source} are floats: say their range by option range, --pixel-range on the command line (${choices})`,
    );
  }
  if (data instanceof Uint8Array) return data;
  const [factor, summand] = isFloat ? toByteRange[range!] : [1, 0];
  const bytes = allocateBytes(data.length, `The pixels of ${source}`);
  for (let index = 0; index < data.length; index++) {
    const byte = Math.floor(Number(data[index]) * factor + summand + 0.5);
    if (!(byte >= 0 && byte <= 255)) {
      const place = placeOf(index, shape);
      const expected = isFloat ? `a number in ${range}` : 'an integer from 0 to 255';
      throw new SaturnnError('ERR_DATA', `Expected ${expected} at ${place} of ${source} but found ${data[index]}`);
    }
    bytes[index] = byte;
  }
  return bytes;
}

/** Returns the indices of an element: "[3, 0, 17]". */
function placeOf(index: number, shape: readonly number[]): string {
  const indices: number[] = [];
  let rest = index;
  for (const size of [...shape].reverse()) {
    indices.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${indices.join(', ')}]`;
}

/** Reorders images from [count, channels, height, width] to [count, height, width, channels]. */
function channelsLast(planes: Uint8Array, [height, width, channels]: ImageShape): Uint8Array {
  const plane = height * width;
  const images = allocateBytes(planes.length, 'The reordered images');
  for (let image = 0; image < planes.length; image += plane * channels)
    for (let channel = 0; channel < channels; channel++)
      for (let pixel = 0; pixel < plane; pixel++)
        images[image + pixel * channels + channel] = planes[image + channel * plane + pixel]!;
  return images;
}

/** Exchanges rows and columns of bytes [count, height, width]. */
export function transposed({ source, shape, data }: FileArray): FileArray {
  const [count = 0, height = 0, width = 0] = shape;
  if (shape.length !== 3 || !(data instanceof Uint8Array)) return { source, shape, data };
  const turned = allocateBytes(data.length, 'The transposed images');
  for (let image = 0; image < count * height * width; image += height * width)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        turned[image + column * height + row] = data[image + row * width + column]!;
  return { source, shape: [count, width, height], data: turned };
}

/**
 * Returns labels [count] or [count, 1] as class indices or class names.
 * @throws ERR_DATA, with file and position, for another shape, another number of labels, numbers that are no integers from 0
 */
export function labelsOfArray({ source, shape, data }: FileArray, count: number): Int32Array | readonly string[] {
  const isList = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!isList || shape[0] !== count) {
    const found = `the shape ${shape.join('x') || '[]'}`;
    throw new SaturnnError('ERR_DATA', `Expected ${count} labels, one per image, in ${source} but found ${found}`);
  }
  if (isText(data)) return data;
  const labels = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const label = Number(data[index]);
    if (!(Number.isInteger(label) && label >= 0 && label < mostClasses)) {
      const expected = `an integer from 0 to ${mostClasses - 1} as label ${index}`;
      throw new SaturnnError('ERR_DATA', `Expected ${expected} of ${source} but found ${show(data[index])}`);
    }
    labels[index] = label;
  }
  return labels;
}

/** Classes that a data set may have, at most: one label that is damaged would otherwise make billions of classes. */
export const mostClasses = 2 ** 20;
