import { closeSync, openSync, writeSync } from 'node:fs';
import { SaturnnError } from '../errors';
import type { TrainEvent } from './events';

/** metrics.jsonl: one event per line, each there as soon as it happened, whatever becomes of the process. */
export class MetricsWriter {
  readonly #file: number;

  /** Replaces an earlier file. @throws ERR_OUTPUT */
  constructor(path: string) {
    try {
      this.#file = openSync(path, 'w');
    } catch (error) {
      throw new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  write(event: TrainEvent): void {
    writeSync(this.#file, `${JSON.stringify(event)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
