import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { unwritable } from '../../files/durable';
import type { Callback, RunControl, SavedCallback } from '../callback';
import type { EndEvent, EpochEvent, StepEvent, StoppedEvent, TrainEvent } from '../events';

/**
 * A text file that grows line by line, each there as soon as it happened. Its length is part of a checkpoint: a resumed run
 * cuts off what was written after that, so that no line comes twice. While lines cannot be written (a full disk), training
 * goes on with a warning event, and they follow when they can.
 */
abstract class Log implements Callback {
  abstract readonly name: string;
  /** Bytes that are ours. */
  #length = 0;
  /** Lines that could not be written yet. */
  #waiting = '';
  #warned = false;

  /**
   * @param path an earlier file is replaced, unless the run is resumed
   * @param head what every file begins with
   */
  constructor(
    readonly path: string,
    private readonly head = '',
  ) {}

  /** Appends whole lines. */
  protected write(text: string, run: RunControl): void {
    this.#waiting += text;
    try {
      this.#append();
      this.#warned = false;
    } catch (error) {
      if (this.#warned) return;
      this.#warned = true;
      const { message } = unwritable(this.path, error);
      run.afterwards(async () => ({ event: 'warning', step: run.trainer.step, message }));
    }
  }

  #append(): void {
    // Removed by somebody: it begins again.
    if (!existsSync(this.path)) this.#length = 0;
    const file = openSync(this.path, this.#length > 0 ? 'r+' : 'w');
    try {
      const bytes = Buffer.from(this.#length > 0 ? this.#waiting : this.head + this.#waiting);
      try {
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(file, bytes, done, bytes.length - done, this.#length + done);
        }
      } catch (error) {
        // Half a line would stay.
        ftruncateSync(file, this.#length);
        throw error;
      }
      this.#length += bytes.length;
      this.#waiting = '';
    } finally {
      closeSync(file);
    }
  }

  /** On disk before the checkpoint that counts on it. If that fails, restore() finds what is there: no reason for no checkpoint. */
  save(): SavedCallback {
    if (this.#length > 0) {
      try {
        const file = openSync(this.path, 'r+');
        try {
          fsyncSync(file);
        } finally {
          closeSync(file);
        }
      } catch {
        // Removed, or a disk that is full: write() tells of it.
      }
    }
    return { state: { length: this.#length, waiting: this.#waiting } };
  }

  /** What is missing of the file stays missing: a log is no reason not to go on. */
  restore({ state }: SavedCallback): void {
    const { length = 0, waiting = '' } = (state ?? {}) as { length?: number; waiting?: string };
    const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
    const wholeLines = () => (size === 0 ? 0 : readFileSync(this.path).lastIndexOf('\n') + 1);
    this.#length = size >= length ? length : wholeLines();
    this.#waiting = waiting;
    if (size === 0) return;
    const file = openSync(this.path, 'r+');
    ftruncateSync(file, this.#length);
    closeSync(file);
  }
}

/** One event per line: step, epoch, stopped and end. */
export class JsonlLog extends Log {
  readonly name = 'jsonlLog';

  onStep(event: StepEvent, run: RunControl): void {
    this.#line(event, run);
  }

  onEpoch(event: EpochEvent, run: RunControl): void {
    this.#line(event, run);
  }

  onStopped(event: StoppedEvent, run: RunControl): void {
    this.#line(event, run);
  }

  onEnd(event: EndEvent, run: RunControl): void {
    this.#line(event, run);
  }

  #line(event: TrainEvent, run: RunControl): void {
    this.write(`${JSON.stringify(event)}\n`, run);
  }
}

const columns = [
  'epoch',
  'step',
  'trainLoss',
  'trainAccuracy',
  'testLoss',
  'testAccuracy',
  'testTop5',
  'learningRate',
  'imagesPerSecond',
] as const satisfies readonly (keyof EpochEvent)[];

/** One epoch per row, for spreadsheets and plotting, with a row of names. */
export class CsvLog extends Log {
  readonly name = 'csvLog';

  constructor(path: string) {
    super(path, `${columns.join(',')}\n`);
  }

  onEpoch(event: EpochEvent, run: RunControl): void {
    this.write(`${columns.map((column) => event[column]).join(',')}\n`, run);
  }
}
