/** Makes the events of a Trainer's fit() from what it has counted. */
import type { EvaluationSummary } from '../evaluation/evaluation';
import type { EpochEvent } from '../optim/metric';
import type { Cursor } from './checkpoint/cursor';
import { Tally } from './checkpoint/tally';
import type { EndEvent, StepEvent } from './events';
import type { RunOfSteps } from './runner';

/** Makes the event of a native call whose steps the cursor has counted. `learningRate`: that of the last step. */
export function stepEventOf(
  cursor: Cursor,
  { batches, result, milliseconds }: RunOfSteps,
  learningRate: number,
): StepEvent {
  const { step, epoch } = cursor;
  const tally = new Tally();
  tally.add(batches, result, milliseconds);
  const { loss, accuracy, imagesPerSecond } = tally;
  const gradientNorm = result.outputs.gradientNorm!.at(-1)!;
  return { event: 'step', step, epoch: epoch + 1, loss, accuracy, gradientNorm, learningRate, imagesPerSecond };
}

/**
 * Makes the event of the epoch under way. `test`: the evaluation of the test set, null if there was none; `role`: that of the set, if it is
 * a validation set; `due`: whether an evaluation was due by evaluateEvery.
 */
export function epochEventOf(
  cursor: Cursor,
  { test, role, due }: { test: EvaluationSummary | null; role?: 'validation'; due: boolean },
  learningRate: number,
): EpochEvent {
  const { step, tally } = cursor;
  const complete = step === cursor.end;
  return {
    event: 'epoch',
    epoch: cursor.epoch + 1,
    step,
    complete,
    ...(test && due !== complete && { scheduled: due }),
    trainLoss: tally.loss,
    trainAccuracy: tally.accuracy,
    ...(test && { testLoss: test.loss, testAccuracy: test.accuracy, testTop5: test.top5, ...evaluatedOn(role) }),
    learningRate,
    imagesPerSecond: tally.imagesPerSecond,
  };
}

/** Makes the end event. `reported`: the epoch whose metrics it repeats; `milliseconds`: the time since fit() began. */
export function endEventOf(cursor: Cursor, reported: EpochEvent, milliseconds: number): EndEvent {
  const { trainAccuracy, testAccuracy, evaluated, imagesPerSecond } = reported;
  const counts = { steps: cursor.step, epochs: cursor.reported!.epoch, seconds: milliseconds / 1000 };
  const test = testAccuracy === undefined ? {} : { testAccuracy, ...evaluatedOn(evaluated) };
  return { event: 'end', ...counts, trainAccuracy, ...test, imagesPerSecond };
}

const evaluatedOn = (role: 'validation' | undefined) => role && { evaluated: role };
