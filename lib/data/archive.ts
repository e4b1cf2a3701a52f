/** Checks and unpacks .tar.gz archives in memory. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { SaturnnError } from '../errors';
import { readTar } from './tar';

/** Most bytes that an archive may unpack to: a small gzip file can unpack to far more than the memory holds. */
const largestUnpacked = 2 ** 30;

/** Checks an md5 sum (lower-case hex) of the file `path`. @throws ERR_DATA, with both sums, if they differ */
export function checkMd5(path: string, found: string, expected: string): void {
  if (found === expected) return;
  const message = `Expected md5 ${expected} for ${path} but received ${found}: the file is damaged, or it is another one`;
  throw new SaturnnError('ERR_DATA', message);
}

/** Returns the md5 sum of a file, as lower-case hex. The file is read in pieces, so it need not fit in memory. */
export async function md5Of(path: string): Promise<string> {
  const sum = createHash('md5');
  for await (const chunk of createReadStream(path)) sum.update(chunk);
  return sum.digest('hex');
}

/**
 * Returns the files of a .tar.gz by the last part of their path.
 * @param source names the archive in errors
 * @throws ERR_DATA if it is not a gzip file, not a tar archive, or contains two files with the same last name
 */
export async function unpack(packed: Uint8Array, source: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { name, bytes } of readTar(await inflate(packed, source), source)) {
    const last = name.split('/').at(-1)!;
    if (files.has(last)) throw new SaturnnError('ERR_DATA', `${source} contains two files named ${last}`);
    files.set(last, bytes);
  }
  return files;
}

async function inflate(packed: Uint8Array, source: string): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(packed, { maxOutputLength: largestUnpacked });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ERR_BUFFER_TOO_LARGE' ? `it unpacks to more than ${largestUnpacked} bytes` : message;
    throw new SaturnnError('ERR_DATA', `${source} is not a valid gzip file: ${reason}`, { cause: error });
  }
}
