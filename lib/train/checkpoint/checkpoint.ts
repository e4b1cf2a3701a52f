/**
 * Reads and writes checkpoints. A checkpoint is a safetensors file of the raw bytes of the arenas, so Python can open it. Its
 * metadata are JSON. Its last tensor is the SHA-256 of all bytes before it, so that a reader can say whether a file that it
 * refuses is cut off, altered, or no checkpoint at all.
 */
import { createHash } from 'node:crypto';
import { reasonOf, SaturnnError, show } from '../../errors';
import { writeDurably } from '../../files/durable';
import { parseJson } from '../../files/json';
import { allocate, type Parser, parseBytes, parseFileLater, requestBytes } from '../../files/read';
import { encodeSafetensors, headerLength, inOrder, largestHeader, parseLayout } from '../../files/safetensors';
import type { CheckpointInfo } from './checkpointInfo';

/** The content of a checkpoint: everything that a run needs to go on as if it had never stopped. */
export interface Checkpoint {
  /** The run that it belongs to, and how far that run is. */
  readonly info: CheckpointInfo;
  /**
   * Bytes by name: the arenas "parameters", "optimizer" and "buffers" (float32 values, little-endian; the buffers begin with
   * seed and step count, an int32 each); "epochs", all epoch events so far (float64 [events, 10], the fields of EpochEvent from `epoch`
   * on); and the arrays of callbacks as "callback/NAME/KEY".
   */
  readonly arrays: ReadonlyMap<string, Uint8Array>;
}

/** Version of the file format. Files of other versions are refused. */
const version = 1;
const format = 'saturnn checkpoint';
const digestName = 'sha256';
const digestBytes = 32;

/** The first bytes of every checkpoint's header. */
const opening = Buffer.from(`{"__metadata__":{"format":"${format}","version":"`);

/** Returns the bytes of the file, in parts that share memory with the arrays. */
export const encodeCheckpoint = (checkpoint: Checkpoint): Uint8Array[] => [...checkpointParts(checkpoint)];

/** Returns the same parts; the digest is computed on the way, so that a writer need not wait for it at the beginning. */
function* checkpointParts({ info, arrays }: Checkpoint): Generator<Uint8Array, void, void> {
  const tensors = new Map([...arrays].map(([name, data]) => [name, { shape: [data.length], data }]));
  tensors.set(digestName, { shape: [digestBytes], data: new Uint8Array(digestBytes) });
  const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const metadata = { format, version: String(version), bytes: String(bytes), content: JSON.stringify(info) };
  const sum = createHash('sha256');
  for (const part of encodeSafetensors({ tensors, metadata }).slice(0, -1)) {
    sum.update(part);
    yield part;
  }
  yield sum.digest();
}

/**
 * Writes a checkpoint. Even if the process is killed or the machine loses power, `path` is at every moment either the file
 * that it was before or the complete new checkpoint. `beforeRename`: see writeDurably.
 * @throws ERR_OUTPUT if the file cannot be written
 */
export const writeCheckpoint = (
  path: string,
  checkpoint: Checkpoint,
  beforeRename?: (complete: string) => void,
): Promise<void> => writeDurably(path, checkpointParts(checkpoint), beforeRename);

