/** Reads files from beginning to end: plain ones, whose bytes can be passed over without reading them, and those packed with gzip. */
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { reasonOf, SaturnnError } from '../../errors';
import { allocate } from '../../files/read';
import type { ByteReader } from './tarIndex';

/** Bytes that are read at once at least: many small files then take few reads. */
const chunkBytes = 2 ** 16;

/** Reads an open file. */
export class FileReader implements ByteReader {
  position = 0;
  /** Bytes of the file from `#at` on, which were read already. */
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(
    private readonly handle: FileHandle,
    private readonly size: number,
  ) {}

  async read(count: number): Promise<Uint8Array> {
    const length = Math.max(0, Math.min(count, this.size - this.position));
    const begin = this.position - this.#at;
    if (begin + length > this.#chunk.length) await this.#fill(length);
    const from = this.position - this.#at;
    const bytes = this.#chunk.subarray(from, from + length);
    this.position += bytes.length;
    return bytes;
  }

  async skip(count: number): Promise<number> {
    const skipped = Math.max(0, Math.min(count, this.size - this.position));
    this.position += skipped;
    return skipped;
  }

  /** Reads a chunk of at least `count` bytes from the position on. */
  async #fill(count: number): Promise<void> {
    const length = Math.min(Math.max(count, chunkBytes), this.size - this.position);
    const bytes = new Uint8Array(allocate(length, 'A part of an archive'));
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.handle.read(bytes, done, length - done, this.position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    this.#chunk = bytes.subarray(0, done);
    this.#at = this.position;
  }
}

/** Reads a stream that is packed with gzip. */
export class GzipReader implements ByteReader {
  position = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #gunzip = createGunzip();
  #rest: Uint8Array = new Uint8Array(0);

  /** @param source names the stream in errors */
  constructor(
    private readonly packed: Readable,
    private readonly source: string,
  ) {
    packed.on('error', (error) => this.#gunzip.destroy(error));
    this.#chunks = packed.pipe(this.#gunzip)[Symbol.asyncIterator]();
  }

  async read(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const done = await this.#take(count, (part) => parts.push(part));
    this.position += done;
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  async skip(count: number): Promise<number> {
    const done = await this.#take(count, () => {});
    this.position += done;
    return done;
  }

  /** Ends the stream. */
  close(): void {
    this.packed.destroy();
    this.#gunzip.destroy();
  }

  async #take(count: number, keep: (part: Uint8Array) => void): Promise<number> {
    let done = 0;
    while (done < count) {
      if (this.#rest.length === 0 && !(await this.#more())) break;
      const part = this.#rest.subarray(0, count - done);
      this.#rest = this.#rest.subarray(part.length);
      keep(part);
      done += part.length;
    }
    return done;
  }

  async #more(): Promise<boolean> {
    try {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#rest = value;
      return true;
    } catch (error) {
      const what = `${this.source} is not a valid gzip file (after ${this.position} unpacked bytes): ${reasonOf(error)}`;
      throw new SaturnnError('ERR_DATA', what, { cause: error });
    }
  }
}
