/**
 * Reads files in parts: Node.js reads at most 2 GiB at once. Only regular files are opened, because a pipe or a device may wait, or
 * have no end.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { reasonOf, SaturnnError } from '../errors';

/** Most bytes that are read, written or hashed at once: few enough that the event loop is not blocked for long. */
export const largestPart = 2 ** 26;

/** A request of a parser: the bytes of the file from `position` on are to be written into `target`, as many as it has. */
export interface ReadRequest {
  readonly position: number;
  readonly target: Uint8Array;
}

/** Reads a file by asking for its bytes, and returns what it holds. It works on files and bytes alike, at once or later. */
export type Parser<T> = Generator<ReadRequest, T, void>;

/** Asks for bytes to fill `buffer`, in parts; `seen` is called with each part when it is filled, in their order. */
export function* requestBytes(
  position: number,
  buffer: ArrayBufferLike,
  { part = largestPart, seen }: { part?: number; seen?: (part: Uint8Array) => void } = {},
): Parser<void> {
  // Not cut from one view of the whole: Node.js 20 has no view of more than 4 GiB.
  for (let at = 0; at < buffer.byteLength; at += part) {
    const target = new Uint8Array(buffer, at, Math.min(part, buffer.byteLength - at));
    yield { position: position + at, target };
    seen?.(target);
  }
}

/** Cuts bytes into views of at most `part` bytes. */
export function* partsOf(bytes: Uint8Array, part = largestPart): Generator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += part) yield bytes.subarray(at, at + part);
}

/** Gives a parser the bytes of a file. @throws what opening or reading throws; what the parser throws */
export function parseFile<T>(path: string, parserOf: (size: number) => Parser<T>): T {
  const { descriptor, size } = openRegular(path);
  try {
    const parser = parserOf(size);
    for (;;) {
      const step = parser.next();
      if (step.done) return step.value;
      const { position, target } = step.value;
      for (let done = 0; done < target.length; ) {
        const read = readSync(descriptor, target, done, target.length - done, position + done);
        if (read === 0) throw shorter(position + done);
        done += read;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Does the same as parseFile() without blocking the main thread while the disk works. */
export async function parseFileLater<T>(path: string, parserOf: (size: number) => Parser<T>): Promise<T> {
  const { handle, size } = await openRegularLater(path);
  try {
    const parser = parserOf(size);
    for (;;) {
      const step = parser.next();
      if (step.done) return step.value;
      await readExactly(handle, step.value.target, step.value.position);
    }
  } finally {
    await handle.close();
  }
}

/** Fills `target` with the bytes of an open file from `position` on. @throws Error if the file ends before */
export async function readExactly(handle: FileHandle, target: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw shorter(position + done);
    done += bytesRead;
  }
}

/** Gives a parser bytes that are in memory. */
export function parseBytes<T>(bytes: Uint8Array, parserOf: (size: number) => Parser<T>): T {
  const parser = parserOf(bytes.length);
  for (;;) {
    const step = parser.next();
    if (step.done) return step.value;
    const { position, target } = step.value;
    target.set(bytes.subarray(position, position + target.length));
  }
}

/** Reads a whole file of at most `most` bytes. @throws Error that says what is wrong; ERR_OUT_OF_MEMORY */
export function readWhole(path: string, most: number): Buffer {
  return parseFile(path, function* (size) {
    if (size > most) throw new Error(`it has ${size} bytes; at most ${most} are accepted`);
    const buffer = allocate(size, path);
    yield* requestBytes(0, buffer);
    return Buffer.from(buffer);
  });
}

/** Opens a regular file. @throws Error for a folder, pipe, socket or device, which are not opened; what the system says */
export function openRegular(path: string): { readonly descriptor: number; readonly size: number } {
  requireRegular(statSync(path));
  const descriptor = openSync(path, withoutWaiting);
  try {
    // Another file may have taken the name meanwhile.
    const stats = fstatSync(descriptor);
    requireRegular(stats);
    return { descriptor, size: stats.size };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Does the same as openRegular() for reading with promises. */
export async function openRegularLater(path: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  requireRegular(statSync(path));
  const handle = await open(path, withoutWaiting);
  try {
    const stats = await handle.stat();
    requireRegular(stats);
    return { handle, size: stats.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Opening a pipe waits for a writer without the second flag. */
const withoutWaiting = constants.O_RDONLY | constants.O_NONBLOCK;

/** @throws Error unless it is a regular file */
export function requireRegular(stats: Stats): void {
  if (!stats.isFile()) throw new Error(`it is ${kindOf(stats)}, not a regular file`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/** Bytes of memory that this process may have; found at the first call, because a file may have many parts. */
let memory: number | null = null;

/**
 * Allocates zeroed memory for a part of a file. A file may claim any size, so a size beyond this machine's memory is refused before.
 * @throws ERR_OUT_OF_MEMORY that names the part
 */
export function allocate(bytes: number, what: string): ArrayBuffer {
  memory ??= Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  if (bytes > memory) {
    throw new SaturnnError('ERR_OUT_OF_MEMORY', `${what} has ${bytes} bytes, and this machine has ${memory}`);
  }
  try {
    return new ArrayBuffer(bytes);
  } catch (error) {
    throw new SaturnnError('ERR_OUT_OF_MEMORY', `${what} has ${bytes} bytes: ${reasonOf(error)}`, { cause: error });
  }
}

/** Does the same as allocate() for bytes that are used as one view, which Node.js 20 limits to 4 GiB. @throws ERR_OUT_OF_MEMORY */
export function allocateBytes(bytes: number, what: string): Uint8Array {
  const memory = allocate(bytes, what);
  try {
    return new Uint8Array(memory);
  } catch (error) {
    const message = `${what} has ${bytes} bytes, and an array of this Node.js has room for less`;
    throw new SaturnnError('ERR_OUT_OF_MEMORY', message, { cause: error });
  }
}

const shorter = (at: number) => new Error(`it ends at byte ${at}: it has become shorter`);
