/** Downloads CIFAR-10 and CIFAR-100, and finds them on this machine. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { invalid, SaturnnError } from '../errors';
import { prepareFolder } from '../files/durable';
import { callback, custom, integer, numberWithin, optional, signal, text } from '../options/field';
import { Options } from '../options/options';
import { cacheFolder } from '../runtime/cacheFolder';
import { md5Of, unpack } from './archive';
import { binaryFiles, type CifarFiles, cifarFiles, findInArchive } from './cifarFiles';
import { type DownloadOptions, download, retriesRange } from './download';
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
 * are there already, unless `md5` is given. After a lost connection, the next call continues the download.
 * @returns `folder`: path of the folder with the .bin files; `downloaded`: false if the files were there already
 * @throws ERR_DOWNLOAD if the archive cannot be downloaded; ERR_DATA if its md5 is wrong or it does not contain the files;
 * ERR_OUTPUT if files cannot be written; ERR_INVALID_ARGUMENT
 */
export async function getData(name: LayoutName, given: GetOptions = {}): Promise<Got> {
  if (!Object.hasOwn(cifarFiles, name)) throw invalid('name', Object.keys(cifarFiles).join(' or '), name);
  const options = getOptions.check(given);
  const files = cifarFiles[name];
  const folder = resolve(options.folder ?? defaultDataFolder());
  const known = options.md5 === undefined ? installedFolder(name, folder) : null;
  if (known) return { folder: known, downloaded: false };
  const { url = files.archive.url, onProgress, signal, retries, retryDelay } = options;
  const md5 = (options.md5 ?? files.archive.md5).toLowerCase();
  prepareFolder(folder);
  const archive = join(folder, files.archive.name);
  // The archive may be there from an earlier attempt that failed afterwards, or because the user has put it there.
  if (!existsSync(archive) || (await md5Of(archive)) !== md5) {
    await download({ url, path: archive, md5, onProgress, signal, retries, retryDelay });
  }
  const place = join(folder, files.folder);
  try {
    await install(files, archive, place);
  } catch (error) {
    // If the disk was full, the archive is kept for the next attempt. After any other error it is of no use.
    if ((error as SaturnnError).code !== 'ERR_OUTPUT') rmSync(archive);
    throw error;
  }
  rmSync(archive);
  return { folder: place, downloaded: true };
}

/**
 * Unpacks the data set's own files into a temporary folder and renames that at the end, so that a folder of the final name is
 * always complete.
 */
async function install(files: CifarFiles, archive: string, place: string): Promise<void> {
  const entries = await unpack(await readFile(archive), archive);
  findInArchive(archive, [...entries.keys()], [files]);
  const temporary = `${place}.${process.pid}.tmp`;
  try {
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary);
    for (const name of [...binaryFiles(files), ...Object.values(files.names)]) {
      const bytes = entries.get(name);
      if (bytes) writeFileSync(join(temporary, name), bytes, { flush: true });
    }
    rmSync(place, { recursive: true, force: true });
    renameSync(temporary, place);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    const reason = (error as Error).message;
    throw new SaturnnError('ERR_OUTPUT', `Cannot unpack ${basename(archive)} into ${place}: ${reason}`, {
      cause: error,
    });
  }
}

/** Returns the official size of each file in bytes, by file name. */
function sizesOf({ name, splits, records }: CifarFiles): Record<string, number> {
  const { bytes } = layouts[name];
  return Object.fromEntries(
    (['train', 'test'] as const).flatMap((split) => splits[split].map((file) => [file, records[split] * bytes])),
  );
}
