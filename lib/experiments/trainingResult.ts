/** The file result.json of a training that has ended. */
import { join } from 'node:path';
import type { EvaluationSummary } from '../evaluation/evaluation';
import { writeAtomically } from '../files/durable';
import type { EpochEvent } from '../optim/metric';
import type { Chance } from './status';
import { count, number, objectWith, orNull, readStored, someOf, text, word } from './storedJson';

/**
 * Result of a training that has ended, as in its result.json. Accuracies are from 0 to 1. A loss may be NaN, which is null in
 * JSON.
 */
export interface TrainingResult {
  /** "nonFinite" if a loss or gradient overflowed, else "done". */
  readonly ending: 'done' | 'nonFinite';
  /** Steps that have updated the weights. */
  readonly steps: number;
  /** The first step, from 1, that was refused because its loss or gradient was not finite, and the reason; null: none. */
  readonly failure: { readonly step: number; readonly message: string } | null;
  /** The last complete epoch; null if there is none. */
  readonly last: EpochEvent | null;
  /** The complete epoch with the best test accuracy, the first of equals; null if there is none. */
  readonly best: EpochEvent | null;
  /**
   * Evaluation of the training set (centre crops) after the last step; null if it was not asked for or the training diverged.
   */
  readonly evaluatedTrain: EvaluationSummary | null;
  /** The accuracy of guessing, on the training set. */
  readonly chance: Chance;
  /** Time of training in seconds, over all complete epochs and all processes that ran them, without evaluation. */
  readonly seconds: number;
}

const resultName = 'result.json';

const epoch = objectWith({
  ...{ epoch: count, step: count, trainLoss: number, trainAccuracy: number },
  ...{ testLoss: number, testAccuracy: number, imagesPerSecond: number },
});

/**
 * Reads the result of a training and its complete epochs.
 * @returns null if the training has not ended; `epochs` is null in files of earlier versions
 * @throws ERR_CHECKPOINT, naming the field, if the file is damaged
 */
export function readResult(
  folder: string,
): { readonly result: TrainingResult; readonly epochs: readonly EpochEvent[] | null } | null {
  const stored = readStored(join(folder, resultName), {
    ending: word('done', 'nonFinite'),
    steps: count,
    failure: orNull(objectWith({ step: count, message: text })),
    last: orNull(epoch),
    best: orNull(epoch),
    evaluatedTrain: orNull(objectWith({ loss: number, accuracy: number, top5: number })),
    chance: objectWith({ accuracy: number, images: count }),
    seconds: number,
    epochs: someOf(epoch),
  });
  if (stored === null) return null;
  const { epochs, ...result } = stored as unknown as TrainingResult & { epochs?: EpochEvent[] };
  const { last, best, evaluatedTrain } = result;
  return {
    result: { ...result, last: numbersOf(last), best: numbersOf(best), evaluatedTrain: numbersOf(evaluatedTrain) },
    epochs: epochs?.map((event) => numbersOf(event)!) ?? null,
  };
}

/** Writes the result of a training and its complete epochs, so that tables and figures do not depend on the log. */
export function writeResult(folder: string, result: TrainingResult, epochs: readonly EpochEvent[]): void {
  writeAtomically(join(folder, resultName), `${JSON.stringify({ ...result, epochs }, null, 2)}\n`);
}

/** Restores NaN, which JSON stores as null. */
const numbersOf = <T extends object>(record: T | null): T | null =>
  record && (Object.fromEntries(Object.entries(record).map(([key, value]) => [key, value ?? Number.NaN])) as T);
