/**
 * Reads and writes the safetensors format: 8 bytes with the length of the header, a JSON header (dtype, shape and byte range of
 * each tensor), and the numbers. Python's `safetensors` package can read the files that are written here.
 */

import { types } from 'node:util';
import { invalid, reasonOf, SaturnnError, show } from '../errors';
import { listing, pathField, text } from '../options/field';
import { checkArgument, fromData } from '../options/options';
import { sizeOf } from '../tensor/tensor';
import { writeAtomically } from './durable';
import { parseJson } from './json';
import { isPickled, pickledAdvice } from './pickled';
import { allocate, largestPart, type Parser, parseBytes, parseFile, requestBytes } from './read';
import {
  arrayOf,
  bytesPer,
  isArrayOf,
  isTensorDType,
  type TensorData,
  type TensorDType,
  tensorDTypes,
  usualDType,
} from './tensorTypes';

/** Shape and numbers of one tensor in a safetensors file. */
export interface NamedTensor<Data extends TensorData = TensorData> {
  /** Any number of dimensions; [] for a single number. */
  readonly shape: readonly number[];
  /** As many elements as the shape has, row-major. */
  readonly data: Data;
  /**
   * The dtype in the file. Default: that of the array: Float64Array F64, Float32Array F32, BigInt64Array I64, BigUint64Array U64,
   * Int32Array I32, Uint32Array U32, Int16Array I16, Int8Array I8, Uint8Array U8, and Uint16Array BF16. A Uint16Array may also be
   * F16 (in both cases the bits of each number) or U16; a Uint8Array BOOL (0 or 1) or one of the dtypes of 8 bits that begin with
   * F8 (the bits). toFloat32() makes float32 numbers of them.
   */
  readonly dtype?: TensorDType;
}

/** A tensor that was read from a file. */
export interface StoredTensor extends NamedTensor {
  readonly dtype: TensorDType;
}

/** The content of a safetensors file. */
export interface SafetensorsFile<Stored extends NamedTensor = NamedTensor> {
  /** The tensors by name. */
  readonly tensors: ReadonlyMap<string, Stored>;
  /** Any texts by name, the format's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The numbers begin at a multiple of these bytes, so that readers can map the file into memory. */
const alignment = 8;
/**
 * Largest header in bytes that is read and written. The format allows 100,000,000, for which a hostile file would take most of a
 * minute; this is enough for 80,000 tensors.
 */
export const largestHeader = 2 ** 23;

interface HeaderEntry {
  dtype: TensorDType;
  shape: number[];
  data_offsets: [number, number];
}

/**
 * Returns the bytes of a safetensors file, in parts that share memory with the tensors.
 * @throws ERR_INVALID_ARGUMENT if data and shape of a tensor do not agree, its array has no dtype, or the header is too large
 */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array[] {
  const header: [string, HeaderEntry | Readonly<Record<string, string>>][] = [['__metadata__', metadata]];
  const named = [...tensors].map(([name, tensor]) => ({ name, ...tensor, dtype: dtypeOf(name, tensor) }));
  for (const { name, shape, data } of named) {
    if (name === '__metadata__') throw invalid('name of a tensor', 'another name', name);
    if (data.length !== sizeOf(shape)) throw invalid(`data of "${name}"`, `${sizeOf(shape)} elements`, data.length);
  }
  // The largest elements come first, so that each tensor begins at a multiple of its element's size: PyTorch needs that.
  const inFile = [...named].sort((a, b) => bytesPer(b.dtype) - bytesPer(a.dtype));
  const begins = new Map<string, number>();
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const { name, data } of inFile) {
    begins.set(name, offset);
    parts.push(...viewsOf(data));
    offset += data.byteLength;
  }
  for (const { name, shape, data, dtype } of named) {
    const begin = begins.get(name)!;
    header.push([name, { dtype, shape: [...shape], data_offsets: [begin, begin + data.byteLength] }]);
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / alignment) * alignment;
  if (length > largestHeader) {
    throw invalid('names, shapes and metadata', `at most ${largestHeader} bytes as JSON`, json.length);
  }
  const head = Buffer.alloc(8 + length, ' ');
  head.writeBigUInt64LE(BigInt(length));
  json.copy(head, 8);
  return [head, ...parts];
}

