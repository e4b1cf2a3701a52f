/**
 * The journal of a decoding: one line of JSON for each part of the records that is on the disk, so that a decoding that was killed
 * goes on where it stopped. Each line begins with its checksum: the last one may be cut off.
 */
import { existsSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { largestText } from '../../files/json';
import { readWhole } from '../../files/read';
import { type Entry, journalName } from './cacheIndex';

/** The first line of a journal. */
interface Head {
  /** Name of the file of records. */
  readonly file: string;
}

/** The contents of a journal: the pictures that were decoded. */
export interface Journaled extends Head {
  readonly entries: readonly Entry[];
  /** Bytes of the lines that are whole. */
  readonly bytes: number;
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');

const lineOf = (value: unknown): string => {
  const text = JSON.stringify(value);
  return `${checksum(text)} ${text}\n`;
};

/** Returns the value of a line; undefined if the line is damaged. */
function contentOf(line: string): unknown {
  const text = line.slice(9);
  return line.slice(0, 9) === `${checksum(text)} ` ? JSON.parse(text) : undefined;
}

/**
 * Reads the journal of a cache, up to the first damaged line. Entries whose records are not in the file are left out.
 * @returns null if there is no journal, or not even its first line is whole
 */
export function readJournal(folder: string, recordBytes: number): Journaled | null {
  const path = join(folder, journalName);
  if (!existsSync(path)) return null;
  const [first, ...lines] = readWhole(path, largestText).toString('utf8').split('\n') as [string, ...string[]];
  const head = contentOf(first) as Head | undefined;
  if (!head) return null;
  const size = statSync(join(folder, head.file), { throwIfNoEntry: false })?.size ?? 0;
  const entries: Entry[] = [];
  let bytes = Buffer.byteLength(first) + 1;
  for (const line of lines) {
    const part = contentOf(line) as Entry[] | undefined;
    if (!part) break;
    bytes += Buffer.byteLength(line) + 1;
    for (const entry of part) if ((entry.record + 1) * recordBytes <= size) entries.push(entry);
  }
  return { ...head, entries, bytes };
}

/** A journal that is being written. */
export class Journal {
  private constructor(private readonly file: FileHandle) {}

  /** Begins a journal in place of one that is of no use. */
  static async begin(folder: string, head: Head): Promise<Journal> {
    const file = await open(join(folder, journalName), 'w');
    await file.appendFile(lineOf(head));
    return new Journal(file);
  }

  /** Goes on with a journal that was read, behind its last whole line. */
  static async resume(folder: string, { bytes }: Journaled): Promise<Journal> {
    const file = await open(join(folder, journalName), 'a');
    await file.truncate(bytes);
    return new Journal(file);
  }

  /** Appends entries. When the promise is fulfilled, they are on the disk. */
  async add(entries: readonly Entry[]): Promise<void> {
    await this.file.appendFile(lineOf(entries));
    await this.file.datasync();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
