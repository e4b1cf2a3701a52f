/** The metrics of predictions that are in memory, whoever has made them. */
import { types } from 'node:util';
import { invalid } from '../errors';
import { arrayOf, custom, integer, optional, orNull, text } from '../options/field';
import { Options } from '../options/options';
import { isArray } from '../options/values';
import type { Evaluation } from './evaluation';
import { EvaluationSums } from './sums';

/** Options of evaluatePredictions(). */
export interface EvaluatePredictionsOptions {
  /** Probability of each class for each image, `[count, classes]`, row-major; each row adds up to 1. */
  probabilities: Float32Array | Float64Array;
  /** Class of each image, 0 to classes - 1. */
  labels: Int32Array | Uint8Array | readonly number[];
  /** One name per class. Default null: the names are not known. */
  classNames?: readonly string[] | null;
  /** The number of bins of the calibration, 1 to 1000. Default 15. */
  bins?: number;
  /** The most mistakes in the result, 0 to 100,000. Default 24. */
  mistakes?: number;
}

/** Accepts the number of bins of a calibration. */
export const binsField = integer(1, 1000);
/** Accepts the most mistakes of an evaluation. */
export const mistakesField = integer(0, 100_000);

const isLabels = (value: unknown): boolean => types.isInt32Array(value) || types.isUint8Array(value) || isArray(value);

const options = new Options<EvaluatePredictionsOptions>('evaluatePredictions()', {
  probabilities: custom(
    'a Float32Array or Float64Array',
    (value) => types.isFloat32Array(value) || types.isFloat64Array(value),
  ),
  labels: custom('an Int32Array, a Uint8Array or an array', isLabels),
  classNames: optional(orNull(arrayOf(text))),
  bins: optional(binsField),
  mistakes: optional(mistakesField),
});

/** How far a row of probabilities may be from adding up to 1: softmax in f32, over many classes, has such an error. */
const tolerance = 1e-3;

/**
 * Returns loss, top-k accuracy, confusion matrix, scores per class, calibration and the worst mistakes of predictions. It computes in
 * double precision; the results are those of scikit-learn. A probability below 2^-23 (in a Float64Array: 2^-52) counts as that in the
 * loss.
 * @throws ERR_INVALID_ARGUMENT if sizes do not agree, there is no image, or a number is out of range (the message names the first one)
 */
export function evaluatePredictions(given: EvaluatePredictionsOptions): Evaluation {
  const { probabilities, labels, classNames = null, bins, mistakes } = options.check(given);
  const classes = classesOf(probabilities, labels);
  if (classNames !== null && classNames.length !== classes)
    throw invalid('classNames', `${classes} names, one per class,`, classNames.length);
  checkLabelRange(labels, classes);
  checkRows(probabilities, classes);
  const sums = new EvaluationSums({ classes, bins, mistakes });
  sums.add({ labels, probabilities });
  return sums.result(classNames);
}

function classesOf({ length }: { readonly length: number }, labels: ArrayLike<number>): number {
  if (labels.length === 0) throw invalid('labels', 'at least one label', 'none');
  const classes = length / labels.length;
  if (Number.isInteger(classes) && classes > 0) return classes;
  throw invalid('probabilities', `as many for each of the ${labels.length} labels`, length);
}

/**
 * Checks that every label is a class.
 * @param argument names the labels in the message
 * @throws ERR_INVALID_ARGUMENT, with the first label that is none
 */
export function checkLabelRange(labels: ArrayLike<number>, classes: number, argument = 'labels'): void {
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw invalid(`${argument}[${index}]`, `an integer from 0 to ${classes - 1}`, label);
  }
}

/** @throws ERR_INVALID_ARGUMENT for the first number that is no probability, or row that does not add up to 1 */
function checkRows(probabilities: Float32Array | Float64Array, classes: number): void {
  const wrong = probabilities.findIndex((value: number) => !(value >= 0 && value <= 1));
  if (wrong >= 0) throw invalid(`probabilities[${wrong}]`, 'a number from 0 to 1', probabilities[wrong]);
  for (let row = 0; row * classes < probabilities.length; row++) {
    let sum = 0;
    for (let index = row * classes; index < (row + 1) * classes; index++) sum += probabilities[index]!;
    if (Math.abs(sum - 1) > tolerance) throw invalid(`row ${row} of probabilities`, 'numbers that add up to 1', sum);
  }
}
