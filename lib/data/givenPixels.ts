/** Turns the pixels that callers have (bytes, floats, ImageData, lists of these) into bytes [count, height, width, channels]. */
import { types } from 'node:util';
import { invalid, show } from '../errors';
import { allocate } from '../files/read';
import { isArray } from '../options/values';
import { bytesOf } from '../runtime/dtypes';
import type { ImageShape } from './source';

/** Pixels in a typed array: bytes from 0 to 255, or floats whose range an option says. */
export type PixelArray = Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;

/** An image as browsers' ImageData (and canvas packages for Node.js) hold it: 4 bytes per pixel, red, green, blue, alpha. */
export interface ImageDataLike {
  /** The bytes, [height, width, 4]. */
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Range of pixels that are floats: their darkest and their lightest value. */
export type PixelRange = '0..1' | '0..255' | '-1..1';
/** The values of PixelRange. */
export const pixelRanges: readonly PixelRange[] = ['0..1', '0..255', '-1..1'];

/** Numbers of channels that an ImageData can be turned into. */
export const imageDataChannels = [1, 3, 4] as const;

/** A colour: red, green and blue, integers from 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** Pixels as a caller gave them, and what the options say about them. */
export interface GivenPixels {
  readonly images: PixelArray | readonly (PixelArray | ImageDataLike)[];
  readonly shape?: ImageShape;
  readonly range?: PixelRange;
  readonly channels?: (typeof imageDataChannels)[number];
  readonly background?: Colour;
}

const isBytes = (value: unknown): value is Uint8Array | Uint8ClampedArray =>
  types.isUint8Array(value) || types.isUint8ClampedArray(value);
const isFloats = (value: unknown): value is Float32Array | Float64Array =>
  types.isFloat32Array(value) || types.isFloat64Array(value);

/** Whether a value is an array of pixels. */
export const isPixels = (value: unknown): value is PixelArray => isBytes(value) || isFloats(value);

/** Whether a value has the members of an ImageData. */
export const isImageData = (value: unknown): value is ImageDataLike =>
  typeof value === 'object' && value !== null && isBytes((value as ImageDataLike).data);

/** Names the values that `images` may have, for messages. */
export const pixelsExpected = 'a Uint8Array, a Float32Array or Float64Array, or an array of these or of ImageData';

/**
 * Returns the bytes of `count` images, and the shape of one. Bytes in one array are not copied.
 * @throws ERR_INVALID_ARGUMENT, with the position of the first wrong value
 */
export function bytesOfPixels(given: GivenPixels, count: number): { bytes: Uint8Array; shape: ImageShape } {
  const list = isArray(given.images) ? given.images : null;
  checkRange(given, list ?? [given.images as PixelArray]);
  if (list === null) {
    const shape = checkImageShape(given.shape);
    const images = given.images as PixelArray;
    const size = shape[0] * shape[1] * shape[2];
    if (images.length !== count * size) {
      const values = isFloats(images) ? 'values' : 'bytes';
      throw invalid('images', `${count * size} ${values} (${count} labels, ${shape.join('x')} each)`, images.length);
    }
    return { bytes: toBytes(images, given.range, 'images'), shape };
  }
  return joinImages(list, given, count);
}

function joinImages(
  list: readonly (PixelArray | ImageDataLike)[],
  given: GivenPixels,
  count: number,
): { bytes: Uint8Array; shape: ImageShape } {
  if (list.length !== count) throw invalid('images', `${count} images, one per label,`, list.length);
  const shape = shapeOfList(list, given);
  const size = shape[0] * shape[1] * shape[2];
  const bytes = new Uint8Array(allocate(count * size, `${count} images of ${shape.join('x')}`));
  for (let index = 0; index < count; index++) {
    const image = list[index];
    const name = `images[${index}]`;
    const target = bytes.subarray(index * size, (index + 1) * size);
    if (isImageData(image)) flattenImageData(image, shape, given.background, target, name);
    else if (!isPixels(image)) throw invalid(name, 'a typed array of pixels or an ImageData', image);
    else if (image.length !== size) throw invalid(name, `${size} values (${shape.join('x')})`, image.length);
    else target.set(toBytes(image, given.range, name));
  }
  return { bytes, shape };
}

/** Returns the shape of the images of a list: the given one, or that of the first ImageData. */
function shapeOfList([first]: readonly (PixelArray | ImageDataLike)[], given: GivenPixels): ImageShape {
  const { shape, channels } = given;
  if (shape !== undefined) {
    const checked = checkImageShape(shape);
    if (channels !== undefined && channels !== checked[2])
      throw invalid('channels', `${checked[2]}, as in shape,`, channels);
    return checked;
  }
  if (!isImageData(first)) return checkImageShape(shape);
  return checkImageShape([first.height, first.width, channels ?? 3], 'width and height of images[0]');
}

/** Checks that `range` is given where pixels are floats, and only there. */
function checkRange({ range }: GivenPixels, arrays: readonly unknown[]): void {
  const floats = arrays.find(isFloats);
  const choices = pixelRanges.map((name) => `"${name}"`).join(', ');
  if (floats && range === undefined)
    throw invalid('range', `${choices}: the range of pixels that are a ${show(floats)},`, range);
  if (!floats && range !== undefined) throw invalid('range', 'no range, as the pixels are bytes,', range);
}

/** Factor and summand that take each range to 0..255. */
export const toByteRange: Readonly<Record<PixelRange, readonly [factor: number, summand: number]>> = {
  '0..1': [255, 0],
  '0..255': [1, 0],
  '-1..1': [127.5, 127.5],
};

/** Returns bytes as they are, and floats rounded to the nearest byte (halves up). @throws ERR_INVALID_ARGUMENT, with the position */
function toBytes(pixels: PixelArray, range: PixelRange | undefined, name: string): Uint8Array {
  if (!isFloats(pixels)) return bytesOf(pixels, name);
  return bytesOfFloats(pixels, range!, (index) => `${name}[${index}]`);
}

/**
 * Rounds floats of a range to the nearest byte (halves up). Values outside of the range are accepted where they round to its ends.
 * @param nameOf names the value with an index, for the error
 * @throws ERR_INVALID_ARGUMENT for the first value, NaN included, that is out of range
 */
export function bytesOfFloats(
  floats: Float32Array | Float64Array,
  range: PixelRange,
  nameOf: (index: number) => string,
): Uint8Array {
  const [factor, summand] = toByteRange[range];
  const bytes = new Uint8Array(floats.length);
  for (let index = 0; index < floats.length; index++) {
    const byte = Math.floor(floats[index]! * factor + summand + 0.5);
    if (!(byte >= 0 && byte <= 255)) throw invalid(nameOf(index), `a number in ${range}`, floats[index]);
    bytes[index] = byte;
  }
  return bytes;
}

/** Copies an ImageData into `target`, as many channels as `shape` says. */
function flattenImageData(
  image: ImageDataLike,
  [height, width, channels]: ImageShape,
  background: Colour | undefined,
  target: Uint8Array,
  name: string,
): void {
  const { data } = image;
  if (image.width !== width || image.height !== height)
    throw invalid(name, `an image of ${width} x ${height}`, `${image.width} x ${image.height}`);
  const pixels = width * height;
  if (data.length !== 4 * pixels) throw invalid(`${name}.data`, `${4 * pixels} bytes (RGBA)`, data.length);
  if (!imageDataChannels.includes(channels as 1)) throw invalid('channels', '1, 3 or 4 for ImageData', channels);
  if (channels === 4) {
    target.set(data);
    return;
  }
  for (let pixel = 0; pixel < pixels; pixel++) {
    const alpha = data[4 * pixel + 3]!;
    if (alpha < 255 && background === undefined) {
      const place = `pixel ${pixel % width}, ${Math.floor(pixel / width)} of ${name}`;
      throw invalid(
        'background',
        `a colour [red, green, blue], as ${place} is transparent (or channels: 4),`,
        background,
      );
    }
    const blend = (channel: number) => {
      const value = data[4 * pixel + channel]!;
      return alpha === 255 ? value : Math.round((value * alpha + background![channel]! * (255 - alpha)) / 255);
    };
    const [red, green, blue] = [blend(0), blend(1), blend(2)];
    if (channels === 1) target[pixel] = Math.round((299 * red + 587 * green + 114 * blue) / 1000);
    else target.set([red, green, blue], 3 * pixel);
  }
}

/** Returns a copy of the shape of an image. @throws ERR_INVALID_ARGUMENT unless it is three positive integers */
export function checkImageShape(shape: unknown, name = 'shape'): ImageShape {
  const expected = '3 positive integers (height, width, channels)';
  if (!isArray(shape) || shape.length !== 3) throw invalid(name, expected, shape);
  if (!shape.every((size) => Number.isInteger(size) && size > 0)) throw invalid(name, expected, shape);
  return [shape[0], shape[1], shape[2]];
}