/** Reads a checkpoint of any size. @throws ERR_CHECKPOINT, saying what is wrong with the file; ERR_OUT_OF_MEMORY */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  try {
    return await parseFileLater(path, (size) => checkpointParser(size, path));
  } catch (error) {
    if (error instanceof SaturnnError) throw error;
    throw new SaturnnError('ERR_CHECKPOINT', `Cannot read checkpoint ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Decodes the bytes of a checkpoint file; `source` names the file in errors. @throws ERR_CHECKPOINT */
export const decodeCheckpoint = (bytes: Uint8Array, source: string): Checkpoint =>
  parseBytes(bytes, (size) => checkpointParser(size, source));

/** Reads header and arrays in the order of their bytes, and their digest with them. `part`: most bytes of one read. */
export function* checkpointParser(size: number, source: string, part?: number): Parser<Checkpoint> {
  const fail = (what: string) => new SaturnnError('ERR_CHECKPOINT', `${source} ${what}`);
  const altered = (why: string) => fail(`was altered or damaged: ${why}`);
  const sum = createHash('sha256');
  const hash = { part, seen: (bytes: Uint8Array) => sum.update(bytes) };
  const { header, metadata, dataBytes } = yield* checkpointHeader(size, fail, hash);
  const { entries, dataBegin } = layoutOf(header, dataBytes, source, altered);
  const arrays = new Map<string, Uint8Array>();
  for (const { name, begin, end } of entries.slice(0, -1)) {
    const memory = allocate(end - begin, `Array ${show(name)} of ${source}`);
    yield* requestBytes(dataBegin + begin, memory, hash);
    arrays.set(name, new Uint8Array(memory));
  }
  const digest = Buffer.alloc(digestBytes);
  yield { position: size - digestBytes, target: digest };
  if (!sum.digest().equals(digest)) throw altered('its checksum does not match its content');
  return { info: parseInfo(metadata, altered), arrays };
}

type Fail = (what: string) => SaturnnError;

/** Reads the header, and says of a file that is not whole whether it is cut off, or no checkpoint at all. */
function* checkpointHeader(
  size: number,
  fail: Fail,
  hash: { part?: number; seen: (bytes: Uint8Array) => void },
): Parser<{ header: Uint8Array; metadata: Partial<Record<string, string>>; dataBytes: number }> {
  const cutOff = (expected: string) => fail(`is cut off: expected ${expected} bytes, found ${size}`);
  const foreign = () => fail('is not a checkpoint of saturnn');
  if (size < 8) throw cutOff('at least 8');
  const word = new Uint8Array(8);
  yield* requestBytes(0, word.buffer, hash);
  const length = headerLength(word);
  const beginning = new Uint8Array(Math.min(opening.length, length, size - 8));
  yield* requestBytes(8, beginning.buffer);
  if (length > largestHeader || Buffer.compare(beginning, opening.subarray(0, beginning.length)) !== 0) throw foreign();
  if (size < 8 + length) throw cutOff(`at least ${8 + length}`);
  if (beginning.length < opening.length) throw foreign();
  const header = new Uint8Array(length);
  yield* requestBytes(8, header.buffer, hash);
  const metadata = parseMetadata(header);
  const dataBytes = Number(metadata?.bytes);
  if (!metadata || !Number.isSafeInteger(dataBytes)) throw fail('was altered or damaged: its header cannot be read');
  if (metadata.version !== String(version)) {
    throw fail(`is a checkpoint of format ${metadata.version}; this version of saturnn reads format ${version}`);
  }
  const total = 8 + length + dataBytes;
  if (size < total) throw cutOff(String(total));
  if (size > total) throw fail(`was altered or damaged: expected ${total} bytes, found ${size}`);
  return { header, metadata, dataBytes };
}

/** Returns the arrays in the order of their bytes, the digest last. */
function layoutOf(header: Uint8Array, dataBytes: number, source: string, altered: Fail) {
  try {
    const entries = inOrder(parseLayout(header, dataBytes, source).entries);
    const last = entries.at(-1);
    if (last?.name !== digestName || last.end - last.begin !== digestBytes)
      throw new Error('it does not end with a checksum');
    const other = entries.find(({ dtype }) => dtype !== 'U8');
    if (other) throw new Error(`expected U8 for ${show(other.name)} but received ${other.dtype}`);
    return { entries, dataBegin: 8 + header.length };
  } catch (error) {
    throw altered((error as Error).message);
  }
}

function parseInfo({ content = '' }: Partial<Record<string, string>>, altered: Fail): CheckpointInfo {
  try {
    const info = parseJson(content);
    if (typeof info === 'object' && info !== null) return info as CheckpointInfo;
  } catch (error) {
    throw altered((error as Error).message);
  }
  throw altered('its content is not an object');
}

function parseMetadata(header: Uint8Array): Partial<Record<string, string>> | null {
  try {
    const parsed = parseJson(Buffer.from(header).toString('utf8')) as Partial<Record<string, unknown>> | null;
    return (parsed?.__metadata__ ?? null) as Partial<Record<string, string>> | null;
  } catch {
    return null;
  }
}
