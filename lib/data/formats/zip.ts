/** Reads zip archives as NumPy writes them (.npz): stored or deflated, no encryption, under 4 GiB. */
import { crc32, inflateRawSync } from 'node:zlib';
import { reasonOf, SaturnnError, show } from '../../errors';
import { allocate, type Parser, requestBytes } from '../../files/read';

const failure = (source: string) => (what: string) =>
  new SaturnnError('ERR_DATA', `${source} is not a zip archive that can be read: ${what}`);

/** Bytes of the record at the end of an archive, and of a comment that may follow it. */
const endBytes = 22;
const longestComment = 0xffff;
/** Fixed bytes of an entry in the directory, and of the header before its content. */
const entryBytes = 46;
const localBytes = 30;

const signatures = { end: 0x06054b50, entry: 0x02014b50, local: 0x04034b50 } as const;

/** A file in an archive. */
interface Entry {
  readonly name: string;
  readonly method: number;
  readonly sum: number;
  readonly packed: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly at: number;
}

/**
 * Reads files of a zip archive of `size` bytes, whole, by name.
 * @param isWanted says of a name whether the bytes of the file are wanted
 */
export function* zipParser(
  size: number,
  source: string,
  isWanted: (name: string) => boolean = () => true,
): Parser<Map<string, Uint8Array>> {
  const entries = yield* readDirectory(size, source);
  const files = new Map<string, Uint8Array>();
  for (const entry of entries) if (isWanted(entry.name)) files.set(entry.name, yield* readEntry(entry, size, source));
  return files;
}

function* readDirectory(size: number, source: string): Parser<Entry[]> {
  const fail = failure(source);
  const tail = new Uint8Array(Math.min(size, endBytes + longestComment));
  yield* requestBytes(size - tail.length, tail.buffer);
  const end = new DataView(tail.buffer);
  let at = tail.length - endBytes;
  while (at >= 0 && end.getUint32(at, true) !== signatures.end) at--;
  if (at < 0) throw fail('the record at its end is missing: it was cut off, or is another kind of file');
  const [count, bytes, begin] = [
    end.getUint16(at + 10, true),
    end.getUint32(at + 12, true),
    end.getUint32(at + 16, true),
  ];
  if (count === 0xffff || begin === 0xffffffff) throw fail('it has more than 4 GiB or 65,534 files (ZIP64)');
  if (begin + bytes > size) throw fail(`its directory would end at byte ${begin + bytes}, but it has ${size} bytes`);
  const directory = new Uint8Array(bytes);
  yield* requestBytes(begin, directory.buffer);
  return entriesOf(directory, count, fail);
}

function entriesOf(directory: Uint8Array, count: number, fail: (what: string) => SaturnnError): Entry[] {
  const view = new DataView(directory.buffer);
  const entries: Entry[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + entryBytes > directory.length || view.getUint32(at, true) !== signatures.entry)
      throw fail(`entry ${index} of its directory is damaged`);
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const next = at + entryBytes + nameLength + extra + comment;
    if (next > directory.length) throw fail(`entry ${index} of its directory is damaged`);
    const name = Buffer.from(directory.subarray(at + entryBytes, at + entryBytes + nameLength)).toString('utf8');
    if (view.getUint16(at + 8, true) & 1) throw fail(`${show(name)} is encrypted`);
    const [sum, packed, size, local] = [16, 20, 24, 42].map((field) => view.getUint32(at + field, true)) as [
      number,
      number,
      number,
      number,
    ];
    entries.push({ name, method: view.getUint16(at + 10, true), sum, packed, size, at: local });
    at = next;
  }
  return entries;
}

function* readEntry(entry: Entry, size: number, source: string): Parser<Uint8Array> {
  const fail = failure(source);
  const name = show(entry.name);
  if (entry.method !== 0 && entry.method !== 8)
    throw fail(`${name} is packed by method ${entry.method}, expected 0 or 8`);
  if (entry.at + localBytes > size) throw fail(`${name} would begin at byte ${entry.at}, but it has ${size} bytes`);
  const header = new Uint8Array(localBytes);
  yield* requestBytes(entry.at, header.buffer);
  const view = new DataView(header.buffer);
  if (view.getUint32(0, true) !== signatures.local) throw fail(`${name} has no header at byte ${entry.at}`);
  const begin = entry.at + localBytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (begin + entry.packed > size)
    throw fail(`${name} would end at byte ${begin + entry.packed}, but it has ${size} bytes`);
  const packed = new Uint8Array(allocate(entry.packed, `${name} of ${source}`));
  yield* requestBytes(begin, packed.buffer);
  const bytes = entry.method === 0 ? packed : inflate(packed, entry, fail);
  if (bytes.length !== entry.size) throw fail(`${name} has ${bytes.length} bytes, expected ${entry.size}`);
  if (crc32(bytes) !== entry.sum) throw fail(`${name} is damaged: its checksum is wrong`);
  return bytes;
}

function inflate(packed: Uint8Array, { name, size }: Entry, fail: (what: string) => SaturnnError): Uint8Array {
  // Deflate packs at most 1032 to 1: a larger claim is refused before any memory is taken for it.
  if (size > 1032 * packed.length + 1032) throw fail(`${show(name)} cannot have the ${size} bytes that it claims`);
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw fail(`${show(name)} does not unpack (${reasonOf(error)})`);
  }
}
