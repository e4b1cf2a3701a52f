/**
 * Reads tar archives (ustar, GNU or pax) that contain only regular files and folders with plain names. A data set needs no more,
 * and everything else is refused. Layout: blocks of 512 bytes; for each file a header, its bytes, and zeros up to the next block;
 * two blocks of zeros at the end (POSIX.1-2017, pax).
 */
import { SaturnnError } from '../errors';

const block = 512;
/** First byte of each field of a header, and the first byte after it. */
const fields = {
  name: [0, 100],
  size: [124, 136],
  checksum: [148, 156],
  type: [156, 157],
  magic: [257, 263],
  prefix: [345, 500],
} as const;

/** A file in an archive. */
export interface TarFile {
  readonly name: string;
  /** A view into the archive. */
  readonly bytes: Uint8Array;
}

/**
 * Returns the regular files of an archive.
 * @param source names the archive in errors
 * @throws ERR_DATA, with the byte and what is wrong there
 */
export function readTar(archive: Uint8Array, source: string): TarFile[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const files: TarFile[] = [];
  let at = 0;
  const fail = (what: string) => new SaturnnError('ERR_DATA', `${source} is not a valid tar archive: ${what}`);
  for (;;) {
    if (at + block > bytes.length) throw fail(`it ends at byte ${bytes.length}, before its end mark`);
    const header = bytes.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return files;
    const text = (field: keyof typeof fields) => header.toString('latin1', ...fields[field]).replace(/\0.*$/s, '');
    if (checksumOf(header) !== octal(text('checksum'))) throw fail(`the header at byte ${at} has a wrong checksum`);
    // In GNU's format, which has another magic, these bytes have another meaning.
    const prefix = text('magic') === 'ustar' ? text('prefix') : '';
    const name = prefix ? `${prefix}/${text('name')}` : text('name');
    const entry = `"${name}" at byte ${at}`;
    const size = octal(text('size'));
    if (size === null) throw fail(`${entry} has no readable size`);
    const begin = at + block;
    if (begin + size > bytes.length) throw fail(`${entry} has ${size} bytes, but ${bytes.length - begin} are there`);
    const content = bytes.subarray(begin, begin + size);
    const type = text('type');
    if (type === '' || type === '0') files.push({ name, bytes: content });
    else if (type === 'x' || type === 'g') checkPaxRecords(content, (what) => fail(`${entry} ${what}`));
    else if (type !== '5') throw fail(`${entry} is neither file nor folder (type "${type}")`);
    at = begin + Math.ceil(size / block) * block;
  }
}

/** Refuses extended headers that rename or resize the next file. Records of times and owners are ignored. */
function checkPaxRecords(content: Buffer, fail: (what: string) => SaturnnError): void {
  const record = /^\d+ (path|linkpath|size|GNU\.[^=]*)=/m.exec(content.toString('latin1'));
  if (record) throw fail(`has an extended header with "${record[1]}"`);
}

function octal(text: string): number | null {
  const trimmed = text.trim();
  return /^[0-7]{1,12}$/.test(trimmed) ? Number.parseInt(trimmed, 8) : null;
}

/** Returns the sum of the header's bytes, with those of the checksum itself counted as spaces. */
function checksumOf(header: Buffer): number {
  const [begin, end] = fields.checksum;
  return header.reduce((sum, byte, at) => sum + (at >= begin && at < end ? 0x20 : byte), 0);
}
