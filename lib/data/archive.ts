/** A .tar.gz in memory: checked, unpacked, its files by their last name. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { SaturnnError } from '../errors';
import { readTar } from './tar';

/** Far above any data set in this form, far below what would exhaust memory: a small file can unpack to anything. */
const largestUnpacked = 2 ** 30;

/** @throws ERR_DATA naming both sums */
export function checkMd5(path: string, found: string, expected: string): void {
  if (found === expected) return;
  const message = `Expected md5 ${expected} for ${path} but received ${found}: it is damaged, or another archive`;
  throw new SaturnnError('ERR_DATA', message);
}

/** Of a file of any size. */
export async function md5Of(path: string): Promise<string> {
  const sum = createHash('md5');
  for await (const chunk of createReadStream(path)) sum.update(chunk);
  return sum.digest('hex');
}

/** The files; `source` names the archive in errors. @throws ERR_DATA: no gzip, no tar, two files of one name */
export async function unpack(packed: Uint8Array, source: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { name, bytes } of readTar(await inflate(packed, source), source)) {
    const last = name.split('/').at(-1)!;
    if (files.has(last)) throw new SaturnnError('ERR_DATA', `${source} holds two files named ${last}`);
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
    throw new SaturnnError('ERR_DATA', `${source} is no valid gzip file: ${reason}`, { cause: error });
  }
}