/** Returns the dtype of a tensor. @throws ERR_INVALID_ARGUMENT if its array has none, or not the one that it names */
function dtypeOf(name: string, { data, dtype }: NamedTensor): TensorDType {
  const usual = usualDType(data);
  if (!usual) throw invalid(`data of "${name}"`, 'a typed array of a known dtype', data);
  if (dtype === undefined) return usual;
  if (!isTensorDType(dtype)) throw invalid(`dtype of "${name}"`, listing(tensorDTypes), dtype);
  if (!isArrayOf(dtype, data)) throw invalid(`data of "${name}"`, `an array for ${dtype}`, data);
  return dtype;
}

/** Returns the bytes of an array, in views of at most `largestPart` bytes: Node.js 20 has no view of more than 4 GiB. */
function* viewsOf({ buffer, byteOffset, byteLength }: TensorData): Generator<Uint8Array, void, void> {
  for (let at = 0; at < byteLength; at += largestPart) {
    yield new Uint8Array(buffer, byteOffset + at, Math.min(largestPart, byteLength - at));
  }
}

/**
 * Writes a safetensors file, whole or not at all: an existing file is replaced only when the new one is complete on disk.
 * @throws ERR_INVALID_ARGUMENT if data and shape of a tensor do not agree; ERR_OUTPUT if the file cannot be written
 */
export function writeSafetensors(path: string, file: SafetensorsFile): void {
  checkArgument('path', pathField, path);
  const parts = fromData('file', '{ tensors: Map, metadata }', file, () => encodeSafetensors(file));
  writeAtomically(path, parts);
}

/**
 * Reads a safetensors file into memory. Its size is not limited, other than by the memory; openSafetensors() reads single tensors.
 * @throws ERR_DATA if the file cannot be read, is malformed, or has a dtype that is not in NamedTensor; ERR_OUT_OF_MEMORY
 */
