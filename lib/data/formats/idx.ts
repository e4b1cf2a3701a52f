/**
 * Reads the IDX format of MNIST: two zero bytes, a byte for the type of the elements, a byte for the number of dimensions, each
 * dimension as a big-endian 32-bit integer, and the elements.
 */
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { reasonOf, SaturnnError } from '../../errors';
import { allocateBytes, type Parser, parseBytes, parseFileLater, requestBytes } from '../../files/read';
import { openStream } from '../archive';
import type { FileArray } from './array';

const failure = (source: string) => (what: string, cause?: unknown) =>
  new SaturnnError('ERR_DATA', `${source} is not a valid IDX file: ${what}`, { cause });

/** The types of elements, by their byte in the header. Only bytes are read. */
const elementTypes: Readonly<Record<number, string>> = {
  8: 'unsigned bytes',
  9: 'signed bytes',
  11: '16-bit integers',
  12: '32-bit integers',
  13: 'floats',
  14: 'doubles',
};

/** Most dimensions that are read: images with channels have four. */
const mostDimensions = 4;

/** Bytes of the longest header. */
const longestHeader = 4 + 4 * mostDimensions;

/** Returns the shape in a header, of which `head` has at least all bytes or all that the file has. @throws ERR_DATA */
function shapeOf(head: Uint8Array, source: string): number[] {
  const fail = failure(source);
  if (head.length < 4) throw fail(`it ends at byte ${head.length}, within its header`);
  const [zero, alsoZero, type, rank] = head as unknown as [number, number, number, number];
  if (zero !== 0 || alsoZero !== 0) throw fail(`it begins with the bytes ${zero} and ${alsoZero}, expected 0 and 0`);
  if (type !== 8)
    throw fail(
      `its elements are ${elementTypes[type] ?? `of the unknown type ${type}`} (byte 2), expected unsigned bytes`,
    );
  if (rank === 0 || rank > mostDimensions)
    throw fail(`it has ${rank} dimensions (byte 3), expected 1 to ${mostDimensions}`);
  if (head.length < 4 + 4 * rank) throw fail(`it ends at byte ${head.length}, within its header`);
  const view = new DataView(head.buffer, head.byteOffset);
  return Array.from({ length: rank }, (_, dimension) => view.getUint32(4 + 4 * dimension));
}

const sizeOfShape = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Reads an IDX file of `size` bytes. */
function* idxParser(size: number, source: string): Parser<FileArray> {
  const fail = failure(source);
  const head = new Uint8Array(Math.min(size, longestHeader));
  yield* requestBytes(0, head.buffer);
  const shape = shapeOf(head, source);
  const header = 4 + 4 * shape.length;
  const expected = sizeOfShape(shape);
  if (size - header !== expected) throw fail(disagreement(shape, header + expected, size));
  const data = allocateBytes(expected, source);
  yield* requestBytes(header, data.buffer);
  return { source, shape, data };
}

const disagreement = (shape: readonly number[], expected: number, found: number | string): string =>
  `its header says ${shape.join('x')}, which ends at byte ${expected}, but the file has ${found} bytes`;

/** Reads an IDX file whose bytes are in memory. `source` names it in errors. @throws ERR_DATA; ERR_OUT_OF_MEMORY */
export const parseIdx = (bytes: Uint8Array, source: string): FileArray =>
  parseBytes(bytes, (size) => idxParser(size, source));

/** Reads an IDX file, plain or (with a name that ends in .gz) packed with gzip. @throws ERR_DATA; ERR_OUT_OF_MEMORY */
export async function readIdx(path: string): Promise<FileArray> {
  try {
    if (/\.gz$/i.test(path)) return await unpackIdx(await openStream(path), path);
    return await parseFileLater(path, (size) => idxParser(size, path));
  } catch (error) {
    if (error instanceof SaturnnError) throw error;
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Reads an IDX file that is packed with gzip. It takes no more memory than its header says. */
export async function unpackIdx(packed: Readable, source: string): Promise<FileArray> {
  const fail = failure(source);
  const gunzip = createGunzip();
  packed.on('error', (error) => gunzip.destroy(error));
  let head: Uint8Array = new Uint8Array(0);
  let array: { shape: number[]; data: Uint8Array; done: number } | null = null;
  const take = (chunk: Uint8Array) => {
    if (!array) {
      head = Buffer.concat([head, chunk]);
      if (head.length < longestHeader) return;
      array = start(head, source);
      return;
    }
    add(array, chunk, source);
  };
  try {
    for await (const chunk of packed.pipe(gunzip)) take(chunk as Uint8Array);
  } catch (error) {
    packed.destroy();
    if (error instanceof SaturnnError) throw error;
    throw new SaturnnError('ERR_DATA', `${source} is not a valid gzip file: ${reasonOf(error)}`, { cause: error });
  }
  const { shape, data, done } = array ?? start(head, source);
  const header = 4 + 4 * shape.length;
  if (done !== data.length) throw fail(disagreement(shape, header + data.length, header + done));
  return { source, shape, data };
}

function start(head: Uint8Array, source: string): { shape: number[]; data: Uint8Array; done: number } {
  const shape = shapeOf(head, source);
  const array = { shape, data: allocateBytes(sizeOfShape(shape), source), done: 0 };
  add(array, head.subarray(4 + 4 * shape.length), source);
  return array;
}

function add(array: { shape: number[]; data: Uint8Array; done: number }, chunk: Uint8Array, source: string): void {
  const end = array.done + chunk.length;
  if (end > array.data.length) {
    const expected = 4 + 4 * array.shape.length + array.data.length;
    throw failure(source)(disagreement(array.shape, expected, 'more'));
  }
  array.data.set(chunk, array.done);
  array.done = end;
}
