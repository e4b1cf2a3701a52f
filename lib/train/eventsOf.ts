/** Makes the events of a Trainer's fit() from what it has counted. */
import type { Measured } from '../evaluation/metrics';
import { type EpochEvent, type OtherMetrics, ofSet } from '../optim/metric';
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
  const { measured, imagesPerSecond } = tally;
  const { top5, ...metrics } = measured;
  const gradientNorm = result.outputs.gradientNorm!.at(-1)!;
  return { event: 'step', step, epoch: epoch + 1, ...metrics, gradientNorm, learningRate, imagesPerSecond };
}

/**
 * Makes the event of the epoch under way. `test`: the evaluation of the test set, null if there was none; `role`: that of the set, if it is
 * a validation set; `due`: whether an evaluation was due by evaluateEvery.
 */
export function epochEventOf(
  cursor: Cursor,
  { test, role, due }: { test: Measured | null; role?: 'validation'; due: boolean },
  learningRate: number,
): EpochEvent {
  const { step, tally } = cursor;
  const { top5, ...train } = tally.measured;
  const complete = step === cursor.end;
  return {
    event: 'epoch',
    epoch: cursor.epoch + 1,
    step,
    complete,
    ...(test && due !== complete && { scheduled: due }),
    ...(ofSet('train', train) as Pick<EpochEvent, 'trainLoss'>),
    ...(test && { ...ofSet('test', test), ...evaluatedOn(role) }),
    learningRate,
    imagesPerSecond: tally.imagesPerSecond,
  };
}

/** Makes the end event. `reported`: the epoch whose metrics it repeats; `milliseconds`: the time since fit() began. */
export function endEventOf(cursor: Cursor, reported: EpochEvent, milliseconds: number): EndEvent {
  const { evaluated, imagesPerSecond, testLoss } = reported;
  const counts = { steps: cursor.step, epochs: cursor.reported!.epoch, seconds: milliseconds / 1000 };
  const metrics = Object.fromEntries(Object.entries(reported).filter(([name]) => isEndMetric(name))) as OtherMetrics;
  return {
    event: 'end',
    ...counts,
    ...metrics,
    ...(testLoss !== undefined && evaluatedOn(evaluated)),
    imagesPerSecond,
  };
}

/** Whether the end event repeats a field of an epoch: the metrics but for losses and top-5. */
const isEndMetric = (name: string): boolean => /^(train|test)[A-Z]/.test(name) && !/(Loss|Top5)$/.test(name);

const evaluatedOn = (role: 'validation' | undefined) => role && { evaluated: role };
