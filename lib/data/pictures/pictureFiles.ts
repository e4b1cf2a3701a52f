/** Finds and decodes single pictures: files that are named, and those of folders. */
import { statSync } from 'node:fs';
import { reasonOf, SaturnnError } from '../../errors';
import { isFolder, list } from './classFolders';
import { type Decoding, decode, reasonOfDecoder } from './decode';
import { readWholeFile } from './folderSet';
import { isPictureName } from './format';
import { loadSharp } from './sharp';

/** A file that may be a picture. */
export interface PictureFile {
  /** The path for people; bytes that are not UTF-8 are written as \xNN. */
  readonly name: string;
  /** The path, as bytes if it cannot be written as text. */
  readonly path: string | Buffer;
}

/**
 * Returns files as they are named, and in place of each folder its pictures, in the order of their names, those of inner folders
 * included. Only folders are looked into: a named file may have any name.
 * @throws ERR_DATA if a path cannot be found, or a folder has no pictures
 */
export function pictureFiles(paths: readonly string[]): PictureFile[] {
  return paths.flatMap((path): PictureFile[] => {
    if (!isDirectory(path)) return [{ name: path, path }];
    const files = filesIn(path, new Set());
    if (files.length === 0) throw new SaturnnError('ERR_DATA', `The folder ${path} has no pictures`);
    return files;
  });
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** @param above the folders above this one, by device and number: a link to one of them would lead in a circle */
function filesIn(folder: string, above: ReadonlySet<string>): PictureFile[] {
  const { dev, ino } = statSync(folder);
  const here = `${dev} ${ino}`;
  if (above.has(here)) return [];
  const within = new Set([...above, here]);
  return list(folder).flatMap((item): PictureFile[] => {
    if (isFolder(item)) return typeof item.path === 'string' ? filesIn(item.path, within) : [];
    return isPictureName(item.name) ? [{ name: `${folder.replace(/\/$/, '')}/${item.name}`, path: item.path }] : [];
  });
}

/**
 * Reads and decodes a file.
 * @param size "any": the picture is scaled as `decoding` says; "same": a picture of another height or width is refused
 * @throws Error whose message says what is wrong with the file; ERR_PACKAGE without sharp
 */
export async function decodeFile(path: string | Buffer, decoding: Decoding, size: 'any' | 'same'): Promise<Uint8Array> {
  const sharp = loadSharp();
  const bytes = await readWholeFile(path).catch((error) => {
    throw new Error(reasonOf(error));
  });
  try {
    const pixels = await decode(bytes, decoding);
    if (size === 'any') return pixels;
    const { height, width, orientation = 1 } = await sharp(bytes).metadata();
    // From 5 on, the EXIF orientation turns the picture by 90 degrees.
    const [high, wide] = orientation >= 5 ? [width, height] : [height, width];
    const [expectedHeight, expectedWidth] = decoding.shape;
    if (high === expectedHeight && wide === expectedWidth) return pixels;
    throw new Error(`it has ${high}x${wide} pixels in place of ${expectedHeight}x${expectedWidth}`);
  } catch (error) {
    throw new Error(reasonOfDecoder(error), { cause: error });
  }
}
