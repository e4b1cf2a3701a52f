/** What became of a training. */
import type { ImageSource } from '../data/source';

export type Status =
  | { readonly kind: 'done' }
  /** Ended, and has learned nothing: see isStuck. */
  | { readonly kind: 'stuck' }
  /** Loss or gradient overflowed in this step; the message names the layer. */
  | { readonly kind: 'diverged'; readonly step: number; readonly message: string }
  /** Begun: so many epochs are done. */
  | { readonly kind: 'running'; readonly epochs: number; readonly of: number }
  | { readonly kind: 'missing' };

/** How good a network is that has learned nothing but how frequent the classes are. */
export interface Chance {
  /** The most frequent class's share of the images: 1/classes where all are as frequent. */
  readonly accuracy: number;
  readonly images: number;
}

/** What guessing the most frequent label reaches: of these images, and by luck. */
export function chanceOf({ labels, classes, count }: Pick<ImageSource, 'labels' | 'classes' | 'count'>): Chance {
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label]!++;
  return { accuracy: Math.max(...counts) / count, images: count };
}

/** Standard errors by which a network must be above chance. By luck alone one in 740 is. */
const sigmas = 3;

/**
 * The accuracy that a network must exceed to have learned something: p + 3 sqrt(p (1 - p) / n), where p is chance and n the
 * number of images; the root is the standard deviation of the part that n guesses get right of which each is right with
 * probability p. For the 50,000 images and 100 classes of CIFAR-100: 1.13 %.
 */
export const learningThreshold = ({ accuracy: p, images: n }: Chance): number =>
  p + sigmas * Math.sqrt((p * (1 - p)) / n);

/** Whether a network with this accuracy on the training set is not better than chance by more than sampling noise. */
export const isStuck = (trainAccuracy: number, chance: Chance): boolean => !(trainAccuracy > learningThreshold(chance));

/** For people: "diverged at step 120". */
export function describeStatus(status: Status): string {
  switch (status.kind) {
    case 'stuck':
      return 'stuck at chance';
    case 'diverged':
      return `diverged at step ${status.step}`;
    case 'running':
      return `${status.epochs}/${status.of} epochs`;
    default:
      return status.kind;
  }
}
