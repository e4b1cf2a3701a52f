/** When the test set is evaluated during a training. */
import { invalid } from '../errors';
import { type EpochEvent, isScheduled, withoutTest } from '../optim/metric';
import { custom, type Field, integer, optional } from '../options/field';
import { Options } from '../options/options';
import type { Cursor } from './checkpoint/cursor';

/** The interval between evaluations of the test set: exactly one of its fields is given. */
export interface EvaluateEvery {
  /** After every so many epochs: at least 1. */
  epochs?: number;
  /** After every so many steps, counted from the beginning of training, also within an epoch: at least 1. */
  steps?: number;
}

/** The interval by default: after every epoch. */
export const evaluateEveryDefault: EvaluateEvery = { epochs: 1 };

/** Accepts an EvaluateEvery, whose numbers checkEvaluateEvery() checks. */
export const evaluateEveryField: Field<EvaluateEvery> = custom(
  '{ epochs } or { steps }',
  (value) => typeof value === 'object' && value !== null,
);

const intervals = new Options<EvaluateEvery>(
  'evaluateEvery',
  { epochs: optional(integer(1)), steps: optional(integer(1)) },
  { argument: 'evaluateEvery' },
);

/** Returns a copy. @throws ERR_INVALID_ARGUMENT unless exactly one of epochs and steps is given, an integer of at least 1 */
export function checkEvaluateEvery(given: EvaluateEvery): EvaluateEvery {
  const { epochs, steps } = intervals.check(given);
  if ((epochs === undefined) === (steps === undefined))
    throw invalid('evaluateEvery', 'one of epochs and steps', epochs === undefined ? 'none' : 'both');
  return epochs === undefined ? { steps } : { epochs };
}

/** Whether an evaluation is due where a training is. */
export function isDue({ epochs, steps }: EvaluateEvery, cursor: Cursor): boolean {
  if (steps !== undefined) return cursor.step % steps === 0;
  return cursor.step === cursor.end && (cursor.epoch + 1) % epochs! === 0;
}

/** Returns the step after which training must pause for an evaluation within an epoch; Infinity if there is none. */
export function nextEvaluation({ steps }: EvaluateEvery, { step, isReported }: Cursor): number {
  if (steps === undefined) return Number.POSITIVE_INFINITY;
  // A run that was interrupted before the evaluation of this step has still to do it.
  const isDone = step === 0 || isReported;
  return (isDone ? Math.floor(step / steps) + 1 : Math.ceil(step / steps)) * steps;
}

/**
 * Returns an event as a schedule of learning rates observes it: without the metrics of an evaluation that took place only because fit()
 * ended there. Rates then do not depend on how training is divided into calls. Null: the schedule does not observe it.
 */
export function observedOf(event: EpochEvent): EpochEvent | null {
  if (isScheduled(event)) return event;
  return event.complete ? withoutTest(event) : null;
}
