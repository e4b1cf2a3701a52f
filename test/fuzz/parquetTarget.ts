/** The target of the fuzz test that reads Parquet files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParquetSet } from '../../lib/data/formats/parquet/set';
import { type ParquetParts, parquetBytes } from '../data/formats/writeParquet';
import type { FuzzRandom } from './mutate';
import type { Target } from './targets';

const images = [1, 2, 3, 4, 5, 6].map((value) => new Uint8Array(20).fill(value));
const numbers = { label: { values: [0, 1, 0, 1, 0, 1], names: ['a', 'b'] } };
const texts = { label: { values: ['left', 'right', 'left', 'left', 'right', 'left'] } };

/** The contents of the valid files. Most have pages that are not packed, because damage within packed bytes is mostly found by unpacking. */
const files: readonly ParquetParts[] = [
  { images, labels: numbers, codec: 'UNCOMPRESSED' },
  { images, labels: texts, isBinary: true, isBare: true, codec: 'UNCOMPRESSED' },
  { images: [null, ...images.slice(1)], labels: numbers, codec: 'SNAPPY' },
];

/** Writes some bytes of the pages of a file anew, and leaves its footer as it is: most other damage is found in the footer. */
function withDamagedPages(file: Uint8Array, random: FuzzRandom): Buffer {
  const bytes = Buffer.from(file);
  const pages = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
  for (let left = 1 + random.integer(8); left > 0; left--) bytes[4 + random.integer(pages - 4)] = random.integer(256);
  return bytes;
}

/** Makes the target. Its files lie in a folder, because a set is opened by its path; close() removes that. */
export async function parquetTarget(): Promise<Target & { close(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-fuzz-'));
  const path = join(folder, 'mutated.parquet');
  const seeds = await Promise.all(files.map(parquetBytes));
  return {
    name: 'Parquet',
    close: () => rmSync(folder, { recursive: true, force: true }),
    seeds,
    finish: (bytes, random) => (random.integer(2) ? bytes : withDamagedPages(random.pick(seeds), random)),
    async read(bytes) {
      writeFileSync(path, bytes);
      const set = await ParquetSet.open(path, {});
      try {
        for await (const picture of set.read(Int32Array.from(set.labels.keys()))) {
          const size = picture.bytes?.length ?? 0;
          if (size > 32 * bytes.length) throw new Error('accepted, but a picture has more bytes than the file');
        }
      } finally {
        await set.close();
      }
    },
  };
}
