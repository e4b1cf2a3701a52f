import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { unwritable } from '../../files/durable';
import type { EpochEvent } from '../../optim/metric';
import type { Callback, RunControl, SavedCallback } from '../callback';
import type { EndEvent, StepEvent, StoppedEvent, TrainEvent } from '../events';

/**
 * A text file to which a line is appended at each event. Checkpoints contain its length: a resumed run cuts off the lines that
 * were written after the checkpoint, so that none is there twice. If lines cannot be written (the disk is full), fit() yields a
 * warning event, training goes on, and the lines are written together with a later one.
 */
abstract class Log implements Callback {
  abstract readonly name: string;
  /** Bytes of the file that this log has written; the next line follows them. */
  #length = 0;
  /** Lines that could not be written yet. */
  #waiting = '';
  #warned = false;

  /**
   * @param path path of the file; an existing file is replaced, unless the run is resumed
   * @param head text at the beginning of the file
   */
  constructor(
    readonly path: string,
    private readonly head = '',
  ) {}

  /** Appends whole lines, after those that could not be written before. */
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
    // If the file was removed, it begins again.
    if (!existsSync(this.path)) this.#length = 0;
    const file = openSync(this.path, this.#length > 0 ? 'r+' : 'w');
    try {
      const bytes = Buffer.from(this.#length > 0 ? this.#waiting : this.head + this.#waiting);
      try {
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(file, bytes, done, bytes.length - done, this.#length + done);
        }
      } catch (error) {
        // Otherwise half a line would stay in the file.
        ftruncateSync(file, this.#length);
        throw error;
      }
      this.#length += bytes.length;
      this.#waiting = '';
    } finally {
      closeSync(file);
    }
  }

  /**
   * Returns the length of the file, and the lines that could not be written yet. The file is synced to disk first, so that a
   * power failure leaves no checkpoint that is newer than its log. A failure does not prevent the checkpoint; restore()
   * repairs the log.
   */
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
        // The file was removed, or the disk is full: write() warns of it.
      }
    }
    return { state: { length: this.#length, waiting: this.#waiting } };
  }

  /**
   * Cuts the file to the length that save() returned. If it is shorter, its whole lines are kept and the missing ones stay
   * missing: a damaged log does not prevent a resume.
   * @param saved a result of save()
   */
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

/** A log in JSON lines: every step, epoch, stopped and end event as one JSON object per line, with the fields of the event. */
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

/**
 * A log in CSV, for spreadsheets and plotting: a row of names, then one row per epoch. Columns: epoch, step, trainLoss,
 * trainAccuracy, testLoss, testAccuracy, testTop5, learningRate and imagesPerSecond, as in EpochEvent.
 */
export class CsvLog extends Log {
  readonly name = 'csvLog';

  /** @param path path of the file; an existing file is replaced, unless the run is resumed */
  constructor(path: string) {
    super(path, `${columns.join(',')}\n`);
  }

  onEpoch(event: EpochEvent, run: RunControl): void {
    this.write(`${columns.map((column) => event[column]).join(',')}\n`, run);
  }
}
