import { checkNumber, invalid } from '../errors';
import { custom, type Field } from '../options/field';
import { isArray } from '../options/values';

/**
 * Factors on the losses of the training images, by class: "balanced", or a number from 0 to 1e6 per class of the training set.
 * "balanced" gives every class the same share of the loss: class c gets n / (K n_c), where n is the number of training images,
 * n_c that of class c, and K the number of classes that have images. A class without images gets 0.
 */
export type ClassWeights = 'balanced' | readonly number[];

/** Largest weight of a class. */
const mostWeight = 1e6;

/** Accepts ClassWeights; checkClassWeights() looks at the numbers. */
export const classWeightsField: Field<ClassWeights> = custom(
  '"balanced" or an array of one number per class',
  (value) => value === 'balanced' || isArray(value),
);

/** Returns a copy of class weights. @throws ERR_INVALID_ARGUMENT, naming the first number that is not from 0 to 1e6 */
export function checkClassWeights(given: ClassWeights): ClassWeights {
  if (given === 'balanced') return given;
  return given.map((weight, c) => checkNumber(`classWeights[${c}]`, weight, 0, mostWeight));
}

/**
 * Returns a weight per class: [classes].
 * @param labels the labels of the training set, from 0 to classes - 1
 * @throws ERR_INVALID_ARGUMENT unless there is one number for every class, and a class with images has one above 0
 */
export function classWeightsOf(given: ClassWeights, labels: Int32Array, classes: number): Float32Array {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  if (given === 'balanced') {
    const share = labels.length / counts.filter((count) => count > 0).length;
    return Float32Array.from(counts, (count) => (count === 0 ? 0 : share / count));
  }
  if (given.length !== classes) throw invalid('classWeights', `${classes} numbers, one per class,`, given.length);
  const weights = Float32Array.from(given);
  if (!weights.some((weight, c) => weight > 0 && counts[c]! > 0)) {
    throw invalid('classWeights', 'a number above 0 for a class that has images', given);
  }
  return weights;
}
