/** Appends decoded pictures to the file of records of a cache, and to its journal. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Entry, recordBytes } from './cacheIndex';
import type { Decoding } from './decode';
import { Journal, type Journaled } from './journal';

/** Most bytes of records that wait to be written. */
const partBytes = 2 ** 23;

/** Most milliseconds that a record waits: a process that is killed loses no more work. */
const partTime = 1000;

/** A picture before it has a record. */
export type NewEntry = Omit<Entry, 'record'>;

/** Records are on the disk before the journal names them. */
export class RecordWriter {
  readonly #size: number;
  /** Records and entries that are not written yet. */
  #records: Uint8Array[] = [];
  #entries: Entry[] = [];
  #since = Date.now();
  #written: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: FileHandle,
    private readonly journal: Journal,
    decoding: Decoding,
    /** The number of the next record. */
    private next: number,
  ) {
    this.#size = recordBytes(decoding.shape);
  }

  /**
   * Opens the files of a cache.
   * @param journaled the journal that goes on; null: it begins anew
   * @param next the number of the first new record
   */
  static async open(
    folder: string,
    { file, decoding, next }: { readonly file: string; readonly decoding: Decoding; readonly next: number },
    journaled: Journaled | null,
  ): Promise<RecordWriter> {
    const handle = await open(join(folder, file), 'a').then(async (created) => {
      await created.close();
      return open(join(folder, file), 'r+');
    });
    try {
      const journal = journaled ? await Journal.resume(folder, journaled) : await Journal.begin(folder, { file });
      return new RecordWriter(handle, journal, decoding, next);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The number of records after the last one. */
  get capacity(): number {
    return this.next;
  }

  /** Adds a decoded picture. @returns its entry; the record is on the disk later */
  async add(entry: NewEntry, pixels: Uint8Array): Promise<Entry> {
    const whole = { ...entry, record: this.next++ };
    this.#records.push(pixels);
    this.#entries.push(whole);
    await this.#writeIfDue();
    return whole;
  }

  /** Adds an entry that has a record already, or has none because the picture is broken. */
  async note(entry: Entry): Promise<Entry> {
    this.#entries.push(entry);
    await this.#writeIfDue();
    return entry;
  }

  /** Writes what waits. When the promise is fulfilled, everything is on the disk. */
  async flush(): Promise<void> {
    await this.#written;
    this.#writePart();
    await this.#written;
  }

  async close(): Promise<void> {
    await this.#written.catch(() => {});
    await this.journal.close();
    await this.file.close();
  }

  async #writeIfDue(): Promise<void> {
    const isDue = this.#records.length * this.#size >= partBytes || Date.now() - this.#since >= partTime;
    if (!isDue) return;
    // The part before must be on the disk; the new one is written while further pictures are decoded.
    await this.#written;
    this.#writePart();
  }

  #writePart(): void {
    const [records, entries, first] = [this.#records, this.#entries, this.next - this.#records.length];
    [this.#records, this.#entries, this.#since] = [[], [], Date.now()];
    if (entries.length === 0) return;
    this.#written = this.#write(records, entries, first);
    // It is awaited before the next part; until then its error must not count as unhandled.
    this.#written.catch(() => {});
  }

  async #write(records: readonly Uint8Array[], entries: readonly Entry[], first: number): Promise<void> {
    const bytes = Buffer.concat(records);
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, first * this.#size + done);
      done += bytesWritten;
    }
    await this.file.datasync();
    await this.journal.add(entries);
  }
}
