/** Pictures as pixels, and the colours of numbers. */
import { types } from 'node:util';
import type { ImageShape } from '../data/source';
import { invalid } from '../errors';
import { custom, imageShape } from '../options/field';
import { Options } from '../options/options';

/** A picture as pixels. */
export interface Picture {
  /** Bytes from 0 to 255, [height, width, channels], with 1 to 4 channels. */
  readonly pixels: Uint8Array;
  /** Shape of the pixels: [height, width, channels]. */
  readonly shape: ImageShape;
}

const pictureOptions = new Options<Picture>(
  'a picture',
  {
    pixels: custom('a Uint8Array', types.isUint8Array),
    shape: imageShape('[height, width, channels]'),
  },
  { argument: 'picture' },
);

/** Most bytes of a picture that is made. */
const mostBytes = 2 ** 30;

/** Returns a picture after checking it. @throws ERR_INVALID_ARGUMENT */
export function checkPicture(given: Picture): Picture {
  const { pixels, shape } = pictureOptions.check(given);
  const [height, width, channels] = shape;
  if (channels > 4) throw invalid('channels of picture', 'an integer from 1 to 4', channels);
  const size = height * width * channels;
  if (pixels.length !== size) throw invalid('pixels', `${size} bytes`, pixels.length);
  return { pixels, shape };
}

/** Returns a black picture in red, green and blue. @throws ERR_INVALID_ARGUMENT if it is larger than 1 GiB */
export function emptyPicture(height: number, width: number): Picture {
  const size = 3 * height * width;
  if (size > mostBytes) throw invalid('size of the picture to make', `at most ${mostBytes} bytes`, size);
  return { pixels: new Uint8Array(size), shape: [height, width, 3] };
}

type Colour = readonly [red: number, green: number, blue: number];

/** Colours of values from 0 to 1, at equal distances; between them they are interpolated. Their lightness rises with the value. */
const stops: readonly Colour[] = [
  [18, 20, 78],
  [88, 28, 128],
  [172, 44, 112],
  [230, 88, 62],
  [250, 160, 48],
  [252, 238, 140],
];

/** Returns the colour of a value from 0 to 1. */
export function heatColour(value: number): Colour {
  const place = Math.min(Math.max(value, 0), 1) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  const share = place - below;
  const [a, b] = [stops[below] as Colour, stops[below + 1] as Colour];
  return [0, 1, 2].map((c) => a[c]! + share * (b[c]! - a[c]!)) as unknown as Colour;
}
