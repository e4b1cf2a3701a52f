/**
 * Reads the npy format of NumPy: "\x93NUMPY", the version, the length of the header, the header (a Python dict with descr,
 * fortran_order and shape) and the elements. Versions 1 to 3.
 */
import { endianness } from 'node:os';
import { SaturnnError, show } from '../../errors';
import { fromHalves } from '../../files/halves';
import { allocate, type Parser, parseBytes, requestBytes } from '../../files/read';
import type { FileArray, FileNumbers } from './array';
import { type Literal, parseLiteral } from './literal';

const failure = (source: string) => (what: string) =>
  new SaturnnError('ERR_DATA', `${source} is not an npy file that can be read: ${what}`);
type Fail = (what: string) => SaturnnError;

/** The arrays that hold the elements of each type, halves as their bits. The first letter of a dtype, its order of bytes, is left out. */
const types: Readonly<Record<string, new (buffer: ArrayBuffer) => FileNumbers>> = {
  b1: Uint8Array,
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  u8: BigUint64Array,
  i8: BigInt64Array,
  f2: Uint16Array,
  f4: Float32Array,
  f8: Float64Array,
};

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Most bytes of a header. NumPy itself refuses more than 10,000. */
const largestHeader = 2 ** 16;

/** Most dimensions of an array, as in NumPy. */
const mostDimensions = 32;

/** Most characters of an element that is a text. */
const longestText = 4096;

/** The header of an npy file. */
interface Header {
  /** The dtype: "<f4". */
  readonly descr: string;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
}

/** Reads an npy file of `size` bytes. */
export function* npyParser(size: number, source: string): Parser<FileArray> {
  const fail = failure(source);
  const begin = new Uint8Array(Math.min(size, 12));
  yield* requestBytes(0, begin.buffer);
  const { at, length } = headerPlace(begin, fail);
  if (at + length > size) throw fail(`its header would end at byte ${at + length}, but it has ${size} bytes`);
  const text = new Uint8Array(length);
  yield* requestBytes(at, text.buffer);
  const header = parseHeader(Buffer.from(text).toString('latin1'), fail);
  const count = header.shape.reduce((product, dimension) => product * dimension, 1);
  const { bytes, isText } = elementOf(header.descr, fail);
  const end = at + length + count * bytes;
  if (end !== size) {
    const what = `${header.descr} of shape [${header.shape.join(', ')}]`;
    throw fail(`its header says ${what}, which ends at byte ${end}, but it has ${size} bytes`);
  }
  const memory = allocate(count * bytes, source);
  yield* requestBytes(at + length, memory);
  swapBytes(memory, header.descr);
  const type = header.descr.slice(1);
  const numbers = isText ? textsOf(memory, count, bytes / 4, fail) : new types[type]!(memory);
  const data = type === 'f2' ? fromHalves('F16', numbers as Uint16Array) : numbers;
  return inRowOrder({ source, shape: header.shape, data }, header.isFortran);
}

/** Reads an npy file whose bytes are in memory. `source` names it in errors. @throws ERR_DATA; ERR_OUT_OF_MEMORY */
export const parseNpy = (bytes: Uint8Array, source: string): FileArray =>
  parseBytes(bytes, (size) => npyParser(size, source));

function headerPlace(begin: Uint8Array, fail: Fail): { at: number; length: number } {
  if (begin.length < 10 || magic.some((byte, index) => begin[index] !== byte))
    throw fail('it does not begin with "\\x93NUMPY" and a version');
  const [major, minor] = [begin[6]!, begin[7]!];
  if (major < 1 || major > 3) throw fail(`it has version ${major}.${minor}, expected 1 to 3`);
  if (major > 1 && begin.length < 12) throw fail(`it ends at byte ${begin.length}, within its header`);
  const view = new DataView(begin.buffer);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > largestHeader) throw fail(`its header would have ${length} bytes, more than ${largestHeader}`);
  return { at: major === 1 ? 10 : 12, length };
}

function parseHeader(text: string, fail: Fail): Header {
  let header: Literal;
  try {
    header = parseLiteral(text);
  } catch (error) {
    throw fail(`its header is no Python dict: ${(error as Error).message}`);
  }
  if (!(header instanceof Map)) throw fail('its header is no Python dict');
  const descr = header.get('descr');
  const isFortran = header.get('fortran_order');
  const shape = header.get('shape');
  if (Array.isArray(descr)) throw fail('its elements are records of several fields (a structured dtype)');
  if (typeof descr !== 'string') throw fail('its header has no text as descr');
  if (typeof isFortran !== 'boolean')
    throw fail(`its header has fortran_order ${show(isFortran)}, expected True or False`);
  const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!Array.isArray(shape) || shape.length > mostDimensions || !shape.every(isSize))
    throw fail(`its header has the shape ${show(shape)}, expected a tuple of integers`);
  return { descr, isFortran, shape: shape as number[] };
}

/** Returns the bytes of an element of a dtype. @throws ERR_DATA for a dtype that is not read */
function elementOf(descr: string, fail: Fail): { bytes: number; isText: boolean } {
  const [order, type] = [descr[0]!, descr.slice(1)];
  if (type.startsWith('O') || order === 'O')
    throw fail(
      `its dtype is object ("${descr}"), Python objects that only Python can read: save numbers or texts instead`,
    );
  const length = /^U(\d{1,4})$/.exec(type);
  if ('<>|='.includes(order) && length && Number(length[1]) <= longestText)
    return { bytes: 4 * Number(length[1]), isText: true };
  const array = Object.hasOwn(types, type) ? types[type] : undefined;
  if (array && '<>|='.includes(order)) return { bytes: Number(type.slice(1)), isText: false };
  const known = [...Object.keys(types), 'U (texts)'].join(', ');
  throw fail(`its dtype is ${show(descr)}, expected one of ${known}, of either order of bytes`);
}

/** Brings big-endian elements into this machine's order. */
function swapBytes(memory: ArrayBuffer, descr: string): void {
  const isBig = descr[0] === '>' || (descr[0] === '=' && endianness() === 'BE');
  if (!isBig || endianness() === 'BE') return;
  const bytes = Buffer.from(memory);
  const size = descr[1] === 'U' ? 4 : Number(descr.slice(2));
  if (size === 2) bytes.swap16();
  if (size === 4) bytes.swap32();
  if (size === 8) bytes.swap64();
}

/** Returns texts of `length` characters (UTF-32) each, without the zeros that fill them up. */
function textsOf(memory: ArrayBuffer, count: number, length: number, fail: Fail): string[] {
  const codes = new Uint32Array(memory);
  return Array.from({ length: length === 0 ? 0 : count }, (_, index) => {
    const own = codes.subarray(index * length, (index + 1) * length);
    const end = own.findLastIndex((code) => code !== 0) + 1;
    if (own.some((code) => code > 0x10ffff)) throw fail(`element ${index} is no text`);
    return String.fromCodePoint(...own.subarray(0, end));
  });
}

/** Reorders an array in Fortran's order, the first index fastest, to row-major. */
function inRowOrder(array: FileArray, isFortran: boolean): FileArray {
  const { source, shape, data } = array;
  if (!isFortran || shape.length < 2) return array;
  // Each element's place in the file is the sum of index * stride; the indices count up like the digits of a number.
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  const index = shape.map(() => 0);
  const ordered = data.slice() as unknown[] | FileNumbers;
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    ordered[to] = data[from] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return { source, shape, data: ordered as FileNumbers };
}
