/**
 * Finds the files in a tar archive (ustar, GNU, pax) and where their bytes lie, so that they can be read in any order later. The archive
 * may be plain, or arrive as a stream that is being unpacked.
 */
import { SaturnnError, show } from '../../errors';

/** Bytes of an archive, read from beginning to end. */
export interface ByteReader {
  /** Bytes read or skipped so far. */
  readonly position: number;
  /** Returns the next bytes: fewer than `count` only at the end. They may be used until the next call. */
  read(count: number): Promise<Uint8Array>;
  /** Passes over bytes. Returns how many there were: fewer than `count` only at the end. */
  skip(count: number): Promise<number>;
}

/** A file in an archive. */
export interface TarEntry {
  /** Its path, without "./" at the beginning. */
  readonly name: string;
  /** Where its bytes begin in the archive (in the unpacked one, if it is packed). */
  readonly at: number;
  readonly size: number;
}

/** Bytes of a block: a header is one, and contents fill whole ones. */
const block = 512;

/** Most bytes of a header that goes before another: a long name, or records of pax. */
const largestExtension = 2 ** 16;

/** Most bytes of one file: as many as sharp takes. */
const largestFile = 2 ** 31 - 1;

const roundedUp = (size: number): number => Math.ceil(size / block) * block;

type Fail = (what: string) => SaturnnError;

/**
 * Reads an archive to its end and yields its files, in order.
 * @param source names the archive in errors
 * @param content is asked for each file before it is passed over; what it reads of the content is for it
 * @throws ERR_DATA, with the byte, if the archive is cut off or malformed
 */
export async function* tarEntries(
  reader: ByteReader,
  source: string,
  content: (entry: TarEntry, read: () => Promise<Uint8Array>) => Promise<void> = async () => {},
): AsyncGenerator<TarEntry, void, void> {
  const fail = (what: string) => new SaturnnError('ERR_DATA', `${source} is not a valid tar archive: ${what}`);
  let last = 'its beginning';
  let next: Extension = {};
  for (;;) {
    const at = reader.position;
    const header = Buffer.from(await reader.read(block));
    if (header.length < block) throw fail(`it ends at byte ${reader.position}, before its end mark, after ${last}`);
    if (header.every((byte) => byte === 0)) return;
    const { name, size, type } = parseHeader(header, at, fail, last);
    if (type === 'L' || type === 'x') {
      next = { ...next, ...(await readExtension(reader, { type, size, at }, fail)) };
      continue;
    }
    const entry = { name: plainName(next.name ?? name), at: reader.position, size: next.size ?? size };
    next = {};
    last = show(entry.name);
    if (entry.size > largestFile) throw fail(`${last} has ${entry.size} bytes, more than ${largestFile}`);
    const isFile = type === '0' || type === '\0' || type === '7';
    if (isFile) await content(entry, async () => whole(await reader.read(entry.size), entry));
    await passOver(reader, entry, fail);
    // What links, folders and devices are is of no matter: they hold no picture.
    if (isFile) yield entry;
  }
  function whole(bytes: Uint8Array, { size, at }: TarEntry): Uint8Array {
    if (bytes.length === size) return bytes;
    throw fail(`it ends at byte ${reader.position}, within ${last}, which would end at byte ${at + size}`);
  }
}

/** Goes to the next header. @throws ERR_DATA if the archive ends before */
async function passOver(reader: ByteReader, { at, size, name }: TarEntry, fail: Fail): Promise<void> {
  const left = at + roundedUp(size) - reader.position;
  if ((await reader.skip(left)) === left) return;
  throw fail(`it ends at byte ${reader.position}, within ${show(name)}, which would end at byte ${at + size}`);
}

function parseHeader(
  header: Buffer,
  at: number,
  fail: Fail,
  last: string,
): { name: string; size: number; type: string } {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (numberIn(header, 148, 8) !== sum) throw fail(`the header at byte ${at}, after ${last}, has a wrong checksum`);
  const size = numberIn(header, 124, 12);
  if (!Number.isSafeInteger(size) || size < 0)
    throw fail(`the header at byte ${at}, after ${last}, has no readable size`);
  const name = textIn(header, 0, 100);
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? textIn(header, 345, 155) : '';
  return { name: prefix ? `${prefix}/${name}` : name, size, type: String.fromCharCode(header[156]!) };
}

/** Reads a number of a header: octal digits, or (GNU, first bit set) big-endian bytes. NaN if it is neither. */
function numberIn(header: Buffer, at: number, length: number): number {
  if (header[at]! & 0x80) {
    let value = header[at]! & 0x7f;
    for (let index = 1; index < length; index++) value = value * 256 + header[at + index]!;
    return value;
  }
  const text = textIn(header, at, length).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

const textIn = (header: Buffer, at: number, length: number): string => {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
};

/** Name and size of a file that has a header before its own, because they do not fit into that. */
interface Extension {
  readonly name?: string;
  readonly size?: number;
}

async function readExtension(
  reader: ByteReader,
  { type, size, at }: { type: string; size: number; at: number },
  fail: Fail,
): Promise<Extension> {
  if (size > largestExtension) throw fail(`the header at byte ${at} has ${size} bytes, more than ${largestExtension}`);
  const bytes = Buffer.from(await reader.read(roundedUp(size)));
  if (bytes.length < roundedUp(size)) throw fail(`it ends at byte ${reader.position}, within the header at byte ${at}`);
  if (type === 'L') return { name: textIn(bytes, 0, size) };
  return parsePax(bytes.subarray(0, size), at, fail);
}

/** Reads records "length key=value\n". */
function parsePax(bytes: Buffer, at: number, fail: Fail): Extension {
  const found: { name?: string; size?: number } = {};
  for (let begin = 0; begin < bytes.length; ) {
    const space = bytes.indexOf(32, begin);
    const length = space < 0 ? Number.NaN : Number(bytes.toString('latin1', begin, space));
    const record = bytes.toString('utf8', space + 1, begin + length - 1);
    const equal = record.indexOf('=');
    if (!(Number.isInteger(length) && length > space - begin && begin + length <= bytes.length) || equal < 0)
      throw fail(`the extended header at byte ${at} is damaged`);
    const [key, value] = [record.slice(0, equal), record.slice(equal + 1)];
    if (key === 'path') found.name = value;
    if (key === 'size') found.size = sizeOf(value, at, fail);
    if (key.startsWith('GNU.sparse')) throw fail(`the extended header at byte ${at} is that of a sparse file`);
    begin += length;
  }
  return found;
}

function sizeOf(text: string, at: number, fail: Fail): number {
  const size = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw fail(`the extended header at byte ${at} has no readable size`);
}

const plainName = (name: string): string => name.replace(/^(\.?\/)+/, '');
