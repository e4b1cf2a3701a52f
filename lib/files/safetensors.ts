/**
 * Reads and writes the safetensors format: 8 bytes with the length of the header, a JSON header (dtype, shape and byte range of
 * each tensor), and the numbers. Python's `safetensors` package can read the files that are written here.
 */
import { readFileSync } from 'node:fs';
import { invalid, SaturnnError, show } from '../errors';
import { sizeOf } from '../tensor/tensor';
import { writeAtomically } from './durable';

/**
 * Numbers of a tensor. The type of the array is the dtype in the file: Float32Array F32, Int32Array I32, Uint8Array U8,
 * BigInt64Array I64, Uint16Array BF16 (the bits of each number).
 */
export type TensorData = Float32Array | Int32Array | Uint8Array | BigInt64Array | Uint16Array;

/** Shape and numbers of one tensor in a safetensors file. */
export interface NamedTensor<Data extends TensorData = TensorData> {
  /** Any number of dimensions; [] for a single number. */
  readonly shape: readonly number[];
  /** As many elements as the shape has, row-major. */
  readonly data: Data;
}

/** The content of a safetensors file. */
export interface SafetensorsFile {
  /** The tensors by name. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  /** Any texts by name, the format's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The numbers begin at a multiple of these bytes, so that readers can map the file into memory. */
const alignment = 8;
/** Largest header, in bytes, that the format allows. */
export const largestHeader = 100_000_000;

const dtypes = {
  F32: Float32Array,
  I32: Int32Array,
  U8: Uint8Array,
  I64: BigInt64Array,
  BF16: Uint16Array,
} as const;
type FileDType = keyof typeof dtypes;

interface HeaderEntry {
  dtype: FileDType;
  shape: number[];
  data_offsets: [number, number];
}

/**
 * Returns the bytes of a safetensors file, in parts that share memory with the tensors.
 * @throws ERR_INVALID_ARGUMENT if data and shape of a tensor do not agree, or its array has no dtype
 */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array[] {
  const header: [string, HeaderEntry | Readonly<Record<string, string>>][] = [['__metadata__', metadata]];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const dtype = (Object.keys(dtypes) as FileDType[]).find((key) => data instanceof dtypes[key]);
    if (!dtype) throw invalid(`data of "${name}"`, 'a typed array of a known dtype', data);
    if (name === '__metadata__') throw invalid('name of a tensor', 'another name', name);
    if (data.length !== sizeOf(shape)) throw invalid(`data of "${name}"`, `${sizeOf(shape)} elements`, data.length);
    header.push([name, { dtype, shape: [...shape], data_offsets: [offset, offset + data.byteLength] }]);
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / alignment) * alignment;
  const head = Buffer.alloc(8 + length, ' ');
  head.writeBigUInt64LE(BigInt(length));
  json.copy(head, 8);
  return [head, ...parts];
}

/**
 * Writes a safetensors file, whole or not at all: an existing file is replaced only when the new one is complete on disk.
 * @throws ERR_INVALID_ARGUMENT if data and shape of a tensor do not agree; ERR_OUTPUT if the file cannot be written
 */
export function writeSafetensors(path: string, file: SafetensorsFile): void {
  writeAtomically(path, encodeSafetensors(file));
}

/**
 * Reads a safetensors file into memory.
 * @throws ERR_DATA if the file cannot be read, is malformed, or has a dtype other than F32, I32, U8, I64 and BF16
 */
export function readSafetensors(path: string): SafetensorsFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  return parseSafetensors(bytes, path);
}

/**
 * Reads a safetensors file whose bytes are in memory. Every length in the header is checked against the bytes that are there, and
 * the tensors must cover the data without gap or overlap. The tensors are copies.
 * @param source names the file in errors
 * @throws ERR_DATA if the bytes are malformed, or have a dtype other than F32, I32, U8, I64 and BF16
 */
export function parseSafetensors(bytes: Uint8Array, source: string): SafetensorsFile {
  const fail = (what: string) => new SaturnnError('ERR_DATA', `${source} is not a valid safetensors file: ${what}`);
  if (bytes.length < 8) throw fail(`it has ${bytes.length} bytes, and the header's length alone takes 8`);
  const length = headerLength(bytes);
  if (length > largestHeader) throw fail(`its header would have ${length} bytes`);
  if (8 + length > bytes.length) {
    throw fail(`its header would end at byte ${8 + length}, but it has ${bytes.length} bytes`);
  }
  const header = parseHeader(bytes.subarray(8, 8 + length), fail);
  const data = bytes.subarray(8 + length);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw fail('its metadata are not an object of strings');
  }
  const tensors = new Map<string, NamedTensor>();
  const ranges: { name: string; begin: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, begin, end } = checkEntry(name, entry, data.length, fail);
    ranges.push({ name, begin, end });
    // A copy, because the bytes in the file need not begin at a multiple of the element size.
    const copy = new Uint8Array(data.subarray(begin, end)).buffer;
    tensors.set(name, { shape, data: new dtypes[dtype](copy) });
  }
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of ranges) {
    if (begin !== covered) throw fail(`tensor "${name}" begins at byte ${begin} of the data, expected ${covered}`);
    covered = end;
  }
  if (covered !== data.length) throw fail(`its tensors have ${covered} bytes, but ${data.length} follow the header`);
  return { tensors, metadata: metadata as Record<string, string> };
}

/** Length of the header in bytes, from the first 8 bytes of a file. */
export function headerLength(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}

type Fail = (what: string) => SaturnnError;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail(`its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(header)) throw fail('its header is not a JSON object');
  return header;
}

function checkEntry(name: string, entry: unknown, bytes: number, fail: Fail) {
  const { dtype, shape, data_offsets: range } = (isRecord(entry) ? entry : {}) as Partial<HeaderEntry>;
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypes, dtype)) {
    throw fail(`tensor "${name}" has dtype ${show(dtype)}, expected ${Object.keys(dtypes).join(', ')}`);
  }
  const [begin, end] = Array.isArray(range) && range.length === 2 ? range : [-1, -1];
  const whole = [begin, end, ...(Array.isArray(shape) ? shape : [-1])];
  const size = whole.every((value) => Number.isSafeInteger(value) && value >= 0) ? sizeOf(shape as number[]) : -1;
  const fits = size >= 0 && begin <= end && end <= bytes;
  if (!fits || end - begin !== dtypes[dtype].BYTES_PER_ELEMENT * size) {
    throw fail(`tensor "${name}" has ${dtype} ${show(shape)} in bytes ${show(range)} of ${bytes}`);
  }
  return { dtype, shape: shape as number[], begin, end };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
