/** One shard of a WebDataset: a tar archive in which files of one name, without extensions, make a sample: 000123.jpg and 000123.cls. */
import type { FileHandle } from 'node:fs/promises';
import { reasonOf, SaturnnError, show } from '../../errors';
import { parseJson } from '../../files/json';
import { openRegularLater, readExactly } from '../../files/read';
import { openStream } from '../archive';
import { isPictureName } from '../pictures/format';
import { FileReader, GzipReader } from './byteReaders';
import type { FoundFile } from './findFiles';
import { type TarEntry, tarEntries } from './tarIndex';

/** A picture of a shard, with its label as it is written there. */
export interface Sample {
  /** The picture's name; with its place, if the shard has another picture of this name. */
  readonly name: string;
  readonly picture: TarEntry;
  readonly label: string;
}

/** The content of a shard. */
export interface Shard {
  readonly file: FoundFile;
  readonly samples: readonly Sample[];
  /** Names of files that belong to no picture. */
  readonly ignored: readonly string[];
}

/** Whether a file's name is that of a shard. */
export const isShardName = (name: string): boolean => /\.(tar|tar\.gz|tgz)$/i.test(name);

/** Whether a shard is packed with gzip. */
export const isPacked = (path: string): boolean => /gz$/i.test(path);

/** Extensions of labels; if a sample has several, the first one counts. */
const labelExtensions = ['cls', 'cls.txt', 'json', 'txt'];

/** Most bytes of a label's file. */
const largestLabel = 2 ** 20;

/** Members of a .json that may hold the label. */
const labelMembers = ['label', 'cls', 'class'];

/** The files of one sample that count, so far. */
interface Group {
  readonly key: string;
  picture: TarEntry | null;
  readonly labels: Map<string, string>;
}

/**
 * Reads the names and labels of a shard. The pictures are passed over; so a plain shard is read quickly.
 * @param member the member of a .json that holds the label. Default: label, cls or class
 * @throws ERR_DATA, with the byte, if the shard is cut off or malformed, or a picture has no label; the signal's reason
 */
export async function readShard(file: FoundFile, member: string | undefined, abort?: AbortSignal): Promise<Shard> {
  const { path } = file;
  const samples: Sample[] = [];
  const ignored: string[] = [];
  let group: Group | null = null;
  const names = new Set<string>();
  const finish = () => {
    if (group?.picture) {
      const { picture } = group;
      const name = names.has(picture.name) ? `${picture.name} at byte ${picture.at}` : picture.name;
      names.add(name);
      samples.push({ name, picture, label: labelOf(group, path) });
    }
    group = null;
  };
  await withReader(file, async (reader) => {
    const content = async (entry: TarEntry, read: () => Promise<Uint8Array>) => {
      abort?.throwIfAborted();
      const { key, extension } = partsOf(entry.name);
      if (group?.key !== key) {
        finish();
        group = { key, picture: null, labels: new Map() };
      }
      const own: Group = group!;
      if (isPictureName(`.${extension}`)) own.picture ??= entry;
      else if (!labelExtensions.includes(extension)) ignored.push(entry.name);
      else if (entry.size <= largestLabel)
        own.labels.set(extension, textOf(await read(), { extension, member, name: entry.name, path }));
    };
    for await (const _ of tarEntries(reader, path, content));
  });
  finish();
  return { file, samples, ignored };
}

/** Divides a name at the first dot of its last part: "a/000123.seg.png" is "a/000123" and "seg.png". */
function partsOf(name: string): { key: string; extension: string } {
  const slash = name.lastIndexOf('/') + 1;
  const dot = name.indexOf('.', slash + 1);
  if (dot < 0) return { key: name, extension: '' };
  return { key: name.slice(0, dot), extension: name.slice(dot + 1).toLowerCase() };
}

function labelOf({ picture, labels }: Group, path: string): string {
  for (const extension of labelExtensions) {
    const label = labels.get(extension);
    if (label !== undefined && label !== '') return label;
  }
  const { name } = picture!;
  const expected = `${partsOf(name).key}.cls (or .json, .txt) beside ${show(name)}`;
  throw new SaturnnError('ERR_DATA', `Expected ${expected} in ${path}, with the label of the picture, but found none`);
}

/** Returns the label in a file's content, as text; empty if a .json has none. */
function textOf(
  bytes: Uint8Array,
  { extension, member, name, path }: { extension: string; member?: string; name: string; path: string },
): string {
  const text = Buffer.from(bytes).toString('utf8').trim();
  if (extension !== 'json') return text;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `${show(name)} in ${path} is not JSON: ${reasonOf(error)}`, { cause: error });
  }
  const members = member === undefined ? labelMembers : [member];
  if (typeof value === 'object' && value !== null) {
    const object = value as Record<string, unknown>;
    const own = members.find((key) => Object.hasOwn(object, key));
    value = own === undefined ? undefined : object[own];
  }
  return typeof value === 'number' || typeof value === 'string' ? String(value) : '';
}

/** Opens a shard, plain or packed, from its beginning. */
async function withReader<T>({ path }: FoundFile, work: (reader: FileReader | GzipReader) => Promise<T>): Promise<T> {
  if (isPacked(path)) {
    const reader = new GzipReader(await openStream(path), path);
    try {
      return await work(reader);
    } finally {
      reader.close();
    }
  }
  const { handle, size } = await openRegularLater(path).catch((error) => {
    throw unreadable(path, error);
  });
  try {
    return await work(new FileReader(handle, size));
  } finally {
    await handle.close();
  }
}

/**
 * Reads the bytes of pictures of a shard, in the order in which they lie there.
 * @throws ERR_DATA if the shard has become shorter; the signal's reason
 */
export async function* readPictures(
  file: FoundFile,
  entries: readonly TarEntry[],
  abort?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const { path } = file;
  if (isPacked(path)) return yield* unpackPictures(path, entries, abort);
  const { handle } = await openRegularLater(path).catch((error) => {
    throw unreadable(path, error);
  });
  try {
    for (const entry of entries) {
      abort?.throwIfAborted();
      yield await readEntry(handle, entry, path);
    }
  } finally {
    await handle.close();
  }
}

async function readEntry(handle: FileHandle, { size, at }: TarEntry, path: string): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(size);
  await readExactly(handle, bytes, at).catch((error) => {
    throw unreadable(path, error);
  });
  return bytes;
}

async function* unpackPictures(
  path: string,
  entries: readonly TarEntry[],
  abort?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new GzipReader(await openStream(path), path);
  try {
    for (const { at, size } of entries) {
      abort?.throwIfAborted();
      await reader.skip(at - reader.position);
      const bytes = await reader.read(size);
      if (bytes.length < size)
        throw unreadable(path, new Error(`it ends at byte ${reader.position}: it has become shorter`));
      yield Buffer.from(bytes);
    }
  } finally {
    reader.close();
  }
}

const unreadable = (path: string, error: unknown): SaturnnError =>
  new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
