/** Turns the labels that callers have (class indices or class names) into an Int32Array of class indices. */
import { types } from 'node:util';
import { invalid } from '../errors';
import { isArray } from '../options/values';

/** Labels as callers have them: class indices, or class names. */
export type GivenLabels = Int32Array | Uint8Array | readonly number[] | readonly string[];

/** Class indices, one per image, and the names of the classes. */
export interface Labels {
  readonly labels: Int32Array;
  readonly classes: number;
  /** One name per class; null if they are not known. */
  readonly classNames: readonly string[] | null;
}

/** Whether a value can hold labels. The elements of an array are checked by labelsOf(). */
export const isLabels = (value: unknown): value is GivenLabels =>
  types.isInt32Array(value) || types.isUint8Array(value) || isArray(value);

/**
 * Returns labels as class indices. Labels that are names become indices into `classNames`; without these, the classes are the
 * different names, sorted by their UTF-16 code units, as Array.sort() does.
 * @param classes default: the largest label + 1, or the number of names
 * @throws ERR_INVALID_ARGUMENT, with the position of the first wrong label
 */
export function labelsOf(
  given: GivenLabels,
  { classes, classNames = null }: { classes?: number; classNames?: readonly string[] | null } = {},
): Labels {
  if (given.length === 0) throw invalid('labels', 'at least one label', 'none');
  if (isArray(given) && typeof given[0] === 'string')
    return namedLabels(given as readonly string[], { classes, classNames });
  const labels = isArray(given) ? exactly(given as readonly number[], 'labels') : Int32Array.from(given as Int32Array);
  const known = classes ?? labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  const wrong = labels.findIndex((label) => label < 0 || label >= known);
  if (wrong >= 0) throw invalid(`labels[${wrong}]`, `an integer from 0 to ${known - 1}`, given[wrong]);
  checkNameCount(classNames, known);
  return { labels, classes: known, classNames };
}

function namedLabels(
  given: readonly string[],
  { classes, classNames }: { classes?: number; classNames: readonly string[] | null },
): Labels {
  const wrong = given.findIndex((label) => typeof label !== 'string');
  if (wrong >= 0) throw invalid(`labels[${wrong}]`, 'a string, as labels[0] is,', given[wrong]);
  const names = classNames ?? [...new Set(given)].sort();
  const indices = new Map(names.map((name, index) => [name, index]));
  if (indices.size !== names.length) throw invalid('classNames', 'different names', names);
  const labels = Int32Array.from(given, (label, index) => {
    const found = indices.get(label);
    if (found === undefined) throw invalid(`labels[${index}]`, 'one of classNames', label);
    return found;
  });
  if (classes !== undefined && classNames === null && classes !== names.length)
    throw invalid('classes', `${names.length}, the number of different labels,`, classes);
  checkNameCount(names, classes ?? names.length);
  return { labels, classes: names.length, classNames: names };
}

function checkNameCount(names: readonly string[] | null, classes: number): void {
  if (names !== null && names.length !== classes) throw invalid('classNames', `${classes} names`, names.length);
}

/** Copies numbers into an Int32Array. @throws ERR_INVALID_ARGUMENT for a number that an Int32Array would round or wrap */
export function exactly(numbers: readonly number[], argument = 'indices'): Int32Array {
  const wrong = numbers.findIndex((value) => typeof value !== 'number' || (value | 0) !== value);
  if (wrong >= 0) throw invalid(`${argument}[${wrong}]`, 'a 32-bit integer', numbers[wrong]);
  return Int32Array.from(numbers);
}
