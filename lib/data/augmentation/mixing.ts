/** Draws with which other image of its batch an image is mixed: mixup and cutmix. */
import type { Philox } from '../../random';
import type { Rectangle } from './draws';
import type { Size } from './frame';
import type { AugmentationOf } from './kinds';

/** With what an image is mixed, and how. */
export interface Mixture {
  /** Place of the other image in the batch. */
  readonly partner: number;
  /** Share of the image itself within the rectangle; the rest is the partner's. */
  readonly share: number;
  readonly rectangle: Rectangle;
  /** Share of the image itself in the whole: of its label in the loss. */
  readonly labelShare: number;
}

/** Draws a number that is distributed as Gamma(shape, 1) (Marsaglia and Tsang 2000). */
function drawGamma(random: Philox, shape: number): number {
  // A shape below 1 is drawn with one more, and brought down by a power of a uniform number.
  if (shape < 1) return drawGamma(random, shape + 1) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.gaussian();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Draws a number that is distributed as Beta(alpha, alpha). Both gammas are 0 in f64 for the smallest alphas. */
function drawBeta(random: Philox, alpha: number): number {
  const [a, b] = [drawGamma(random, alpha), drawGamma(random, alpha)];
  return a + b > 0 ? a / (a + b) : random.uniform() < 0.5 ? 0 : 1;
}

/** Draws how an image is mixed with another one of a batch of `batch` images. */
export function drawMixture(
  choices: readonly AugmentationOf<'mixup' | 'cutmix'>[],
  random: Philox,
  batch: number,
  [height, width]: Size,
): Mixture {
  const { kind, alpha } = choices[random.integer(choices.length)]!;
  const partner = random.integer(batch);
  const share = drawBeta(random, alpha);
  if (kind === 'mixup')
    return { partner, share, rectangle: { top: 0, left: 0, bottom: height, right: width }, labelShare: share };
  // The rectangle has the shape of the image, and is cut off where it passes its edges.
  const side = Math.sqrt(1 - share) / 2;
  const span = (length: number): [number, number] => {
    const [middle, half] = [random.integer(length), Math.floor(side * length)];
    return [Math.max(0, middle - half), Math.min(length, middle + half)];
  };
  const [[top, bottom], [left, right]] = [span(height), span(width)];
  const area = ((bottom - top) * (right - left)) / (height * width);
  return { partner, share: 0, rectangle: { top, left, bottom, right }, labelShare: 1 - area };
}
