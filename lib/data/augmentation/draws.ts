/** Draws the random numbers of each kind of augmentation for one image. */
import type { Philox } from '../../random';
import type { Frame, Size } from './frame';
import type { Augmentation, AugmentationKind, AugmentationOf, Shares } from './kinds';

/** A rectangle of pixels: rows from `top` to below `bottom`, columns from `left` to below `right`. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** The numbers that augmentation has drawn for one image. Before anything is drawn they change nothing. */
export interface Drawn {
  readonly frame: Frame;
  /** Factors on brightness, contrast and saturation, and turns of the hue. */
  colours: [brightness: number, contrast: number, saturation: number, hue: number];
  /** The rectangle that is filled with the mean; null: none. */
  erased: Rectangle | null;
}

const uniform = (random: Philox, least: number, most: number): number => least + (most - least) * random.uniform();

const centred = (outer: Size, inner: Size): [number, number] => [
  Math.floor((outer[0] - inner[0]) / 2),
  Math.floor((outer[1] - inner[1]) / 2),
];

/** Tries to place a rectangle of random area and shape before it gives up. */
const attempts = 10;

/**
 * Draws height and width of a rectangle whose share of an image's area is uniform, and the logarithm of whose ratio, first / second
 * side, is uniform, until `fits` accepts it. Null after ten attempts.
 */
function drawSides(
  random: Philox,
  { leastArea, mostArea, leastRatio, mostRatio }: Shares,
  area: number,
  fits: (first: number, second: number) => boolean,
): [first: number, second: number] | null {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const target = area * uniform(random, leastArea, mostArea);
    const ratio = Math.exp(uniform(random, Math.log(leastRatio), Math.log(mostRatio)));
    const [first, second] = [Math.round(Math.sqrt(target * ratio)), Math.round(Math.sqrt(target / ratio))];
    if (first > 0 && second > 0 && fits(first, second)) return [first, second];
  }
  return null;
}

/** The largest centred window whose ratio, width / height, lies in the range. */
function fallback({ height, width }: Frame, { leastRatio, mostRatio }: Shares): Size {
  const ratio = width / height;
  if (ratio < leastRatio) return [Math.min(height, Math.round(width / leastRatio)), width];
  if (ratio > mostRatio) return [height, Math.min(width, Math.round(height * mostRatio))];
  return [height, width];
}

type Draw<Kind extends AugmentationKind> = (
  settings: AugmentationOf<Kind>,
  random: Philox,
  drawn: Drawn,
  size: Size,
) => void;

/** The augmentations of a single image. The mixing ones, mixup and cutmix, are drawn in mixing.ts. */
const draws: { readonly [Kind in Exclude<AugmentationKind, 'mixup' | 'cutmix'>]: Draw<Kind> } = {
  crop({ padding }, random, { frame }, size) {
    const place = (length: number, kept: number) => random.integer(length + 2 * padding - kept + 1) - padding;
    const [top, left] = [place(frame.height, size[0]), place(frame.width, size[1])];
    frame.crop(top, left, size);
  },

  resizedCrop(settings, random, { frame }, size) {
    const { height, width } = frame;
    const sides = drawSides(random, settings, height * width, (w, h) => w <= width && h <= height);
    if (!sides) {
      const window = fallback(frame, settings);
      frame.resizedCrop(...centred([height, width], window), window, size);
      return;
    }
    const [w, h] = sides;
    const [top, left] = [random.integer(height - h + 1), random.integer(width - w + 1)];
    frame.resizedCrop(top, left, [h, w], size);
  },

  mirror({ probability }, random, { frame }) {
    if (random.uniform() < probability) frame.mirror();
  },

  flip({ probability }, random, { frame }) {
    if (random.uniform() < probability) frame.flip();
  },

  rotation({ degrees }, random, { frame }) {
    frame.rotate((uniform(random, -degrees, degrees) * Math.PI) / 180);
  },

  colourJitter({ brightness, contrast, saturation, hue }, random, drawn) {
    const factor = (most: number) => uniform(random, 1 - most, 1 + most);
    drawn.colours = [factor(brightness), factor(contrast), factor(saturation), uniform(random, -hue, hue)];
  },

  erasing(settings, random, drawn, [height, width]) {
    if (random.uniform() >= settings.probability) return;
    const sides = drawSides(random, settings, height * width, (h, w) => h < height && w < width);
    if (!sides) return;
    const [h, w] = sides;
    const [top, left] = [random.integer(height - h + 1), random.integer(width - w + 1)];
    drawn.erased = { top, left, bottom: top + h, right: left + w };
  },
};

/** Draws one augmentation of a single image, into `drawn`. `size`: the network's. */
export function draw(augmentation: Augmentation, random: Philox, drawn: Drawn, size: Size): void {
  if (augmentation.kind === 'mixup' || augmentation.kind === 'cutmix') return;
  (draws[augmentation.kind] as Draw<AugmentationKind>)(augmentation as never, random, drawn, size);
}

/** Keeps the centre of a view that no augmentation has brought to the network's size. */
export function keepCentre(frame: Frame, size: Size): void {
  if (frame.height === size[0] && frame.width === size[1]) return;
  frame.crop(...centred([frame.height, frame.width], size), size);
}
