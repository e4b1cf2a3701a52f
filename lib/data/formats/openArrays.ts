/** Opens data sets whose pixels lie in arrays (IDX, npy, npz), told apart by the names of their files. */
import { readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { PixelsOptions } from './array';
import type { ArraySplits } from './arraySplits';
import { idx, isIdxName } from './idxFiles';
import { isNpyName, npy } from './npyFiles';

/**
 * Reads the arrays at a path, a file or a folder. Returns null if its name, or those of the files in the folder, are of no such format.
 * @param options how the pixels of npy files are read
 * @throws ERR_DATA, with file and position, if files are malformed
 */
export async function openArrays(path: string, options: PixelsOptions = {}): Promise<ArraySplits | null> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return null;
  const names = stats.isDirectory() ? readdirSync(path) : [basename(path)];
  if (names.some(isIdxName)) return idx(path);
  if (names.some(isNpyName) || (!stats.isDirectory() && /\.np[yz]$/i.test(path))) return npy(path, options);
  return null;
}
