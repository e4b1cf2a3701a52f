/** What a sweep gives. */
import type { Spread, Table1, Table1Row } from '../table1/rows';

/** Over seeds, in an epoch that all of them have. */
export interface SweepEpoch {
  /** From 1. */
  readonly epoch: number;
  readonly train: Spread;
  readonly test: Spread;
}

export interface SweepRow extends Table1Row {
  readonly a: number;
  /** Of the seeds that have not diverged. */
  readonly epochs: readonly SweepEpoch[];
}

export interface Sweep {
  readonly activation: string;
  /** In order of a. */
  readonly rows: readonly SweepRow[];
  /** Settings, searches for learning rates, and whether anything is left to do. Its folder is OUT/trainings. */
  readonly table: Table1;
  readonly out: string;
  readonly report: string;
}
