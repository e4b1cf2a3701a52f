/** Downloads CIFAR-10 and CIFAR-100, and finds them on this machine. */
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { invalid, reasonOf, SaturnnError } from '../errors';
import { prepareFolder } from '../files/durable';
import { lockFolder } from '../files/lock';
import { callback, custom, integer, numberWithin, optional, signal, text } from '../options/field';
import { Options } from '../options/options';
import { entryOf } from '../options/values';
import { cacheFolder } from '../runtime/cacheFolder';
import { type ArchivedFile, md5Of, openStream, readArchive } from './archive';
import { binaryFiles, type CifarFiles, cifarFiles, findInArchive } from './cifarFiles';
import { type DownloadOptions, download, removePartial, retriesRange } from './download';
import { type LayoutName, layouts } from './records';

/** Returns the folder in which data sets are kept: $XDG_CACHE_HOME/saturnn/data, or ~/.cache/saturnn/data. */
export const defaultDataFolder = (): string => cacheFolder('data');

/** Options of getData(). */
export interface GetOptions extends Pick<DownloadOptions, 'onProgress' | 'signal' | 'retries' | 'retryDelay'> {
  /** Folder in which the data set's own folder is made. Default: defaultDataFolder(). */
  folder?: string;
  /** Address of the archive. Default: the official one. */
  url?: string;
  /** Expected md5 of the archive, in hex. Default: that of the official one. Another archive may hold any number of records. */
  md5?: string;
}

const getOptions = new Options<GetOptions>('getData()', {
  folder: optional(text),
  url: optional(text),
  md5: optional(custom('32 hexadecimal digits', (value) => typeof value === 'string' && /^[0-9a-f]{32}$/i.test(value))),
  onProgress: optional(callback()),
  signal: optional(signal),
  retries: optional(integer(...retriesRange)),
  retryDelay: optional(numberWithin({ least: 0, most: 2 ** 31 - 1 })),
});

/** The result of getData(). */
export interface Got {
  /** The folder that contains the .bin files. */
  readonly folder: string;
  /** Whether it was downloaded now. False: it was there already. */
  readonly downloaded: boolean;
}

/** Returns the folder of an official data set if all of its files are there and have the official sizes, else null. */
export function installedFolder(name: LayoutName, folder = defaultDataFolder()): string | null {
  const files = cifarFiles[name];
  const place = join(resolve(folder), files.folder);
  const complete = Object.entries(sizesOf(files)).every(
    ([file, bytes]) => statSync(join(place, file), { throwIfNoEntry: false })?.size === bytes,
  );
  return complete ? place : null;
}

/**
 * Downloads the archive of a data set, checks its md5, unpacks it, and removes the archive. Does nothing if the official files
 * are there already, unless `md5` is given. After a lost connection, the next call continues the download. The data set is locked for
 * this process meanwhile; others may be loaded into the same folder at the same time.
 * @returns `folder`: path of the folder with the .bin files; `downloaded`: false if the files were there already
 * @throws ERR_DOWNLOAD if the archive cannot be downloaded; ERR_DATA if its md5 is wrong or it does not contain the files;
 * ERR_OUTPUT if files cannot be written; ERR_BUSY if another process, or another call, is loading the data set; ERR_INVALID_ARGUMENT
 */
export async function getData(name: LayoutName, given: GetOptions = {}): Promise<Got> {
  const files = entryOf(cifarFiles, name);
  if (!files) throw invalid('name', Object.keys(cifarFiles).join(' or '), name);
  const options = getOptions.check(given);
  const folder = resolve(options.folder ?? defaultDataFolder());
  const known = () => (options.md5 === undefined ? installedFolder(name, folder) : null);
  const before = known();
  if (before) return { folder: before, downloaded: false };
  prepareFolder(folder);
  const unlock = lockFolder(folder, undefined, `.${files.folder}.lock`);
  try {
    // Another process may have loaded it until the lock was free.
    const now = known();
    return now ? { folder: now, downloaded: false } : { folder: await load(files, folder, options), downloaded: true };
  } finally {
    unlock();
  }
}

