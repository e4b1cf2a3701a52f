/** The learning rate of every step. A pure function of the step, so that a resumed run goes on exactly; what depends on metrics (plateau) keeps its state in plain JSON. */
import { checkNumber } from '../errors';
import type { EpochEvent } from '../train/events';

/** How long a run is, for schedules that end with it. */
export interface RunLength {
  readonly stepsPerEpoch: number;
  /** Of the whole run, steps before a resume included. */
  readonly totalSteps: number;
}

export interface Schedule {
  /** For messages and checkpoints, e.g. "cosine". */
  readonly name: string;
  /** Learning rate of step `step`, from 0. */
  at(step: number, length: RunLength): number;
  /** Told of every epoch's metrics as soon as they are known. */
  observe?(epoch: EpochEvent): void;
  /** What `observe` has changed, as JSON, and back again: for checkpoints. */
  save?(): unknown;
  restore?(saved: unknown): void;
}

/** The same rate in every step. */
export function constantRate(rate: number): Schedule {
  checkNumber('learningRate', rate, 0, 1e6);
  return { name: 'constant', at: () => rate };
}
