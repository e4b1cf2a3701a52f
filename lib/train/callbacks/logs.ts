import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { checkInteger, SaturnnError } from '../../errors';
import { type MetricsKind, metricsOfKind } from '../../evaluation/metrics';
import { unwritable } from '../../files/durable';
import { requireRegular } from '../../files/read';
import { type EpochEvent, ofSet } from '../../optim/metric';
import type { Owner } from '../../optim/owner';
import { pathField } from '../../options/field';
import { checkArgument } from '../../options/options';
import type { Callback, RunControl, SavedCallback } from '../callback';
import type { ChangedEvent, EndEvent, StepEvent, StoppedEvent, TrainEvent } from '../events';

/** The saved state of a log. */
interface SavedLog {
  /** Bytes of the file that the log has written. */
  readonly length: number;
  /** CRC-32 of these bytes. Checkpoints of earlier versions have none. */
  readonly crc?: number;
  /** Lines that could not be written yet. */
  readonly waiting: string;
  /** Steps done at the last line. Checkpoints of earlier versions have none. */
  readonly step?: number;
}

/**
 * A text file to which a line is appended at each event. Checkpoints contain its length and checksum: a resumed run cuts off the
 * lines that were written after the checkpoint, so that none is there twice. If lines cannot be written (the disk is full), fit()
 * yields a warning event, training goes on, and the lines are written together with a later one; if they still cannot be written at
 * the end of training, fit() throws ERR_OUTPUT after the end event. If lines are lost, because the file was removed, cut or altered
 * by another program, fit() yields a warning event that says so. A log belongs to one Trainer, because its file does.
 */
abstract class Log implements Callback {
  abstract readonly name: string;
  /** Bytes of the file that this log has written; the next line follows them. */
  #length = 0;
  /** CRC-32 of these bytes. */
  #crc = 0;
  /** Lines that could not be written yet. */
  #waiting = '';
  /** Steps done at the last line. */
  #step = 0;
  #warned = false;
  /** A loss of lines that fit() has not reported yet. */
  #loss: string | null = null;

  /** @param path path of the file; an existing file is replaced, unless the run is resumed */
  constructor(readonly path: string) {
    checkArgument('path', pathField, path);
  }

  /** The text at the beginning of the file. */
  protected get head(): string {
    return '';
  }

