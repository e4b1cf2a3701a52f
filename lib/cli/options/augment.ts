/** The option that says how training images are changed at random. */
import { type Augmentation, augmentationForms, parseAugmentation } from '../../data/augmentation/kinds';
import type { ImageSource } from '../../data/source';
import { declare } from './declare';
import * as read from './readers';

export const augmentOption = declare({
  flags: '--augment <list>',
  help: 'how training images are changed at random',
  note: `, with commas between: none, paper (crop,mirror), or ${augmentationForms}`,
  read: read.reading(parseAugmentation),
  otherwise: 'paper for CIFAR and generated images, none for others',
});

/** Returns the augmentation of a training, and a line to print if it is none and was not chosen. */
export function augmentationFrom(
  given: readonly Augmentation[] | undefined,
  { augmentation: own = [] }: ImageSource,
): { augmentation: readonly Augmentation[]; note: string | null } {
  const augmentation = given ?? own;
  const isSilent = given !== undefined || own.length > 0;
  const note = 'Training images are not augmented (--augment none). Example: --augment crop:4,mirror';
  return { augmentation, note: isSilent ? null : note };
}
