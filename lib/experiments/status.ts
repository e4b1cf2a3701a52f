/** The state of a training, and whether it has learned anything. */

import type { ImageSource } from '../data/source';
import { anyNumber, instance } from '../options/field';
import { checkArgument } from '../options/options';

/** State of a training. */
export type Status =
  /** It has ended, and its network has learned something. */
  | { readonly kind: 'done' }
  /** It has ended, but its network is no better than chance: see isStuck(). */
  | { readonly kind: 'stuck' }
  /** The loss or a gradient was not finite in this step (from 1). The message names the layer. */
  | { readonly kind: 'diverged'; readonly step: number; readonly message: string }
  /** It has begun and not ended: `epochs` of its `of` epochs are complete. It need not run at the moment. */
  | { readonly kind: 'running'; readonly epochs: number; readonly of: number }
  /** It has not begun. */
  | { readonly kind: 'missing' };

/** The accuracy that a network reaches if it has learned nothing but the frequencies of the classes. */
export interface Chance {
  /** Share of the most frequent class among the images, 0 to 1: 1 / classes if all classes are equally frequent. */
  readonly accuracy: number;
  /** Number of images. */
  readonly images: number;
}

const labelledField = instance<Pick<ImageSource, 'labels' | 'classes' | 'count'>>(
  'a data set, { labels, classes, count }',
  ({ labels, classes }) => ArrayBuffer.isView(labels) && Number.isInteger(classes) && classes > 0 && classes < 2 ** 31,
);
const chanceField = instance<Chance>(
  'a result of chanceOf()',
  ({ accuracy, images }) => typeof accuracy === 'number' && typeof images === 'number',
);

/** Returns the accuracy of always guessing the most frequent label. @param source the images: an ImageSource fits */
export function chanceOf(source: Pick<ImageSource, 'labels' | 'classes' | 'count'>): Chance {
  const { labels, classes, count } = checkArgument('source', labelledField, source);
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label]!++;
  return { accuracy: Math.max(...counts) / count, images: count };
}

/** Standard errors by which a network must exceed chance. A network that guesses does so once in 740 times. */
const sigmas = 3;

/**
 * Returns the accuracy (0 to 1) that a network must exceed to count as having learned something: p + 3 sqrt(p (1 - p) / n),
 * where p is the accuracy of chance and n the number of images. The root is the standard deviation of the accuracy of n
 * guesses that are each right with probability p. For the 50,000 training images and 100 classes of CIFAR-100 it is 1.13 %.
 * @param chance a result of chanceOf()
 */
export function learningThreshold(chance: Chance): number {
  const { accuracy: p, images: n } = checkArgument('chance', chanceField, chance);
  return p + sigmas * Math.sqrt((p * (1 - p)) / n);
}

/** Whether a training accuracy (0 to 1) is at most learningThreshold(), or NaN: no better than chance, up to sampling noise. */
export const isStuck = (trainAccuracy: number, chance: Chance): boolean =>
  !(checkArgument('trainAccuracy', anyNumber, trainAccuracy) > learningThreshold(chance));

/** Describes a state in words: "diverged at step 120". */
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
