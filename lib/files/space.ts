import { type StatsFs, statfsSync, statSync } from 'node:fs';
import { SaturnnError } from '../errors';

/** A file that is going to be written. */
export interface PlannedFile {
  readonly path: string;
  /** Its greatest size in bytes. */
  readonly bytes: number;
}

/**
 * Checks that the disk has room for files, so that a long computation does not end with files that cannot be written. Files that are
 * there already count for what they will grow.
 * @param folder the folder of the files
 * @param temporary bytes of a file that exists for a while beside them: the one that replaces another
 * @throws ERR_OUTPUT with what is needed and what is free
 */
export function requireSpace(
  folder: string,
  files: readonly PlannedFile[],
  temporary: number,
  statfs: (folder: string) => Pick<StatsFs, 'bavail' | 'bsize' | 'blocks'> = statfsSync,
): void {
  const needed = files.reduce((sum, { bytes }) => sum + bytes, temporary) - sizeOfFiles(files);
  const free = freeSpace(folder, statfs);
  if (free === null || needed <= free) return;
  const message = `${folder} has ${inUnits(free, Math.floor)} free, but its files will need ${inUnits(needed, Math.ceil)}. Make room, or choose another folder`;
  throw new SaturnnError('ERR_OUTPUT', message);
}

/** Returns the bytes that this user may still write; null if the file system does not say. */
function freeSpace(folder: string, statfs: (folder: string) => Pick<StatsFs, 'bavail' | 'bsize' | 'blocks'>) {
  try {
    const { bavail, bsize, blocks } = statfs(folder);
    return blocks > 0 ? bavail * bsize : null;
  } catch {
    return null;
  }
}

/** Returns the bytes that are used now. A file with several names, as a checkpoint may have, counts once. */
function sizeOfFiles(files: readonly PlannedFile[]): number {
  const sizes = new Map<string, number>();
  for (const { path } of files) {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile()) sizes.set(`${stats.dev}:${stats.ino}`, stats.size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Formats a number of bytes with one decimal: "3.5 GiB", "12.0 MiB". */
function inUnits(bytes: number, round: (value: number) => number): string {
  const [unit, size] = bytes >= 2 ** 30 ? ['GiB', 2 ** 30] : ['MiB', 2 ** 20];
  return `${(round((10 * Math.max(0, bytes)) / size) / 10).toFixed(1)} ${unit}`;
}
