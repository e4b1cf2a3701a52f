/** Makes Datasets of the arrays in files: a training set and, if there is one, a test set with the same classes. */
import { invalid, SaturnnError } from '../../errors';
import { Dataset } from '../dataset';
import { labelsOf } from '../givenLabels';
import { type FileArray, labelsOfArray, type PixelsOptions, pixelsOf } from './array';

/** The training set in files, and the test set; null if the files have none. */
export interface ArraySplits {
  readonly train: Dataset;
  readonly test: Dataset | null;
}

/** The images and the labels of one split. */
export interface ArrayPair {
  readonly images: FileArray;
  readonly labels: FileArray;
}

/**
 * Makes the Datasets. The number of classes, and names that are labels, are those of both splits together.
 * @param classNames one name per class, or null
 * @throws ERR_DATA, with file and position; ERR_INVALID_ARGUMENT if there are fewer names than classes
 */
export function arraySplits(
  { train, test }: { train: ArrayPair; test: ArrayPair | null },
  { classNames = null, ...options }: PixelsOptions & { classNames?: readonly string[] | null } = {},
): ArraySplits {
  const parts = [train, ...(test ? [test] : [])].map(({ images, labels }) => {
    const pixels = pixelsOf(images, options);
    return { ...pixels, labels: labelsOfArray(labels, pixels.count), source: images.source };
  });
  const [first, second] = parts as [(typeof parts)[number], (typeof parts)[number] | undefined];
  if (second && second.shape.join('x') !== first.shape.join('x')) {
    const message = `Expected images of ${first.shape.join('x')}, as in ${first.source}, in ${second.source} but found ${second.shape.join('x')}`;
    throw new SaturnnError('ERR_DATA', message);
  }
  const known = classesOf(
    parts.map(({ labels }) => labels),
    classNames,
  );
  const make = ({ bytes, shape, labels }: (typeof parts)[number]) =>
    Dataset.from({
      images: bytes,
      shape,
      labels,
      classNames: known.names,
      classes: known.classes,
    });
  return { train: make(first), test: second ? make(second) : null };
}

function classesOf(
  labels: readonly (Int32Array | readonly string[])[],
  given: readonly string[] | null,
): { classes: number; names: readonly string[] | null } {
  const texts = labels.filter((part) => !(part instanceof Int32Array)) as (readonly string[])[];
  if (texts.length > 0) {
    if (texts.length < labels.length)
      throw new SaturnnError('ERR_DATA', 'The labels of one split are texts, and those of the other numbers');
    const names = given ?? labelsOf(texts.flat()).classNames!;
    return { classes: names.length, names };
  }
  const most = labels.reduce((all, part) => (part as Int32Array).reduce((a, b) => Math.max(a, b), all), 0);
  if (given !== null && given.length <= most) throw invalid('classNames', `at least ${most + 1} names`, given.length);
  return { classes: given?.length ?? most + 1, names: given };
}
