/**
 * A section of gpu:check: one question, answered in a process of its own, so that a crash, a hang or an illegal address in one
 * leaves the others what they are. It records rows as they are found; what was recorded before its end counts.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import type { Device, Precision } from '../../lib/runtime/device';

export interface Row {
  /** Of the section's tables. */
  readonly kind: string;
  /** What is wrong, in words; absent: nothing. */
  readonly failed?: string;
  readonly [field: string]: unknown;
}

export interface CheckOptions {
  /** cpu, cuda, cuda:N. */
  readonly device: string;
  readonly precisions: readonly Precision[];
  /** Tiny sizes: for a host without a GPU; no time means anything. */
  readonly smoke: boolean;
  /** Conformance: cases whose name contains this. */
  readonly cases: string;
  /** Conformance: not those that call cuDNN. */
  readonly ownKernels: boolean;
  /** train: a folder with CIFAR-100's binary files, where results go, and how long. */
  readonly data: string;
  readonly out: string;
  readonly epochs: number;
}

export interface Context {
  readonly device: Device;
  readonly options: CheckOptions;
  /** Those asked for that the device has. */
  readonly precisions: readonly Precision[];
  /** Seconds that are left. */
  readonly left: () => number;
  readonly record: (row: Row) => void;
  /** What did not run, and why. */
  readonly skip: (what: string) => void;
  /** Rows of sections that have run before, by their name. */
  readonly before: Readonly<Record<string, readonly Row[]>>;
}

export interface Section {
  readonly name: string;
  readonly about: string;
  /** Seconds, of a check that may take 530. */
  readonly seconds: number;
  /** Runs only if it is asked for. */
  readonly optional?: boolean;
  readonly run: (context: Context) => Promise<void>;
  /** Rows as a person reads them; those that failed are listed after it. */
  readonly format: (rows: readonly Row[]) => string;
}

/** One row per line of a file: what is there when a process dies can be read. */
export class RowFile {
  constructor(readonly path: string) {}

  readonly append = (row: Row): void => appendFileSync(this.path, `${JSON.stringify(row)}\n`);

  /** A last line that was cut off is left out. */
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

export const ofKind = <Kind extends Row>(rows: readonly Row[], kind: Kind['kind']): Kind[] =>
  rows.filter((row) => row.kind === kind) as Kind[];