/** Downloads and unpacks a data set. @returns path of the folder with its files */
async function load(files: CifarFiles, folder: string, options: GetOptions): Promise<string> {
  const { url = files.archive.url, onProgress, signal, retries, retryDelay } = options;
  const md5 = (options.md5 ?? files.archive.md5).toLowerCase();
  const archive = join(folder, files.archive.name);
  // The archive may be there from an earlier attempt that failed afterwards, or because the user has put it there.
  if (!existsSync(archive) || (await md5Of(archive)) !== md5) {
    if (options.url === undefined && md5 !== files.archive.md5) {
      const expected = `${files.archive.md5}, that of the official archive, or another url (--url),`;
      throw invalid('md5', expected, md5);
    }
    await download({ url, path: archive, md5, onProgress, signal, retries, retryDelay });
  }
  const place = placeOf(join(folder, files.folder));
  try {
    await install(files, archive, place, signal);
  } catch (error) {
    // If the disk was full or the user interrupted, the archive is kept for the next attempt. After ERR_DATA it is of no use.
    if ((error as SaturnnError).code === 'ERR_DATA') rmSync(archive);
    throw error;
  }
  rmSync(archive);
  // A process that was killed as the download was complete has left the version.
  removePartial(archive);
  return place;
}

/** Returns the folder that is to be made: if there is a link to one, the folder at its end. @throws ERR_OUTPUT if it is a file */
function placeOf(path: string): string {
  if (!existsSync(path)) return path;
  const place = realpathSync(path);
  if (statSync(place).isDirectory()) return place;
  throw new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: it is not a folder`);
}

/**
 * Unpacks the data set's own files into a temporary folder and renames that at the end, so that a folder of the final name is
 * always complete.
 */
async function install(files: CifarFiles, archive: string, place: string, signal?: AbortSignal): Promise<void> {
  // The same name each time, so that the next attempt removes what a killed process has left.
  const temporary = `${place}.tmp`;
  const wanted = new Set([...binaryFiles(files), ...Object.values(files.names)]);
  const found: string[] = [];
  const unpacking = (work: () => unknown) => orUnwritable(archive, place, work);
  const keep = async ({ name, bytes }: ArchivedFile) => {
    found.push(name);
    if (wanted.has(name)) await writeStream(join(temporary, name), bytes, unpacking);
  };
  try {
    await unpacking(() => {
      rmSync(temporary, { recursive: true, force: true });
      mkdirSync(temporary);
    });
    await readArchive(await openStream(archive), archive, keep, { signal });
    findInArchive(archive, found, [files]);
    await unpacking(() => {
      rmSync(place, { recursive: true, force: true });
      renameSync(temporary, place);
    });
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Writes bytes to a new file as they come. `writing` runs what touches the file. */
async function writeStream(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  writing: (work: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const files: FileHandle[] = [];
  const file = () => files[0]!;
  try {
    await writing(async () => files.push(await open(path, 'wx')));
    for await (const part of bytes) await writing(() => file().appendFile(part));
    await writing(() => file().sync());
  } finally {
    await files[0]?.close();
  }
}

/** Does something with the files of the data set. @throws ERR_OUTPUT if it fails */
async function orUnwritable(archive: string, place: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = `Cannot unpack ${basename(archive)} into ${place}: ${reasonOf(error)}`;
    throw new SaturnnError('ERR_OUTPUT', message, { cause: error });
  }
}

/** Returns the official size of each file in bytes, by file name. */
function sizesOf({ name, splits, records }: CifarFiles): Record<string, number> {
  const { bytes } = layouts[name];
  return Object.fromEntries(
    (['train', 'test'] as const).flatMap((split) => splits[split].map((file) => [file, records[split] * bytes])),
  );
}
