/** CIFAR-10 and CIFAR-100 on this machine: where they lie, whether they are there, and how they get there. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { SaturnnError } from '../errors';
import { prepareFolder } from '../files/durable';
import { cacheFolder } from '../runtime/cacheFolder';
import { md5Of, unpack } from './archive';
import { binaryFiles, type CifarFiles, cifarFiles, findInArchive } from './cifarFiles';
import { type DownloadOptions, download } from './download';
import { type LayoutName, layouts } from './records';

/** $XDG_CACHE_HOME/saturnn/data, or ~/.cache/saturnn/data. */
export const defaultDataFolder = (): string => cacheFolder('data');

export interface GetOptions extends Pick<DownloadOptions, 'onProgress' | 'signal' | 'retries' | 'retryDelay'> {
  /** Default: defaultDataFolder(). */
  folder?: string;
  /** Default: the official address. */
  url?: string;
  /** Of the archive; default: the official one's. Another archive may hold any number of records. */
  md5?: string;
}

export interface Got {
  /** The folder that holds the .bin files. */
  readonly folder: string;
  /** False: it was there already. */
  readonly downloaded: boolean;
}

/** The folder of an official data set, if all of its files are there and have the official sizes; else null. */
export function installedFolder(name: LayoutName, folder = defaultDataFolder()): string | null {
  const files = cifarFiles[name];
  const place = join(resolve(folder), files.folder);
  const complete = Object.entries(sizesOf(files)).every(
    ([file, bytes]) => statSync(join(place, file), { throwIfNoEntry: false })?.size === bytes,
  );
  return complete ? place : null;
}

/**
 * Downloads an archive, checks it, unpacks it, and removes it again. Does nothing if the official files are there, unless
 * `md5` asks for others.
 * @throws what download() throws; ERR_DATA if the archive does not hold the files; ERR_OUTPUT
 */
export async function getData(name: LayoutName, options: GetOptions = {}): Promise<Got> {
  const files = cifarFiles[name];
  const folder = resolve(options.folder ?? defaultDataFolder());
  const known = options.md5 === undefined ? installedFolder(name, folder) : null;
  if (known) return { folder: known, downloaded: false };
  const { url = files.archive.url, onProgress, signal, retries, retryDelay } = options;
  const md5 = (options.md5 ?? files.archive.md5).toLowerCase();
  prepareFolder(folder);
  const archive = join(folder, files.archive.name);
  // An earlier attempt may have come this far, or somebody has put it there.
  if (!existsSync(archive) || (await md5Of(archive)) !== md5) {
    await download({ url, path: archive, md5, onProgress, signal, retries, retryDelay });
  }
  const place = join(folder, files.folder);
  try {
    await install(files, archive, place);
  } catch (error) {
    // A full disk: the next attempt need not download it again. Anything else: it is of no use.
    if ((error as SaturnnError).code !== 'ERR_OUTPUT') rmSync(archive);
    throw error;
  }
  rmSync(archive);
  return { folder: place, downloaded: true };
}

/** Unpacks beside the final place, and renames: a folder of this name is complete. Only the data set's own files are written. */
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

/** Bytes by file name. */
function sizesOf({ name, splits, records }: CifarFiles): Record<string, number> {
  const { bytes } = layouts[name];
  return Object.fromEntries(
    (['train', 'test'] as const).flatMap((split) => splits[split].map((file) => [file, records[split] * bytes])),
  );
}
