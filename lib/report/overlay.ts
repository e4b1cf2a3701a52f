/** Draws a map of numbers over a picture: Grad-CAM. */
import { invalid } from '../errors';
import { floats, integer, number, optional, size } from '../options/field';
import { Options } from '../options/options';
import { checkPicture, emptyPicture, heatColour, type Picture } from './picture';

/** A map of numbers from 0 on. */
export interface OverlaidMap {
  /** [height, width], row-major. Numbers that are not above 0, NaN included, count as 0. */
  readonly values: Float32Array;
  /** Height and width of the map, at least 1. */
  readonly shape: readonly [number, number];
}

/** Options of overlayMap(). */
export interface OverlayOptions {
  /**
   * Height and width of the part of the picture, at its centre, that the map covers: what the network reads of a larger image
   * (Predictor.inputShape). Default: the whole picture.
   */
  size?: readonly [number, number];
  /** Share of the colour where the map is largest, 0 to 1. Where the map is 0, the picture stays. Default 0.7. */
  opacity?: number;
  /** Factor by which the picture is enlarged, 1 to 64. Default: the largest with which no side is above 224 pixels, at least 1. */
  scale?: number;
}

const overlayOptions = new Options<OverlayOptions>('overlayMap()', {
  size: optional(size),
  opacity: optional(number([0, 1])),
  scale: optional(integer(1, 64)),
});

const mapOptions = new Options<OverlaidMap>('a map', { values: floats, shape: size }, { argument: 'map' });

/** Longest side of an enlarged picture. */
const usualSide = 224;

/**
 * Draws a map over a picture, in colours from violet (little) to yellow (the map's largest value). The map is enlarged to the picture by
 * bilinear interpolation; a small picture is enlarged by repeating its pixels.
 * @param picture pixels of 1 (grey), 2 (grey with alpha), 3 or 4 (with alpha) channels; alpha is ignored
 * @param map numbers of any height and width
 * @returns a picture in red, green and blue, for encodePng() or the gallery of a report
 * @throws ERR_INVALID_ARGUMENT
 */
export function overlayMap(picture: Picture, map: OverlaidMap, options: OverlayOptions = {}): Picture {
  const { pixels, shape } = checkPicture(picture);
  const { values, shape: mapShape } = mapOptions.check(map);
  if (values.length !== mapShape[0] * mapShape[1])
    throw invalid('values of map', `${mapShape[0] * mapShape[1]} numbers`, values.length);
  const [height, width, channels] = shape;
  const checked = overlayOptions.check(options);
  const { size: covered = [height, width], opacity = 0.7 } = checked;
  const { scale = Math.max(1, Math.floor(usualSide / Math.max(height, width))) } = checked;
  if (covered[0] > height || covered[1] > width)
    throw invalid('size', `at most the picture's ${height}x${width}`, [...covered]);
  // The centre, as the network takes it.
  const [top, left] = [(height - covered[0]) >> 1, (width - covered[1]) >> 1];
  const largest = values.reduce((most, value) => (value > most ? value : most), 0);
  const drawn = emptyPicture(height * scale, width * scale);
  const rowOf = (channel: number) => (channels < 3 ? 0 : channel);
  for (let y = 0, at = 0; y < height * scale; y++) {
    const sourceRow = Math.floor(y / scale);
    const down = ((y + 0.5) / scale - top) / covered[0];
    for (let x = 0; x < width * scale; x++, at += 3) {
      const pixel = (sourceRow * width + Math.floor(x / scale)) * channels;
      const across = ((x + 0.5) / scale - left) / covered[1];
      const isCovered = down >= 0 && down <= 1 && across >= 0 && across <= 1;
      const share = isCovered && largest > 0 ? interpolate(values, mapShape, down, across) / largest : 0;
      const colour = heatColour(share);
      const weight = opacity * share;
      for (let c = 0; c < 3; c++)
        drawn.pixels[at + c] = Math.round((1 - weight) * pixels[pixel + rowOf(c)]! + weight * colour[c]!);
    }
  }
  return drawn;
}

/** Returns the value of a map at a place: 0 is its upper or left edge, 1 its lower or right one. */
function interpolate(
  values: Float32Array,
  [height, width]: OverlaidMap['shape'],
  down: number,
  across: number,
): number {
  const [y, x] = [placeIn(height, down), placeIn(width, across)];
  const at = (row: number, column: number) => {
    const value = values[row * width + column]!;
    return value > 0 ? value : 0;
  };
  const upper = (1 - x.share) * at(y.first, x.first) + x.share * at(y.first, x.second);
  const lower = (1 - x.share) * at(y.second, x.first) + x.share * at(y.second, x.second);
  return (1 - y.share) * upper + y.share * lower;
}

/** Returns the two pixels of a side whose centres a place lies between, and the share of the second one. */
function placeIn(side: number, place: number) {
  const centre = Math.min(Math.max(place * side - 0.5, 0), side - 1);
  const first = Math.floor(centre);
  return { first, second: Math.min(first + 1, side - 1), share: centre - first };
}
