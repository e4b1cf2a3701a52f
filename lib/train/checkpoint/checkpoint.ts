/**
 * Reads and writes checkpoints. A checkpoint is a safetensors file of the raw bytes of the arenas, so Python can open it. Its
 * metadata are JSON. Its last tensor is the SHA-256 of all bytes before it, so that a reader can say whether a file that it
 * refuses is cut off, altered, or no checkpoint at all.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SaturnnError } from '../../errors';
import { writeDurably } from '../../files/durable';
import { encodeSafetensors, headerLength, largestHeader, parseSafetensors } from '../../files/safetensors';
import type { CheckpointInfo } from './checkpointInfo';

/** The content of a checkpoint: everything that a run needs to go on as if it had never stopped. */
export interface Checkpoint {
  /** The run that it belongs to, and how far that run is. */
  readonly info: CheckpointInfo;
  /**
   * Bytes by name: the arenas "parameters", "optimizer" and "buffers" (float32 values, little-endian; the buffers begin with
   * seed and step count, an int32 each), and the arrays of callbacks as "callback/NAME/KEY".
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
export function encodeCheckpoint({ info, arrays }: Checkpoint): Uint8Array[] {
  const tensors = new Map([...arrays].map(([name, data]) => [name, { shape: [data.length], data }]));
  const digest = new Uint8Array(digestBytes);
  tensors.set(digestName, { shape: [digestBytes], data: digest });
  const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const metadata = { format, version: String(version), bytes: String(bytes), content: JSON.stringify(info) };
  const parts = encodeSafetensors({ tensors, metadata });
  const sum = createHash('sha256');
  for (const part of parts.slice(0, -1)) sum.update(part);
  digest.set(sum.digest());
  return parts;
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
): Promise<void> => writeDurably(path, encodeCheckpoint(checkpoint), beforeRename);

/** Reads a checkpoint. @throws ERR_CHECKPOINT, saying what is wrong with the file */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new SaturnnError('ERR_CHECKPOINT', `Cannot read checkpoint ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return decodeCheckpoint(bytes, path);
}

/** Decodes the bytes of a checkpoint file; `source` names the file in errors. @throws ERR_CHECKPOINT */
export function decodeCheckpoint(bytes: Uint8Array, source: string): Checkpoint {
  const fail = (what: string) => new SaturnnError('ERR_CHECKPOINT', `${source} ${what}`);
  const cutOff = (expected: string) => fail(`is cut off: expected ${expected} bytes, found ${bytes.length}`);
  const foreign = () => fail('is not a checkpoint of saturnn');
  const altered = (why: string) => fail(`was altered or damaged: ${why}`);

  if (bytes.length < 8) throw cutOff('at least 8');
  const length = headerLength(bytes);
  const beginning = bytes.subarray(8, 8 + Math.min(opening.length, length));
  if (length > largestHeader || Buffer.compare(beginning, opening.subarray(0, beginning.length)) !== 0) throw foreign();
  if (bytes.length < 8 + length) throw cutOff(`at least ${8 + length}`);
  if (beginning.length < opening.length) throw foreign();

  const metadata = parseMetadata(bytes.subarray(8, 8 + length));
  const dataBytes = Number(metadata?.bytes);
  if (!metadata || !Number.isSafeInteger(dataBytes)) throw altered('its header cannot be read');
  if (metadata.version !== String(version)) {
    throw fail(`is a checkpoint of format ${metadata.version}; this version of saturnn reads format ${version}`);
  }
  const total = 8 + length + dataBytes;
  if (bytes.length < total) throw cutOff(String(total));
  if (bytes.length > total) throw altered(`expected ${total} bytes, found ${bytes.length}`);
  const digest = createHash('sha256').update(bytes.subarray(0, -digestBytes)).digest();
  if (!digest.equals(bytes.subarray(-digestBytes))) throw altered('its checksum does not match its content');

  try {
    const { tensors } = parseSafetensors(bytes, source);
    const kept = [...tensors].filter(([name]) => name !== digestName);
    const arrays = new Map(kept.map(([name, { data }]) => [name, data as Uint8Array]));
    const info: unknown = JSON.parse(metadata.content ?? '');
    if (typeof info !== 'object' || info === null) throw new Error('its content is not an object');
    return { info: info as CheckpointInfo, arrays };
  } catch (error) {
    throw altered((error as Error).message);
  }
}

function parseMetadata(header: Uint8Array): Partial<Record<string, string>> | null {
  try {
    return JSON.parse(Buffer.from(header).toString('utf8')).__metadata__;
  } catch {
    return null;
  }
}
