import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { reasonOf, SaturnnError } from '../errors';

/** Bytes of one read. */
const part = 2 ** 20;

/** Returns the SHA-256 of the bytes of files, one after the other, as sha256sum prints it for one file. @throws ERR_DATA */
export function sha256Of(paths: readonly string[]): string {
  const sum = createHash('sha256');
  const buffer = Buffer.allocUnsafe(part);
  for (const path of paths) {
    try {
      const file = openSync(path, 'r');
      try {
        for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
          sum.update(buffer.subarray(0, read));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
    }
  }
  return sum.digest('hex');
}
