/**
 * The safetensors format: 8 bytes of header length, a JSON header (dtype, shape and byte range of each tensor), the
 * numbers. Python's `safetensors` package reads these files, and so do we.
 */
import { readFileSync } from 'node:fs';
import { invalid, SaturnnError, show } from '../errors';
import { sizeOf } from '../tensor';
import { writeAtomically } from './files';

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Data begin at a multiple of this, so that readers can map the file. */
const alignment = 8;
/** The format's own limit. */
const largestHeader = 100_000_000;

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** @throws ERR_INVALID_ARGUMENT if data and shape of a tensor disagree; ERR_OUTPUT */
export function writeSafetensors(path: string, { tensors, metadata }: SafetensorsFile): void {
  const header: Record<string, HeaderEntry | Readonly<Record<string, string>>> = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    if (data.length !== sizeOf(shape)) throw invalid(`data of "${name}"`, `${sizeOf(shape)} elements`, data.length);
    header[name] = { dtype: 'F32', shape: [...shape], data_offsets: [offset, offset + data.byteLength] };
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Math.ceil(json.length / alignment) * alignment;
  const head = Buffer.alloc(8 + length, ' ');
  head.writeBigUInt64LE(BigInt(length));
  json.copy(head, 8);
  writeAtomically(path, [head, ...parts]);
}

/** @throws ERR_DATA if the file is not what the format says, or holds another dtype than F32 */
export function readSafetensors(path: string): SafetensorsFile {
  return parseSafetensors(readFileSync(path), path);
}

/** A whole file in memory; `source` names it in errors. @throws ERR_DATA */
export function parseSafetensors(bytes: Uint8Array, source: string): SafetensorsFile {
  const fail = (what: string) => new SaturnnError('ERR_DATA', `${source} is no valid safetensors file: ${what}`);
  if (bytes.length < 8) throw fail('it is shorter than 8 bytes');
  const length = Number(Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64LE());
  if (length > largestHeader || 8 + length > bytes.length) throw fail(`its header would have ${length} bytes`);
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString('utf8'));
  } catch (error) {
    throw fail(`its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(header)) throw fail('its header is no JSON object');
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw fail('its metadata are no object of strings');
  }
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: range } = (isRecord(entry) ? entry : {}) as Partial<HeaderEntry>;
    if (dtype !== 'F32') throw fail(`tensor "${name}" has dtype ${show(dtype)}, expected F32`);
    const [begin = -1, end = -1] = Array.isArray(range) ? range : [];
    const numbers = [begin, end, ...(Array.isArray(shape) ? shape : [-1])];
    const whole = numbers.every((value) => Number.isSafeInteger(value) && value >= 0);
    const inside = whole && begin <= end && 8 + length + end <= bytes.length;
    if (!inside || end - begin !== 4 * sizeOf(shape as number[])) {
      throw fail(`tensor "${name}" has shape ${show(shape)} and bytes ${show(begin)} to ${show(end)}`);
    }
    // A copy: the bytes in the file need not lie at a multiple of four.
    const data = new Float32Array(new Uint8Array(bytes.subarray(8 + length + begin, 8 + length + end)).buffer);
    tensors.set(name, { shape: shape as number[], data });
  }
  return { tensors, metadata: metadata as Record<string, string> };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
