import { invalid, numberFromText, type Range } from '../errors';
import { custom, type Field } from '../options/field';
import { isArray } from '../options/values';

/** Height and width of a model's images in pixels; one number means both. */
export type ImageSize = number | readonly [height: number, width: number];

/** Limits of ImageSize. */
const sizeRange: Range = [4, 4096];
const [least, most] = sizeRange;

const isSide = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

/** Accepts an ImageSize. */
export const imageSizeField: Field<ImageSize> = custom(
  `an integer from ${least} to ${most}, or two of them, [height, width],`,
  (value) => isSide(value) || (isArray(value) && value.length === 2 && Array.from(value).every(isSide)),
  { least, most },
);

/** Returns height and width. */
export const sidesOf = (size: ImageSize): readonly [height: number, width: number] =>
  typeof size === 'number' ? [size, size] : [size[0], size[1]];

/** Height and width of the images of which models take crops by default: CIFAR's. */
export const croppedSize = 32;

/**
 * Returns the options of a model that reads images of this shape: their own size and channels. Of images of 32x32 pixels it reads crops, of
 * the model's default size, unless they are to be read as a `whole`.
 */
export function modelSizeFor(
  shape: readonly [height: number, width: number, channels: number],
  { whole = false } = {},
): { size?: ImageSize; channels: number } {
  const [height, width, channels] = shape;
  return !whole && height === croppedSize && width === croppedSize ? { channels } : { size: [height, width], channels };
}

/** Reads "64", or "48x64" for a height of 48 and a width of 64. @throws ERR_INVALID_ARGUMENT */
export function parseImageSize(text: string): ImageSize {
  const sides = text.split('x').map(numberFromText);
  if (sides.length > 2 || !sides.every(isSide)) {
    throw invalid('size', `an integer from ${least} to ${most}, or two as HEIGHTxWIDTH,`, text);
  }
  const [height, width] = sides as [number, number?];
  return width === undefined ? height : [height, width];
}

/** Writes a size as parseImageSize() reads it. */
export const formatImageSize = ([height, width]: readonly [number, number, ...unknown[]]): string =>
  height === width ? `${height}` : `${height}x${width}`;
