/** The files of CIFAR-10 and CIFAR-100: their names and official sizes, and how to find them in a folder or an archive. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { reasonOf, SaturnnError } from '../errors';
import type { LabelKind, LayoutName } from './records';
import type { Split } from './source';

/** The files of one data set. */
export interface CifarFiles {
  readonly name: LayoutName;
  readonly title: string;
  /** Name of the folder in the official archive. */
  readonly folder: string;
  readonly archive: { readonly name: string; readonly md5: string; readonly url: string };
  readonly splits: Readonly<Record<Split, readonly string[]>>;
  /** Records in each official file of a split. */
  readonly records: Readonly<Record<Split, number>>;
  /** Text files with one class name per line. They may be absent. */
  readonly names: Readonly<Partial<Record<LabelKind, string>>>;
}

const site = 'https://www.cs.toronto.edu/~kriz';

/** The files of CIFAR-10 and CIFAR-100. */
export const cifarFiles: Readonly<Record<LayoutName, CifarFiles>> = {
  cifar10: {
    name: 'cifar10',
    title: 'CIFAR-10',
    folder: 'cifar-10-batches-bin',
    archive: {
      name: 'cifar-10-binary.tar.gz',
      md5: 'c32a1d4ab5d03f1284b67883e8d87530',
      url: `${site}/cifar-10-binary.tar.gz`,
    },
    splits: { train: [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`), test: ['test_batch.bin'] },
    records: { train: 10_000, test: 10_000 },
    names: { fine: 'batches.meta.txt' },
  },
  cifar100: {
    name: 'cifar100',
    title: 'CIFAR-100',
    folder: 'cifar-100-binary',
    archive: {
      name: 'cifar-100-binary.tar.gz',
      md5: '03b5dce01913d631647c71ecec9e9cb8',
      url: `${site}/cifar-100-binary.tar.gz`,
    },
    splits: { train: ['train.bin'], test: ['test.bin'] },
    records: { train: 50_000, test: 10_000 },
    names: { fine: 'fine_label_names.txt', coarse: 'coarse_label_names.txt' },
  },
};

/** Returns the names of a data set's binary files, training first. */
export const binaryFiles = ({ splits }: CifarFiles): string[] => [...splits.train, ...splits.test];

/** A data set, and the folder that contains its files. */
export interface Found {
  readonly files: CifarFiles;
  readonly folder: string;
}

/**
 * Finds the first of `candidates` whose files are all in `path` or in the official folder within it.
 * @throws ERR_DATA, with the expected files and those that are there
 */
export function findFolder(path: string, candidates: readonly CifarFiles[]): Found {
  for (const files of candidates) {
    for (const folder of [path, join(path, files.folder)]) {
      if (binaryFiles(files).every((name) => existsSync(join(folder, name)))) return { files, folder };
    }
  }
  const wanted = candidates.map((files) => `${list(binaryFiles(files))} (or a folder ${files.folder} with them)`);
  const message = `Expected ${wanted.join(', or ')} in ${path} but found ${list(orUnreadable(path, () => readdirSync(path).sort()))}`;
  throw new SaturnnError('ERR_DATA', message);
}

/** Whether a folder, or the official folder within it, holds a binary file of CIFAR. */
export const holdsCifar = (path: string): boolean =>
  Object.values(cifarFiles).some((files) =>
    [path, join(path, files.folder)].some((folder) =>
      binaryFiles(files).some((name) => existsSync(join(folder, name))),
    ),
  );

/** Whether a file's name is that of an official archive of CIFAR. */
export const isCifarName = (name: string): boolean =>
  Object.values(cifarFiles).some(({ archive }) => archive.name === name);

/** Returns the first of `candidates` whose files an archive all contains. @throws ERR_DATA if there is none */
export function findInArchive(path: string, names: readonly string[], candidates: readonly CifarFiles[]): CifarFiles {
  const found = candidates.find((files) => binaryFiles(files).every((name) => names.includes(name)));
  if (found) return found;
  const wanted = candidates.map((files) => list(binaryFiles(files))).join(', or ');
  throw new SaturnnError('ERR_DATA', `Expected ${wanted} in ${path} but found ${list(names)}`);
}

/** @throws ERR_DATA if the system refuses what `read` does */
function orUnreadable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Whether `path` is a folder (true) or a file (false). @throws ERR_DATA if nothing has this path */
export function isFolder(path: string): boolean {
  const stats = orUnreadable(path, () => statSync(path, { throwIfNoEntry: false }));
  if (!stats) throw new SaturnnError('ERR_DATA', `Expected a folder or a .tar.gz at ${path} but found nothing`);
  return stats.isDirectory();
}

/** Returns the data set whose official archive has the name of this file; if none has, the first candidate. */
export const archiveOf = (path: string, candidates: readonly CifarFiles[]): CifarFiles =>
  candidates.find(({ archive }) => archive.name === basename(path)) ?? candidates[0]!;

/** Lists names in a message, at most `most` of them, because a folder may hold thousands. */
function list(names: readonly string[], most = 12): string {
  if (names.length === 0) return 'nothing';
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return names.slice(0, most).join(', ') + more;
}
