/** Tells encoded pictures apart by the names of files: Parquet, tar shards, class folders. */
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openStream } from '../archive';
import { holdsCifar, isCifarName } from '../cifarFiles';
import { holdsPictures } from '../pictures/classFolders';
import { FolderSet } from '../pictures/folderSet';
import { isPictureName } from '../pictures/format';
import type { PictureSet } from '../pictures/pictureSet';
import type { LabelKind } from '../records';
import { GzipReader } from './byteReaders';
import { isParquetName, ParquetSet } from './parquet/set';
import { isPacked, isShardName } from './shard';
import { hasRange } from './shardNames';
import { ShardSet } from './shardSet';
import { tarEntries } from './tarIndex';

/** Opens encoded pictures. */
export type PictureOpener = (signal?: AbortSignal) => Promise<PictureSet>;

/**
 * Returns what opens the encoded pictures at a path: a Parquet file, a tar shard, a range of shards, a folder with any of these, or class
 * folders. Null if it holds data of another kind, CIFAR's binary files among them.
 * @param labels which labels of CIFAR-100 in Parquet files; "coarse" takes the column coarse_label
 * @param labelColumn column of Parquet files, or member of the .json files of shards, with the labels
 */
export async function pictureOpener(
  path: string,
  { labels, labelColumn }: { labels?: LabelKind; labelColumn?: string } = {},
): Promise<PictureOpener | null> {
  const column = labelColumn ?? (labels === 'coarse' ? 'coarse_label' : undefined);
  const parquet: PictureOpener = (signal) => ParquetSet.open(path, { label: column }, signal);
  const shards: PictureOpener = (signal) => ShardSet.open(path, labelColumn, signal);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return hasRange(path) && isShardName(path) ? shards : null;
  if (!stats.isDirectory()) {
    if (isParquetName(path)) return parquet;
    return isShardName(path) && (await isShard(path)) ? shards : null;
  }
  if (holdsCifar(path)) return null;
  if (holds(path, isParquetName)) return parquet;
  if (holds(path, (name) => isShardName(name) && !isCifarName(name))) return shards;
  return holdsPictures(path) ? (signal) => FolderSet.open(path, signal) : null;
}

/** Most folders within a folder that are looked at, because class folders may be thousands. */
const mostFolders = 20;

/** Whether a folder, or one of its first folders, or one of theirs, holds a file with a wanted name. */
function holds(folder: string, isWanted: (name: string) => boolean, depth = 2): boolean {
  try {
    const items = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
    if (items.some((item) => !item.isDirectory() && isWanted(item.name))) return true;
    const folders = depth > 0 ? items.filter((item) => item.isDirectory()).slice(0, mostFolders) : [];
    return folders.some(({ name }) => holds(join(folder, name), isWanted, depth - 1));
  } catch {
    // Whoever opens the folder says what is wrong with it.
    return false;
  }
}

/** The number of files in an archive that are looked at. */
const mostEntries = 20;

/** Whether a tar archive is a shard. A packed one may be CIFAR's: it is if one of its first files is a picture. */
async function isShard(path: string): Promise<boolean> {
  if (!isPacked(path)) return true;
  if (isCifarName(basename(path))) return false;
  const reader = new GzipReader(await openStream(path), path);
  try {
    let entries = 0;
    for await (const { name } of tarEntries(reader, path)) {
      if (isPictureName(name)) return true;
      if (++entries === mostEntries) break;
    }
    return false;
  } catch {
    // Damaged archives are refused by the reader of CIFAR, which says why.
    return false;
  } finally {
    reader.close();
  }
}
