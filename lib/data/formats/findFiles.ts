/** Finds the files of a data set in a folder and in its folders. */
import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { reasonOf, SaturnnError, show } from '../../errors';
import type { PictureSplitName } from '../pictures/pictureSet';
import { splitOf, splitOrder } from './splitOf';

/** Folders within folders that are looked at: `plain_text/train/0000.parquet`, `data/train/0000.parquet`. */
const deepest = 3;

/** A file that was found. */
export interface FoundFile {
  readonly path: string;
  /** Path from the folder that was given, with "/" between. */
  readonly name: string;
  /** Differs if the file may have changed: its size and time of change. */
  readonly stamp: string;
}

/**
 * Finds the files whose names `isWanted`, in the order of their names; a path of a file is that file. Folders whose names begin with a
 * dot are passed over.
 * @throws ERR_DATA if nothing has this path, or a folder cannot be read
 */
export function findFiles(path: string, isWanted: (name: string) => boolean): FoundFile[] {
  const root = resolve(path);
  const stats = statsOf(root);
  if (!stats) throw new SaturnnError('ERR_DATA', `Expected a file or a folder at ${path} but found nothing`);
  if (!stats.isDirectory()) return [{ path: root, name: basename(root), stamp: stampOf(stats) }];
  const found: FoundFile[] = [];
  collect(root, '', deepest, isWanted, found);
  return found;
}

const stampOf = ({ size, mtimeMs }: Stats): string => `${size} ${mtimeMs}`;

function statsOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function collect(
  folder: string,
  prefix: string,
  depth: number,
  isWanted: (name: string) => boolean,
  found: FoundFile[],
): void {
  for (const own of namesIn(folder)) {
    if (own.startsWith('.')) continue;
    const path = join(folder, own);
    const stats = statsOf(path);
    if (stats?.isDirectory() && depth > 0) collect(path, `${prefix}${own}/`, depth - 1, isWanted, found);
    if (stats?.isFile() && isWanted(own)) found.push({ path, name: prefix + own, stamp: stampOf(stats) });
  }
}

/** Returns the names in a folder, sorted by their UTF-16 code units. @throws ERR_DATA */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read the folder ${folder}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Divides files among splits by their names. If no name says a split, all files are training files.
 * @throws ERR_DATA if only some names do, or there are no training files
 */
export function bySplit<T extends { readonly name: string }>(
  files: readonly T[],
  root: string,
): { readonly name: PictureSplitName; readonly files: readonly T[] }[] {
  const splits = files.map(({ name }) => splitOf(name));
  const without = splits.indexOf(null);
  const known = splits.findIndex((split) => split !== null);
  if (known < 0 || files.length === 1) return [{ name: 'train', files }];
  if (without >= 0) {
    const [first, second] = [show(files[known]!.name), show(files[without]!.name)];
    const message = `Expected the split (train, validation, test) in the name of each file in ${root}: ${first} has it, ${second} has not`;
    throw new SaturnnError('ERR_DATA', message);
  }
  const divided = splitOrder.map((name) => ({ name, files: files.filter((_, index) => splits[index] === name) }));
  if (divided[0]!.files.length === 0) {
    const message = `Expected files of the split train in ${root} but found only ${show(files[known]!.name)} and its like`;
    throw new SaturnnError('ERR_DATA', message);
  }
  return divided.filter((split) => split.files.length > 0);
}
