/** Finds the arrays of a data set in .npy files or in one .npz, and reads them into memory. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { reasonOf, SaturnnError, show } from '../../errors';
import { parseFileLater } from '../../files/read';
import { arrayOf, oneOf, optional, orNull, pathField, text } from '../../options/field';
import { checkArgument, Options } from '../../options/options';
import { isFolder } from '../cifarFiles';
import { type PixelRange, pixelRanges } from '../givenPixels';
import { type ArrayLayout, arrayLayouts, type FileArray } from './array';
import { type ArrayPair, type ArraySplits, arraySplits } from './arraySplits';
import { npyParser, parseNpy } from './npy';
import { zipParser } from './zip';

/** Options of npy(). */
export interface NpyOptions {
  /** Range of pixels that are floats: "0..1", "0..255" or "-1..1". Required for floats. */
  range?: PixelRange;
  /** Order of the dimensions of images with channels: "NHWC" (default; channels last) or "NCHW" (channels first). */
  layout?: ArrayLayout;
  /** One name per class. Default null: the names are not known, unless the labels are texts. */
  classNames?: readonly string[] | null;
}

const npyOptions = new Options<NpyOptions>('npy()', {
  range: optional(oneOf(pixelRanges)),
  layout: optional(oneOf(arrayLayouts)),
  classNames: optional(orNull(arrayOf(text, 'an array of names'))),
});

/** Names of the images and the labels of a split, without ".npy", in lower case; the first pair that is there counts. */
const pairs: Readonly<Record<'train' | 'test', readonly (readonly [images: string, labels: string])[]>> = {
  train: [
    ['x_train', 'y_train'],
    ['train_x', 'train_y'],
    ['train_images', 'train_labels'],
    ['x', 'y'],
    ['images', 'labels'],
    ['data', 'target'],
  ],
  test: [
    ['x_test', 'y_test'],
    ['test_x', 'test_y'],
    ['test_images', 'test_labels'],
  ],
};

/** Whether a file's name is that of an array which npy() looks for. */
export const isNpyName = (name: string): boolean => {
  const lower = name.toLowerCase();
  return lower.endsWith('.npy') && Object.values(pairs).flat(2).includes(lower.slice(0, -4));
};

/**
 * Reads NumPy arrays into memory: the images `x_train.npy` [count, height, width] or [count, height, width, channels], the labels
 * `y_train.npy` [count], and `x_test.npy` and `y_test.npy` for a test set; or the same names in one `.npz`. `train_images` and
 * `train_labels`, `X` and `y`, `images` and `labels`, `data` and `target` are found, too, in upper and lower case. Pixels are integers
 * from 0 to 255, or floats whose range is said; labels are integers from 0, or texts (dtype U).
 * @param path a folder with .npy files, one of them, or a .npz
 * @returns the training set, and the test set; null if its arrays are not there
 * @throws ERR_DATA, with file and position, if arrays are missing or malformed, or do not agree; ERR_INVALID_ARGUMENT
 */
export async function npy(path: string, options: NpyOptions = {}): Promise<ArraySplits> {
  checkArgument('path', pathField, path);
  const { range, layout, classNames } = npyOptions.check(options);
  const isZip = !isFolder(path) && /\.npz$/i.test(path);
  const { names, read, place } = isZip ? await openZip(path) : openFolder(isFolder(path) ? path : dirname(path));
  const pairOf = async (split: 'train' | 'test'): Promise<ArrayPair | null> => {
    const find = (name: string) => names.find((own) => own.toLowerCase() === `${name}.npy`);
    const [pair] = pairs[split].flatMap(([images, labels]) => {
      const found = [find(images), find(labels)];
      return found[0] && found[1] ? [found as [string, string]] : [];
    });
    if (pair) return { images: await read(pair[0]), labels: await read(pair[1]) };
    if (split === 'test') return null;
    const expected = pairs.train.map(([images, labels]) => `${images} and ${labels}`).join(', ');
    const found = names
      .slice(0, 12)
      .map((name) => show(name))
      .join(', ');
    throw new SaturnnError(
      'ERR_DATA',
      `Expected the arrays ${expected} (.npy) in ${place} but found ${found || 'none'}`,
    );
  };
  const train = await pairOf('train');
  return arraySplits({ train: train!, test: await pairOf('test') }, { range, layout, classNames });
}

/** The arrays of a place: their names, and how one is read. */
interface Arrays {
  readonly place: string;
  readonly names: readonly string[];
  read(name: string): Promise<FileArray>;
}

function openFolder(folder: string): Arrays {
  let names: string[];
  try {
    names = readdirSync(folder)
      .filter((name) => /\.npy$/i.test(name))
      .sort();
  } catch (error) {
    throw unreadable(folder, error);
  }
  const read = async (name: string) => {
    const path = join(folder, name);
    return readOrFail(path, (size) => npyParser(size, path));
  };
  return { place: folder, names, read };
}

async function openZip(path: string): Promise<Arrays> {
  const files = await readOrFail(path, (size) => zipParser(size, path, isNpyName));
  const read = async (name: string) => parseNpy(files.get(name)!, `${name} in ${path}`);
  return { place: path, names: [...files.keys()], read };
}

async function readOrFail<T>(path: string, parserOf: Parameters<typeof parseFileLater<T>>[1]): Promise<T> {
  try {
    return await parseFileLater(path, parserOf);
  } catch (error) {
    if (error instanceof SaturnnError) throw error;
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, error: unknown): SaturnnError =>
  new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
