/** Removes the records of pictures that are gone from a cache. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../../files/durable';
import { type CacheIndex, recordBytes } from './cacheIndex';

/** Records that belong to no picture are kept until they are this part of all: to copy the others takes time. */
const mostUnused = 0.5;

/** Returns the index as it is, or one of a new file without unused records, if these are most of the file. @throws ERR_OUTPUT */
export function compact(folder: string, index: CacheIndex): CacheIndex {
  const used = [...new Set(index.entries.map(({ record }) => record))].filter((record) => record >= 0);
  if (used.length >= (1 - mostUnused) * index.capacity) return index;
  const size = recordBytes(index.decoding.shape);
  const file = `records-${randomBytes(6).toString('hex')}.bin`;
  const source = openSync(join(folder, index.file), 'r');
  try {
    writeAtomically(join(folder, file), records(source, used, size));
  } finally {
    closeSync(source);
  }
  const places = new Map(used.map((record, place) => [record, place]));
  const entries = index.entries.map((entry) => ({ ...entry, record: places.get(entry.record) ?? -1 }));
  return { ...index, file, capacity: used.length, entries };
}

function* records(source: number, used: readonly number[], size: number): Generator<Uint8Array, void, void> {
  for (const record of used) {
    const bytes = Buffer.alloc(size);
    for (let done = 0; done < size; ) done += readSync(source, bytes, done, size - done, record * size + done);
    yield bytes;
  }
}
