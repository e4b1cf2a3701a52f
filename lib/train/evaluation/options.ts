import { binsField, mistakesField } from '../../evaluation/evaluatePredictions';
import { optional, signal } from '../../options/field';
import type { Fields } from '../../options/options';

/** Options of evaluate(). */
export interface EvaluationOptions {
  /** The most mistakes in the result, 0 to 100,000. Default 24. */
  mistakes?: number;
  /** The number of bins of the calibration, 1 to 1000. Default 15. */
  bins?: number;
  /** When it is aborted, evaluate() throws its reason after the native call under way (about a second). */
  signal?: AbortSignal;
}

/** Schema of EvaluationOptions. */
export const evaluateFields: Fields<EvaluationOptions> = {
  mistakes: optional(mistakesField),
  bins: optional(binsField),
  signal: optional(signal),
};