export function readSafetensors(path: string): SafetensorsFile<StoredTensor> {
  checkArgument('path', pathField, path);
  try {
    return parseFile(path, (size) => safetensorsParser(size, path));
  } catch (error) {
    if (error instanceof SaturnnError) throw error;
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Reads a safetensors file whose bytes are in memory. Every length in the header is checked against the bytes that are there, and
 * the tensors must cover the data without gap or overlap. The tensors are copies.
 * @param source names the file in errors
 * @throws ERR_DATA if the bytes are malformed, or have a dtype that is not in NamedTensor
 */
export function parseSafetensors(bytes: Uint8Array, source: string): SafetensorsFile<StoredTensor> {
  if (!types.isUint8Array(bytes)) throw invalid('bytes', 'a Uint8Array', bytes);
  checkArgument('source', text, source);
  return parseBytes(bytes, (size) => safetensorsParser(size, source));
}

/** Reads the header, and then the tensors in the order of their bytes. `part`: most bytes of one read. */
export function* safetensorsParser(size: number, source: string, part?: number): Parser<SafetensorsFile<StoredTensor>> {
  const layout = yield* layoutParser(size, source, part);
  const read = new Map<string, StoredTensor>();
  for (const entry of inOrder(layout.entries)) {
    read.set(entry.name, yield* tensorParser(entry, layout.dataAt, source, part));
  }
  const tensors = new Map(layout.entries.map(({ name }) => [name, read.get(name)!]));
  return { tensors, metadata: layout.metadata };
}

/** The header of a file. */
export interface FileLayout {
  /** The tensors in the order of the header. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Position of the first byte behind the header. */
  readonly dataAt: number;
}

/** Reads the header only. */
export function* layoutParser(size: number, source: string, part?: number): Parser<FileLayout> {
  const fail = failure(source);
  if (size < 8) throw fail(`it has ${size} bytes, and the header's length alone takes 8`);
  const beginning = new Uint8Array(8);
  yield* requestBytes(0, beginning.buffer);
  if (isPickled(beginning)) throw new SaturnnError('ERR_DATA', pickledAdvice(source));
  const length = headerLength(beginning);
  if (length > largestHeader) throw fail(`its header would have ${length} bytes, more than ${largestHeader}`);
  if (8 + length > size) throw fail(`its header would end at byte ${8 + length}, but it has ${size} bytes`);
  const header = new Uint8Array(length);
  yield* requestBytes(8, header.buffer, { part });
  return { ...parseLayout(header, size - 8 - length, source), dataAt: 8 + length };
}

/** Reads one tensor. @param dataAt see FileLayout */
export function* tensorParser(
  { name, dtype, shape, begin, end }: TensorEntry,
  dataAt: number,
  source: string,
  part?: number,
): Parser<StoredTensor> {
  const memory = allocate(end - begin, `Tensor ${show(name)} of ${source}`);
  yield* requestBytes(dataAt + begin, memory, { part });
  return { dtype, shape, data: arrayOf(dtype, memory) };
}

/** A tensor in the header of a file: the range of its bytes counts from the end of the header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a header.
 * @param bytes the number of bytes that follow the header
 * @param source names the file in errors
 * @returns the tensors in the order of the header, and the metadata
 * @throws ERR_DATA if the header is malformed, or its tensors do not cover the bytes without gap or overlap
 */
export function parseLayout(
  header: Uint8Array,
  bytes: number,
  source: string,
): { readonly entries: readonly TensorEntry[]; readonly metadata: Readonly<Record<string, string>> } {
  const fail = failure(source);
  const { __metadata__: metadata = {}, ...named } = parseHeader(header, fail);
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw fail('its metadata are not an object of strings');
  }
  const entries = Object.entries(named).map(([name, entry]) => checkEntry(name, entry, bytes, fail));
  let covered = 0;
  for (const { name, begin, end } of inOrder(entries)) {
    if (begin !== covered) throw fail(`tensor ${show(name)} begins at byte ${begin} of the data, expected ${covered}`);
    covered = end;
  }
  if (covered !== bytes) throw fail(`its tensors have ${covered} bytes, but ${bytes} follow the header`);
  return { entries, metadata: metadata as Record<string, string> };
}

/** Returns tensors in the order of their bytes. */
export const inOrder = (entries: readonly TensorEntry[]): TensorEntry[] =>
  [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);

/** Length of the header in bytes, from the first 8 bytes of a file. */
export function headerLength(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}

const failure = (source: string) => (what: string) =>
  new SaturnnError('ERR_DATA', `${source} is not a valid safetensors file: ${what}`);

type Fail = (what: string) => SaturnnError;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail(`its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(header)) throw fail('its header is not a JSON object');
  return header;
}

function checkEntry(name: string, entry: unknown, bytes: number, fail: Fail): TensorEntry {
  const { dtype, shape, data_offsets: range } = (isRecord(entry) ? entry : {}) as Partial<HeaderEntry>;
  if (!isTensorDType(dtype)) {
    throw fail(`tensor ${show(name)} has dtype ${show(dtype)}, expected ${tensorDTypes.join(', ')}`);
  }
  const [begin, end] = Array.isArray(range) && range.length === 2 ? range : [-1, -1];
  const whole = [begin, end, ...(Array.isArray(shape) ? shape : [-1])];
  const size = whole.every((value) => Number.isSafeInteger(value) && value >= 0) ? sizeOf(shape as number[]) : -1;
  const fits = size >= 0 && begin <= end && end <= bytes;
  if (!fits || end - begin !== bytesPer(dtype) * size) {
    throw fail(`tensor ${show(name)} has ${dtype} ${show(shape)} in bytes ${show(range)} of ${bytes}`);
  }
  return { name, dtype, shape: shape as number[], begin, end };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
