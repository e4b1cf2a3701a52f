/**
 * A section of gpu:check: one kind of check or benchmark. It runs in its own process, so that a crash, a hang or an
 * illegal address does not affect the other sections. It records each result at once; rows that it recorded before a
 * crash still count.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import type { Device, Precision } from '../../lib/runtime/device';

export interface Row {
  /** Kind of row, which says what other fields it has; a section may record several kinds. */
  readonly kind: string;
  /** Description of the failure; undefined if the row is not a failure. */
  readonly failed?: string;
  readonly [field: string]: unknown;
}

export interface CheckOptions {
  /** Name of a device: cpu, cuda or cuda:N. */
  readonly device: string;
  readonly precisions: readonly Precision[];
  /** Whether to use tiny sizes, so that the check itself can be tested on a host without a GPU. Times then mean nothing. */
  readonly smoke: boolean;
  /** Conformance: runs only cases whose name contains this text. */
  readonly cases: string;
  /** Conformance: whether to leave out cases that call cuDNN. */
  readonly ownKernels: boolean;
  /** Train: folder with train.bin and test.bin of CIFAR-100; empty if --train was not given. */
  readonly data: string;
  /** Train: folder for the runs. */
  readonly out: string;
  /** Train: epochs to train in each precision. */
  readonly epochs: number;
}

export interface Context {
  readonly device: Device;
  readonly options: CheckOptions;
  /** The wanted precisions that the device supports. */
  readonly precisions: readonly Precision[];
  /** Returns the seconds that the section has left. */
  readonly left: () => number;
  readonly record: (row: Row) => void;
  /** Reports that a part did not run, and why. */
  readonly skip: (what: string) => void;
  /** Rows of the sections that ran earlier, by the section's name. */
  readonly before: Readonly<Record<string, readonly Row[]>>;
}

export interface Section {
  readonly name: string;
  /** Short description that is printed when the section starts. */
  readonly about: string;
  /** Usual duration; those of all sections that are not optional add up to about 530. */
  readonly seconds: number;
  /** Whether the section runs only if the command line names it; default false. */
  readonly optional?: boolean;
  readonly run: (context: Context) => Promise<void>;
  /** Formats rows as text with a table; failures are printed separately. */
  readonly format: (rows: readonly Row[]) => string;
}

/** A file with one row of JSON per line. Rows that were written before a process died can be read. */
export class RowFile {
  constructor(readonly path: string) {}

  readonly append = (row: Row): void => appendFileSync(this.path, `${JSON.stringify(row)}\n`);

  /** Reads all rows, without a last line that is not complete; none if the file does not exist. */
  read(): Row[] {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch {
      return [];
    }
    const complete = text.slice(0, text.lastIndexOf('\n') + 1);
    return complete
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Row);
  }
}

/** Selects the rows of one kind. */
export const ofKind = <Kind extends Row>(rows: readonly Row[], kind: Kind['kind']): Kind[] =>
  rows.filter((row) => row.kind === kind) as Kind[];
