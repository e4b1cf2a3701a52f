/** The results of a sweep. */
import type { Spread, Table1, Table1Row } from '../table1/rows';

/** Accuracies over seeds after an epoch that all of them have completed. */
export interface SweepEpoch {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Training accuracy, 0 to 1. */
  readonly train: Spread;
  /** Test accuracy, 0 to 1. */
  readonly test: Spread;
}

/** The results of one slope. */
export interface SweepRow extends Table1Row {
  /** Slope of the negative half; 1 for tanh in a sweep of leakyTanh. */
  readonly a: number;
  /** Learning curve over the seeds that have begun and not diverged. */
  readonly epochs: readonly SweepEpoch[];
}

/** Result of sweep(). */
export interface Sweep {
  /** Activation: "leakyTanh", "leakyRelu" or "elu". */
  readonly activation: string;
  /** One row per slope, in ascending order of a. */
  readonly rows: readonly SweepRow[];
  /** The trainings as a table: settings, searches, and whether anything is left to do. Its folder is OUT/trainings. */
  readonly table: Table1;
  /** Path of the folder. */
  readonly out: string;
  /** Path of report.html. */
  readonly report: string;
}
