/** Which files CIFAR-10 and CIFAR-100 are made of, and where they are found. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SaturnnError } from '../errors';
import type { LabelKind, LayoutName } from './records';
import type { Split } from './source';

export interface CifarFiles {
  readonly name: LayoutName;
  readonly title: string;
  /** The folder in the archive. */
  readonly folder: string;
  readonly archive: { readonly name: string; readonly md5: string; readonly url: string };
  readonly splits: Readonly<Record<Split, readonly string[]>>;
  /** Records in each file. */
  readonly records: Readonly<Record<Split, number>>;
  /** Text files with one class name per line. They may be absent. */
  readonly names: Readonly<Partial<Record<LabelKind, string>>>;
}

const site = 'https://www.cs.toronto.edu/~kriz';

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

export const binaryFiles = ({ splits }: CifarFiles): string[] => [...splits.train, ...splits.test];

/** A folder with the files of one of the data sets. */
export interface Found {
  readonly files: CifarFiles;
  readonly folder: string;
}

/**
 * Looks in `path` itself and in the official folder within it.
 * @throws ERR_DATA naming what was looked for and what is there
 */
export function findFolder(path: string, candidates: readonly CifarFiles[]): Found {
  for (const files of candidates) {
    for (const folder of [path, join(path, files.folder)]) {
      if (binaryFiles(files).every((name) => existsSync(join(folder, name)))) return { files, folder };
    }
  }
  const wanted = candidates.map((files) => `${list(binaryFiles(files))} (or a folder ${files.folder} with them)`);
  const message = `Expected ${wanted.join(', or ')} in ${path} but found ${list(readdirSync(path).sort())}`;
  throw new SaturnnError('ERR_DATA', message);
}

/** The data set whose files an archive holds. @throws ERR_DATA */
export function findInArchive(path: string, names: readonly string[], candidates: readonly CifarFiles[]): CifarFiles {
  const found = candidates.find((files) => binaryFiles(files).every((name) => names.includes(name)));
  if (found) return found;
  const wanted = candidates.map((files) => list(binaryFiles(files))).join(', or ');
  throw new SaturnnError('ERR_DATA', `Expected ${wanted} in ${path} but found ${list(names)}`);
}

/** @throws ERR_DATA if there is nothing */
export function isFolder(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new SaturnnError('ERR_DATA', `Expected a folder or a .tar.gz at ${path} but found nothing`);
  return stats.isDirectory();
}

/** The official archive that a file of this name should be; else the first candidate's. */
export const archiveOf = (path: string, candidates: readonly CifarFiles[]): CifarFiles =>
  candidates.find(({ archive }) => archive.name === basename(path)) ?? candidates[0]!;

/** For a message: a folder may hold thousands. */
function list(names: readonly string[], most = 12): string {
  if (names.length === 0) return 'nothing';
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return names.slice(0, most).join(', ') + more;
}