  /** @throws ERR_BUSY if the file has lines of another Trainer, which would be lost */
  begin(): void {
    if (this.#length === 0 && this.#waiting === '') return;
    const message = `${this.path} is the log of another Trainer: make a new log, with another path`;
    throw new SaturnnError('ERR_BUSY', message);
  }

  /** Writes the lines that could not be written before. It is called at the end of training. @throws ERR_OUTPUT */
  flush(): void {
    try {
      this.#append();
    } catch (error) {
      throw unwritable(this.path, error);
    }
    this.#sync();
  }

  /** Appends whole lines, after those that could not be written before. */
  protected write(text: string, run: RunControl): void {
    this.#waiting += text;
    this.#step = run.trainer.step;
    try {
      this.#append();
      this.#warned = false;
    } catch (error) {
      if (this.#warned) return;
      this.#warned = true;
      warn(run, unwritable(this.path, error).message);
    }
    if (this.#loss !== null) warn(run, this.#loss);
    this.#loss = null;
  }

  /** Appends the last lines; what cannot be written is an error after the end event. */
  protected end(text: string, run: RunControl): void {
    this.write(text, run);
    // In a power failure, the results that are written after training must not outlive the log's last lines.
    this.#sync();
    if (this.#waiting === '') return;
    run.afterwards(async () => {
      this.flush();
      return undefined;
    });
  }

  #append(): void {
    if (this.#waiting === '') return;
    this.#noticeLoss();
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
      this.#crc = crc32(bytes, this.#crc);
      this.#length += bytes.length;
      this.#waiting = '';
    } finally {
      closeSync(file);
    }
  }

  /** If the file has become shorter, goes on after its last whole line: writing at the old length would leave a gap of zeros. */
  #noticeLoss(): void {
    if (this.#length === 0 || sizeOf(this.path) >= this.#length) return;
    const { length, crc } = wholeLines(this.path);
    this.#loss = lossMessage(this.path, this.#length, length);
    this.#length = length;
    this.#crc = crc;
  }

  /**
   * Returns the length of the file, its checksum, and the lines that could not be written yet. The file is synced to disk first, so
   * that a power failure leaves no checkpoint that is newer than its log. A failure does not prevent the checkpoint; restore()
   * repairs the log.
   */
  save(): SavedCallback {
    this.#sync();
    const state: SavedLog = { length: this.#length, crc: this.#crc, waiting: this.#waiting, step: this.#step };
    return { state };
  }

  #sync(): void {
    if (this.#length === 0) return;
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

  /**
   * Goes on after the bytes of the file that save() has described. If they are not all there, or altered, the whole lines that are
   * there stay, and the next event brings a warning: a damaged log does not prevent a resume.
   * @param saved a result of save()
   * @throws ERR_CHECKPOINT if it is none; ERR_OUTPUT if the file cannot be read or written
   */
  restore({ state }: SavedCallback): void {
    const { length, crc, waiting, step } = checkSaved(this.name, state);
    const present = sizeOf(this.path) > 0 ? readWritable(this.path) : Buffer.alloc(0);
    const saved = present.subarray(0, length);
    const isAltered = crc !== undefined && crc !== crc32(saved);
    // Where other lines were written, `length` may be within one of them: the next line would continue it.
    const kept = isAltered || saved.length < length ? this.#lengthUpTo(step, saved) : length;
    this.#loss = null;
    if (saved.length < length) this.#loss = lossMessage(this.path, length, kept);
    else if (isAltered)
      this.#loss = `${this.path} was altered or damaged since the checkpoint. Its lines stay as they are; ${independent}`;
    this.#length = kept;
    this.#crc = crc32(present.subarray(0, kept));
    this.#waiting = waiting;
    this.#step = step ?? 0;
  }

  /** Returns the step of a line of this log; NaN if it has none. */
  protected abstract stepOf(line: string): number;

  /**
   * Returns the length of the whole lines of a log that has lost some. Those that a process has written since, before it was
   * killed, do not count: they are written again.
   */
  #lengthUpTo(step: number | undefined, bytes: Buffer): number {
    const end = lastLineEnd(bytes);
    if (step === undefined) return end;
    let length = 0;
    while (length < end) {
      const next = bytes.indexOf('\n', length) + 1;
      if (this.stepOf(bytes.toString('utf8', length, next)) > step) break;
      length = next;
    }
    return length;
  }

  /** Cuts off the lines that were written after the checkpoint. */
  restored(): void {
    if (sizeOf(this.path) <= this.#length) return;
    const file = openSync(this.path, 'r+');
    try {
      ftruncateSync(file, this.#length);
    } finally {
      closeSync(file);
    }
  }
}

const independent = 'results and checkpoints do not depend on it';

const lossMessage = (path: string, before: number, now: number): string =>
  `${path} has lost lines: ${now} of ${before} bytes are left. Training goes on below them; ${independent}`;

const warn = (run: RunControl, message: string): void =>
  run.afterwards(async () => ({ event: 'warning', step: run.trainer.step, message }));

/** Returns the size of a file in bytes; 0 if there is none. */
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Returns the bytes of a file that can be written. @throws ERR_OUTPUT if it cannot */
function readWritable(path: string): Buffer {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    // A pipe would wait for a writer for ever.
    if (found) requireRegular(found);
    const file = openSync(path, 'r+');
    try {
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}

const lastLineEnd = (bytes: Buffer): number => bytes.lastIndexOf('\n') + 1;

/** Returns the length and checksum of the whole lines of a file. */
function wholeLines(path: string): Pick<SavedLog, 'length'> & { readonly crc: number } {
  const bytes = sizeOf(path) > 0 ? readFileSync(path) : Buffer.alloc(0);
  const length = lastLineEnd(bytes);
  return { length, crc: crc32(bytes.subarray(0, length)) };
}

function checkSaved(name: string, state: unknown): SavedLog {
  const { length = 0, crc, waiting = '', step } = (state ?? {}) as Partial<SavedLog>;
  try {
    checkInteger('length', length, 0);
    if (crc !== undefined) checkInteger('crc', crc, 0, 2 ** 32 - 1);
    if (step !== undefined) checkInteger('step', step, 0);
    if (typeof waiting === 'string') return { length, crc, waiting, step };
  } catch {
    // The message below is the same for every field.
  }
  throw new SaturnnError('ERR_CHECKPOINT', `the saved state of ${name} is not valid`);
}

/** A log in JSON lines: every step, epoch, changed, stopped and end event as one JSON object per line, with the fields of the event. */
export class JsonlLog extends Log {
  readonly name = 'jsonlLog';

  protected stepOf(line: string): number {
    try {
      const { event, step } = JSON.parse(line) as Partial<StepEvent>;
      // No checkpoint follows the end event.
      return (event as string) === 'end' ? Number.POSITIVE_INFINITY : Number(step);
    } catch {
      return Number.NaN;
    }
  }

  onStep(event: StepEvent, run: RunControl): void {
    this.write(lineOf(event), run);
  }

  onEpoch(event: EpochEvent, run: RunControl): void {
    this.write(lineOf(event), run);
  }

  /** Appends the change. */
  onChanged(event: ChangedEvent, run: RunControl): void {
    this.write(lineOf(event), run);
  }

  onStopped(event: StoppedEvent, run: RunControl): void {
    this.write(lineOf(event), run);
  }

  onEnd(event: EndEvent, run: RunControl): void {
    this.end(lineOf(event), run);
  }
}

const lineOf = (event: TrainEvent): string => `${JSON.stringify(event)}\n`;

/** Returns the columns of the CSV: fields of EpochEvent. */
function columnsOf(kind: MetricsKind): readonly (keyof EpochEvent)[] {
  const names = (set: 'train' | 'test') =>
    Object.keys(ofSet(set, { loss: 0, ...Object.fromEntries(metricsOfKind(kind).map((name) => [name, 0])) }));
  const train = names('train').filter((name) => name !== 'trainTop5');
  const all = ['epoch', 'step', ...train, ...names('test'), 'learningRate', 'imagesPerSecond', 'evaluated'];
  return all as (keyof EpochEvent)[];
}

/** Returns a cell of the CSV: the set that was evaluated is always named there, if there was one. */
const cellOf = (event: EpochEvent, column: keyof EpochEvent) =>
  column === 'evaluated' ? (event.testLoss === undefined ? '' : (event.evaluated ?? 'test')) : (event[column] ?? '');

/**
 * A log in CSV, for spreadsheets and plotting: a row of names, then one row per epoch. Columns: epoch, step, trainLoss,
 * trainAccuracy, testLoss, testAccuracy, testTop5, learningRate and imagesPerSecond, as in EpochEvent, and evaluated: "test" or
 * "validation", the set of the test metrics. If the network computes no classes, the metrics of its loss take the place of the
 * accuracies. What an event does not have is empty.
 */
export class CsvLog extends Log {
  readonly name = 'csvLog';
  #columns = columnsOf('classes');

  protected stepOf(line: string): number {
    return Number(line.split(',')[this.#columns.indexOf('step')]);
  }

  /** @throws ERR_BUSY if the file has lines of another Trainer, which would be lost */
  override begin(owner: Owner = { disposed: false }): void {
    super.begin();
    this.#columns = columnsOf(owner.kind ?? 'classes');
  }

  protected override get head(): string {
    return `${this.#columns.join(',')}\n`;
  }

  onEpoch(event: EpochEvent, run: RunControl): void {
    this.write(`${this.#columns.map((column) => cellOf(event, column)).join(',')}\n`, run);
  }

  /** Appends the rows that could not be written before. */
  onEnd(_: EndEvent, run: RunControl): void {
    this.end('', run);
  }
}
