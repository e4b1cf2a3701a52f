/** Decodes one picture to the pixels of one size. */
import { types } from 'node:util';
import { invalid, SaturnnError } from '../../errors';
import { custom, type Field, oneOf, optional } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import { isArray } from '../../options/values';
import type { ImageShape } from '../source';
import { type PictureDecoding, type PictureFit, pictureFits } from './fit';
import { formatList, formatOf } from './format';
import { loadSharp } from './sharp';

/** Options of decodePicture(). */
export interface PictureOptions {
  /** Height and width of the result, 1 to 4096 pixels: a number for a square, or [height, width]. */
  size: number | readonly [height: number, width: number];
  /** How a picture of another aspect ratio is brought to the size. Default "crop". */
  fit?: PictureFit;
  /** 3 (default): red, green, blue. 1: brightness. 4: red, green, blue, and opacity (255: opaque). */
  channels?: 1 | 3 | 4;
  /**
   * The colour [red, green, blue], 0 to 255 each, behind transparent pixels (with 1 or 3 channels), and beside the picture with
   * fit "pad". Default: white.
   */
  background?: readonly [red: number, green: number, blue: number];
}

/** The numbers of channels that pictures may be decoded to. */
export const pictureChannels = [1, 3, 4] as const;

/** The defaults of PictureOptions. */
export const pictureDefaults = { fit: pictureFits[0], channels: 3, background: [255, 255, 255] } as const;

/** Largest height or width of the result. */
export const largestSide = 4096;

const isSide = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= largestSide;

/** Accepts a size of pictures. */
export const pictureSizeField: Field<PictureOptions['size']> = custom(
  `an integer from 1 to ${largestSide}, or two of them, [height, width],`,
  (value) => isSide(value) || (isArray(value) && value.length === 2 && Array.from(value).every(isSide)),
  { least: 1, most: largestSide },
);

const isByte = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;

/** Schema of PictureOptions. */
export const pictureFields: Fields<PictureOptions> = {
  size: pictureSizeField,
  fit: optional(oneOf(pictureFits)),
  channels: optional(oneOf(pictureChannels)),
  background: optional(
    custom(
      '[red, green, blue], integers from 0 to 255',
      (value) => isArray(value) && value.length === 3 && value.every(isByte),
    ),
  ),
};

const { fit: fitField, background: backgroundField } = pictureFields;

/** Accepts a PictureDecoding: what a file says of how its pictures were decoded. */
export const decodingField = new Options<PictureDecoding>('the decoding of pictures', {
  fit: fitField as Field<PictureFit>,
  background: backgroundField as Field<PictureDecoding['background']>,
}).nested();

const pictureOptions = new Options<PictureOptions>('decodePicture()', pictureFields);

/** PictureOptions with the defaults filled in. */
export interface Decoding extends PictureDecoding {
  /** Shape of the result: [height, width, channels]. */
  readonly shape: ImageShape;
}

/** Fills in the defaults of checked options. */
export function decodingOf({ size, fit, channels, background }: PictureOptions): Decoding {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  return {
    shape: [height, width, channels ?? pictureDefaults.channels],
    fit: fit ?? pictureDefaults.fit,
    background: background ?? pictureDefaults.background,
  };
}

/** sharp's names of the fits. */
const sharpFits = { crop: 'cover', pad: 'contain', stretch: 'fill' } as const satisfies Record<PictureFit, string>;

/**
 * Decodes a picture (JPEG, PNG, WebP, TIFF, GIF or AVIF) to pixels of one size, with sharp, which must be installed.
 *
 * The picture is turned as its EXIF orientation says. An embedded colour profile, or CMYK, is converted to sRGB; 16 bits per
 * channel become 8; grey becomes three equal channels; transparent pixels are blended with the background, unless 4 channels are
 * asked for. Of an animation or a file of several pages, the first picture is taken. Scaling filters (Lanczos), also when the
 * picture becomes smaller.
 * @param bytes the content of the file
 * @returns bytes from 0 to 255, [height, width, channels], row-major
 * @throws ERR_DATA if the bytes are no picture of these formats, are damaged or cut off, or the picture has more than 268 million
 * pixels (sharp's limit against decompression bombs); ERR_PACKAGE without sharp; ERR_INVALID_ARGUMENT
 */
export async function decodePicture(bytes: Uint8Array, options: PictureOptions): Promise<Uint8Array> {
  if (!types.isUint8Array(bytes)) throw invalid('bytes', 'a Uint8Array', bytes);
  const decoding = decodingOf(pictureOptions.check(options));
  loadSharp();
  try {
    return await decode(bytes, decoding);
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot decode the picture: ${reasonOfDecoder(error)}`, { cause: error });
  }
}

/** Decodes a picture with checked options. @throws Error that says what is wrong with the bytes, for reasonOfDecoder() */
export async function decode(bytes: Uint8Array, { shape, fit, background }: Decoding): Promise<Uint8Array> {
  if (bytes.length === 0) throw new Error('it is empty');
  if (!formatOf(bytes)) throw new Error(`it is not ${formatList}`);
  const [height, width, channels] = shape;
  const [r, g, b] = background;
  const sharp = loadSharp();
  // Warnings are not failures: many pictures of cameras and old programs have bytes that a decoder skips. A file cut off is one.
  const picture = sharp(bytes, { failOn: 'error' })
    .rotate()
    .resize({ width, height, fit: sharpFits[fit], background: { r, g, b, alpha: 1 } });
  const opaque = channels === 4 ? picture.ensureAlpha() : picture.flatten({ background: { r, g, b } });
  const pixels = await opaque
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();
  if (pixels.length === height * width * channels) return pixels;
  throw new Error(`the decoder returned ${pixels.length} bytes for ${shape.join('x')}`);
}

/** Returns the reason that a failed decoding gives, in one line for the end of a message. */
export function reasonOfDecoder(error: unknown): string {
  const { message } = error as Error;
  if (/exceeds pixel limit/.test(message)) {
    return 'it has more than 268 million pixels, the limit against decompression bombs';
  }
  if (/unsupported image format/.test(message))
    return 'its content is damaged, or of a kind that sharp was built without';
  const [line = ''] = message.trim().split('\n');
  return line.replace(/^Input (buffer|file) has corrupt header: /i, 'its header is damaged: ').replace(/\.$/, '');
}
