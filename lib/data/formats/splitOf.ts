/** Tells by the names of files and folders which split they belong to. */
import type { PictureSplitName } from '../pictures/pictureSet';

/** The first word of a name, for each split. */
const words: Readonly<Record<string, PictureSplitName>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
};

/** The order of splits in a set. */
export const splitOrder: readonly PictureSplitName[] = ['train', 'validation', 'test'];

/**
 * Returns the split of a path: that of its last part whose words include the name of one ("test/0000.parquet",
 * "train-00000-of-00002.parquet", "cifar10-test-000.tar"); null if no part does.
 */
export function splitOf(path: string): PictureSplitName | null {
  for (const part of path.split('/').reverse()) {
    const word = part
      .toLowerCase()
      .split(/[-_.]/)
      .find((own) => Object.hasOwn(words, own));
    if (word) return words[word]!;
  }
  return null;
}
