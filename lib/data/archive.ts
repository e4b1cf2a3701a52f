/** Checks and unpacks .tar.gz archives as a stream, within limits: a small file can unpack to far more than the memory holds. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { reasonOf, SaturnnError, show } from '../errors';
import { allocate, openRegularLater } from '../files/read';

/** Limits of an archive. */
export interface ArchiveLimits {
  /** Most bytes that it may unpack to. */
  readonly unpacked: number;
  /** Most bytes between two files: headers, long names. */
  readonly headers: number;
  /** Most files and folders. */
  readonly entries: number;
}

/** The limits by default. CIFAR-100 unpacks to 184 MB, in 5 entries. */
export const archiveLimits: ArchiveLimits = { unpacked: 2 ** 30, headers: 2 ** 20, entries: 10_000 };

/** A regular file in an archive. */
export interface ArchivedFile {
  /** The last part of its path, which is not empty and has no slash. */
  readonly name: string;
  /** The number of its bytes. */
  readonly size: number;
  /** Its bytes. They must be read to the end, or not at all. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Checks an md5 sum (lower-case hex) of the file `path`. @throws ERR_DATA, with both sums, if they differ */
export function checkMd5(path: string, found: string, expected: string): void {
  if (found === expected) return;
  const message = `Expected md5 ${expected} for ${path} but received ${found}: the file is damaged, or it is another one`;
  throw new SaturnnError('ERR_DATA', message);
}

/** Opens a file as a stream. @throws ERR_DATA if it cannot be read, or is no regular file */
export async function openStream(path: string): Promise<Readable> {
  try {
    return (await openRegularLater(path)).handle.createReadStream();
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Checks that a file begins as every gzip archive does: of another file, an md5 sum says nothing. @throws ERR_DATA */
export async function requireGzip(path: string): Promise<void> {
  let begin = Buffer.alloc(0);
  for await (const chunk of await openStream(path)) {
    begin = Buffer.concat([begin, chunk]);
    if (begin.length >= gzipMagic.length) break;
  }
  if (gzipMagic.every((byte, index) => begin[index] === byte)) return;
  const message = `Expected a folder or a .tar.gz at ${path} but found another file, which is not packed with gzip`;
  throw new SaturnnError('ERR_DATA', message);
}

/** First bytes of every gzip archive (RFC 1952). */
const gzipMagic = [0x1f, 0x8b];

/** Returns the md5 sum of a file, as lower-case hex. The file is read in pieces, so it need not fit in memory. */
export async function md5Of(path: string): Promise<string> {
  const sum = createHash('md5');
  for await (const chunk of await openStream(path)) sum.update(chunk);
  return sum.digest('hex');
}

/**
 * Returns files of a .tar.gz, whole, by the last part of their path. Those that are not wanted are empty.
 * @param packed its bytes
 * @param source names the archive in errors
 * @param isWanted says of a name whether the bytes of the file are wanted; default: all are
 * @throws what readArchive() throws; ERR_OUT_OF_MEMORY
 */
export async function unpack(
  packed: Uint8Array | Readable,
  source: string,
  { isWanted = () => true, limits }: { isWanted?: (name: string) => boolean; limits?: ArchiveLimits } = {},
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const keep = async ({ name, size, bytes }: ArchivedFile) => {
    const file = new Uint8Array(allocate(isWanted(name) ? size : 0, `${show(name)} in ${source}`));
    files.set(name, file);
    let done = 0;
    if (file.length > 0)
      for await (const part of bytes) {
        file.set(part, done);
        done += part.length;
      }
  };
  await readArchive(packed instanceof Readable ? packed : Readable.from([packed]), source, keep, { limits });
  return files;
}

/**
 * Reads a .tar.gz (ustar, GNU or pax) from beginning to end. It may hold regular files and folders only: a data set needs no more.
 * @param source names the archive in errors
 * @param take is called with each file, in their order; the next follows when its promise is fulfilled
 * @throws ERR_DATA if it is not a gzip file, not a tar archive, holds two files with the same last name or anything but files and
 * folders, or exceeds a limit; what `take` throws; the reason of `signal`
 */
export async function readArchive(
  packed: Readable,
  source: string,
  take: (file: ArchivedFile) => Promise<void>,
  { limits = archiveLimits, signal }: { limits?: ArchiveLimits; signal?: AbortSignal } = {},
): Promise<void> {
  // Loaded here: a program that reads no archive does not pay for it.
  const { extract } = require('tar-stream') as TarStream;
  const reader = new ArchiveReader(extract({ allowUnknownFormat: true }), source, take, limits);
  try {
    await pipeline(packed, createGunzip(), (unpacked: AsyncIterable<Uint8Array>) => reader.read(unpacked), { signal });
  } catch (error) {
    // The reader's own error comes first: destroying the streams makes others.
    const first = reader.error ?? error;
    signal?.throwIfAborted();
    if (first === reader.error || first instanceof SaturnnError) throw first;
    throw new SaturnnError('ERR_DATA', `${source} is not a valid gzip file: ${reasonOf(first)}`, { cause: first });
  }
}

/** The part of the package tar-stream that is used here. */
interface TarStream {
  extract(options: { allowUnknownFormat: boolean }): Extract;
}

/** Reads the bytes of an archive that are written to it. */
type Extract = Writable & {
  on(event: 'entry', listener: (header: Header, bytes: Readable, next: (error?: unknown) => void) => void): void;
};

/** The header of a file or folder. */
interface Header {
  readonly name: string;
  /** "file", "directory" and others; null if it is not known. */
  readonly type: string | null;
  /** NaN if it cannot be read. */
  readonly size: number;
  /** The records of an extended header before it. */
  readonly pax: Readonly<Record<string, string>> | null;
}

/** The bytes of a file end early because its archive does: the archive's own error says why. */
class Lost extends Error {}

/** Gives the bytes of a tar archive to tar-stream, and checks what comes out. */
class ArchiveReader {
  /** The fault of the archive, or the error that `take` has thrown. */
  error: unknown;
  readonly #names = new Set<string>();
  /** Bytes read so far. */
  #total = 0;
  /** Bytes read since the last file. */
  #betweenFiles = 0;
  /** The last block. */
  #tail: Uint8Array = Buffer.alloc(0);
  #entries = 0;
  #isInFile = false;
  /** The last file or folder, for messages. */
  #last: string | null = null;
  #working: Promise<void> = Promise.resolve();

  constructor(
    private readonly tar: Extract,
    private readonly source: string,
    private readonly take: (file: ArchivedFile) => Promise<void>,
    private readonly limits: ArchiveLimits,
  ) {
    tar.on('error', (error) => this.#note(this.#describe(error)));
    tar.on('entry', (header, stream, next) => {
      // When the archive is given up, so is the file; the archive's own error is the one that counts.
      stream.on('error', () => {});
      this.#working = this.#enter(header, stream).then(
        () => next(),
        (error) => {
          if (!(error instanceof Lost)) this.#note(error);
          next(error);
        },
      );
    });
  }

  /** Reads the whole archive. @throws the first error */
  async read(unpacked: AsyncIterable<Uint8Array>): Promise<void> {
    const closed = new AbortController();
    this.tar.once('close', () => closed.abort());
    const finished = once(this.tar, 'finish', { signal: closed.signal });
    finished.catch(() => {});
    try {
      for await (const chunk of unpacked) {
        this.#count(chunk);
        if (!this.tar.write(chunk)) await once(this.tar, 'drain', { signal: closed.signal });
      }
      this.tar.end();
      await finished;
      await this.#working;
      // The end is a block of zeros; without it, the archive may have been cut between two files.
      if (this.#tail.length < block || this.#tail.some((byte) => byte !== 0)) throw this.#cutOff();
    } catch (error) {
      // Leaving the loop destroys the stream of bytes, whose error would hide this one.
      if (error instanceof SaturnnError) this.#note(error);
      this.tar.destroy();
      await this.#working;
      throw this.error ?? error;
    }
  }

  #note(error: unknown): void {
    this.error ??= error;
  }

  #count(chunk: Uint8Array): void {
    if (this.error) throw this.error;
    const { unpacked, headers } = this.limits;
    this.#total += chunk.length;
    if (this.#total > unpacked) throw this.#fail(`it unpacks to more than ${unpacked} bytes`);
    if (!this.#isInFile) this.#betweenFiles += chunk.length;
    if (this.#betweenFiles > headers) {
      throw this.#fail(`more than ${headers} bytes follow ${this.#last ?? 'its beginning'} without a file`);
    }
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-block)]).subarray(-block);
  }

  async #enter({ name, type, size, pax }: Header, stream: Readable): Promise<void> {
    const entry = show(name.slice(0, longestName));
    this.#last = entry;
    this.#betweenFiles = 0;
    if (++this.#entries > this.limits.entries) throw this.#fail(`it has more than ${this.limits.entries} entries`);
    if (!Number.isSafeInteger(size) || size < 0) throw this.#fail(`${entry} has no readable size`);
    if (size > this.limits.unpacked) throw this.#fail(`${entry} has ${size} bytes, more than ${this.limits.unpacked}`);
    if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse')))
      throw this.#fail(`${entry} is a sparse file`);
    if (type === 'directory') return void stream.resume();
    if (type !== 'file') throw this.#fail(`${entry} is neither file nor folder (${type ?? 'unknown type'})`);
    const last = name.split('/').at(-1)!;
    if (last === '' || name.length > longestName) throw this.#fail(`${entry} is no name of a file`);
    if (this.#names.has(last)) throw this.#fail(`it contains two files named ${show(last)}`);
    this.#names.add(last);
    this.#isInFile = true;
    const bytes = bytesOf(stream);
    await this.take({ name: last, size, bytes });
    // Bytes that nobody has read are passed over.
    for await (const _ of bytes);
    this.#isInFile = false;
  }

  /** Describes an error of tar-stream. */
  #describe(error: Error): unknown {
    if (error instanceof SaturnnError || error instanceof Lost || error === this.error) return error;
    if (/unexpected end/i.test(error.message)) return this.#cutOff();
    return this.#fail(`${error.message.replace(/\. Maybe .*/, '')}${this.#last ? `, after ${this.#last}` : ''}`);
  }

  #cutOff(): SaturnnError {
    return this.#fail(
      `it ends at byte ${this.#total}, before its end mark${this.#last ? `, after ${this.#last}` : ''}`,
    );
  }

  #fail(what: string): SaturnnError {
    return new SaturnnError('ERR_DATA', `${this.source} is not a valid tar archive: ${what}`);
  }
}

/** Returns the bytes of a file in an archive. @throws Lost if the archive ends or is given up before */
async function* bytesOf(stream: Readable): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const chunk of stream) yield chunk;
  } catch (error) {
    throw new Lost('The archive ends within a file', { cause: error });
  }
}

/** Bytes of a block of a tar archive. */
const block = 512;

/** Most characters of a path in an archive. */
const longestName = 4096;
