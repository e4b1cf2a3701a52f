/** Finds the IDX files of MNIST and of data sets in its layout, and reads them into memory. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { reasonOf, SaturnnError } from '../../errors';
import { arrayOf, flag, optional, orNull, pathField, text } from '../../options/field';
import { checkArgument, Options } from '../../options/options';
import { isFolder } from '../cifarFiles';
import { transposed } from './array';
import { type ArrayPair, type ArraySplits, arraySplits } from './arraySplits';
import { readIdx } from './idx';

/** Options of idx(). */
export interface IdxOptions {
  /** The beginning of the names of files, where a folder has several data sets: "emnist-letters-". */
  prefix?: string;
  /** Whether rows and columns are exchanged. Default: true for names that begin with "emnist-", whose images lie on their side. */
  transpose?: boolean;
  /** One name per class. Default null: the names are not known. */
  classNames?: readonly string[] | null;
}

const idxOptions = new Options<IdxOptions>('idx()', {
  prefix: optional(text),
  transpose: optional(flag),
  classNames: optional(orNull(arrayOf(text, 'an array of names'))),
});

/** The names of files in MNIST's layout: prefix, split, kind. MNIST calls the test set "t10k". */
const pattern = /^(.*?)(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(?:\.gz)?$/i;

interface Found {
  readonly name: string;
  readonly prefix: string;
  readonly split: 'train' | 'test';
  readonly kind: 'images' | 'labels';
}

const foundOf = (name: string): Found[] => {
  const match = pattern.exec(name);
  if (!match) return [];
  const [, prefix = '', split = '', kind = ''] = match;
  return [
    { name, prefix, split: split.toLowerCase() === 'train' ? 'train' : 'test', kind: kind.toLowerCase() as 'images' },
  ];
};

/** Whether a file's name is one of MNIST's layout. */
export const isIdxName = (name: string): boolean => pattern.test(name);

const expected =
  'train-images-idx3-ubyte, train-labels-idx1-ubyte, and t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte for a test set (or .gz of these)';

/**
 * Reads MNIST, or a data set in its layout (Fashion-MNIST, KMNIST, EMNIST), into memory: IDX files of bytes, plain or packed with gzip,
 * whose names end as MNIST's do (`train-images-idx3-ubyte`, also with `.idx3-ubyte`). Labels are as in the files: EMNIST's letters
 * begin with 1, so that class 0 stays empty.
 * @param path a folder with these files, or one of them
 * @returns the training set, and the test set; null if its files are not there
 * @throws ERR_DATA, with file and position, if files are missing or malformed, or do not agree; ERR_INVALID_ARGUMENT
 */
export async function idx(path: string, options: IdxOptions = {}): Promise<ArraySplits> {
  checkArgument('path', pathField, path);
  const { prefix: wanted, transpose, classNames } = idxOptions.check(options);
  const isWhole = isFolder(path);
  const folder = isWhole ? path : dirname(path);
  const [own] = isWhole ? [] : foundOf(basename(path));
  const { files, prefix } = choose(folder, wanted ?? own?.prefix);
  const turn = transpose ?? prefix.toLowerCase().startsWith('emnist-');
  const read = async (split: Found['split']): Promise<ArrayPair | null> => {
    const places = (['images', 'labels'] as const).map((kind) =>
      files.find((file) => file.split === split && file.kind === kind),
    );
    const [images, labels] = places;
    if (split === 'test' && !images && !labels) return null;
    if (!images || !labels) {
      const found = files.map(({ name }) => name).join(', ');
      throw new SaturnnError(
        'ERR_DATA',
        `Expected images and labels of the ${split} set in ${folder} (${expected}) but found ${found}`,
      );
    }
    const array = await readIdx(join(folder, images.name));
    return { images: turn ? transposed(array) : array, labels: await readIdx(join(folder, labels.name)) };
  };
  const train = await read('train');
  return arraySplits({ train: train!, test: await read('test') }, { classNames });
}

/** Returns the files of one data set. @throws ERR_DATA if there is none, or there are several and none is chosen */
function choose(folder: string, wanted: string | undefined): { files: Found[]; prefix: string } {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read ${folder}: ${reasonOf(error)}`, { cause: error });
  }
  const all = names.flatMap(foundOf);
  const prefixes = [...new Set(all.map(({ prefix }) => prefix))];
  const files = all.filter(({ prefix }) => wanted === undefined || prefix === wanted);
  if (files.length === 0) {
    const others = prefixes.map((prefix) => `"${prefix}"`).join(', ');
    const what = wanted === undefined ? '' : ` with prefix "${wanted}"`;
    throw new SaturnnError(
      'ERR_DATA',
      `Expected ${expected}${what} in ${folder} but found ${others ? `the prefixes ${others}` : 'none of them'}`,
    );
  }
  if (new Set(files.map(({ prefix }) => prefix)).size > 1) {
    const choices = prefixes.map((prefix) => `"${prefix}"`).join(', ');
    throw new SaturnnError('ERR_DATA', `${folder} has several data sets: choose one by option prefix (${choices})`);
  }
  return { files, prefix: files[0]!.prefix };
}
