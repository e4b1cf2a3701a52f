/** CIFAR's binary files, streamed: only the labels are kept in memory; images are read from disk when they are asked for. */
import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid, reasonOf, SaturnnError } from '../errors';
import { openRegularLater, readExactly } from '../files/read';
import { Options } from '../options/options';
import { paperAugmentation } from './augmentation/kinds';
import {
  type CifarOptions,
  checkNames,
  checkSize,
  cifarFields,
  labelOf,
  largestNames,
  readNames,
  readOrFail,
  type Splits,
} from './cifar';
import { type CifarFiles, cifarFiles, findFolder, isFolder } from './cifarFiles';
import {
  defaultLabels,
  interleave,
  type Layout,
  type LayoutName,
  layouts,
  readLabel,
  recordCount,
  shape,
} from './records';
import { checkRead, type ImageSource, imageBytes, type Split } from './source';

/** Most bytes that one read takes when the labels are collected. */
const chunkBytes = 2 ** 22;

/** Number of reads that run at the same time. */
const lanes = 8;

/** One open file of records: the index of its first image in the whole split, and how many it has. */
interface RecordFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly first: number;
  readonly count: number;
}

const openOptions = new Options('CifarFile.open()', cifarFields);

/**
 * One split of CIFAR-10 or CIFAR-100 that stays on disk. The labels are in memory; read() reads images of 32x32x3 bytes from the
 * files, which stay open until close(). CifarFile.open() makes one; Dataset is the counterpart that is held in memory.
 */
export class CifarFile implements ImageSource {
  /** Shape of one image: [32, 32, 3]. */
  readonly shape = shape;
  /** The augmentation that a training uses unless it is given another: the paper's. */
  readonly augmentation = paperAugmentation;
  #closed = false;

  private constructor(
    /** One label per image, from 0 to classes - 1. */
    readonly labels: Int32Array,
    /** The number of classes. */
    readonly classes: number,
    /** One name per class; null if the folder has no file of names. */
    readonly classNames: readonly string[] | null,
    private readonly layout: Layout,
    private readonly parts: readonly RecordFile[],
  ) {}

  /**
   * Opens the training and the test files of a folder and reads all of their labels. Close both splits when they are no longer
   * needed.
   * @param path a folder, as for cifar100() and cifar10(); an archive must be unpacked first
   * @param options default of `verify`: false
   * @param names the data sets to look for, in this order; default: both, CIFAR-100 first
   * @throws ERR_DATA, with file and position, if a file is missing or malformed; ERR_INVALID_ARGUMENT, also for an archive
   */
  static async open(
    path: string,
    options: CifarOptions = {},
    names: readonly LayoutName[] = ['cifar100', 'cifar10'],
  ): Promise<Splits<CifarFile>> {
    if (typeof path !== 'string' || path === '') throw invalid('path', 'a folder', path);
    const { labels: kind = defaultLabels, verify = false } = openOptions.check(options);
    if (!isFolder(path)) throw invalid('path', 'a folder (images can be streamed from unpacked files only)', path);
    const { files, folder } = findFolder(
      path,
      checkNames(names).map((name) => cifarFiles[name]),
    );
    const label = labelOf(files, kind);
    const nameFile = files.names[kind] && join(folder, files.names[kind]);
    const classNames =
      nameFile && existsSync(nameFile) ? readNames(readOrFail(nameFile, largestNames), nameFile, label.classes) : null;
    const make = (split: Split) => openSplit(files, folder, split, { ...label, verify });
    const train = await make('train');
    const test = await make('test').catch(async (error) => {
      await closeAll(train.parts);
      throw error;
    });
    const wrap = ({ labels, parts }: typeof train) =>
      new CifarFile(labels, label.classes, classNames, layouts[files.name], parts);
    return { train: wrap(train), test: wrap(test) };
  }

  /** The number of images. */
  get count(): number {
    return this.labels.length;
  }

  /**
   * Writes the images of `indices` (0 to count - 1) into `target`, in the order of `indices`, [32, 32, 3] bytes each. They are
   * read in the order in which they lie in the files, because that is faster on a disk.
   * @throws ERR_DATA if a file has become shorter; ERR_DISPOSED after close(); ERR_INVALID_ARGUMENT
   */
  async read(indices: Int32Array, target: Uint8Array): Promise<void> {
    if (this.#closed) throw new SaturnnError('ERR_DISPOSED', 'This CifarFile was closed');
    checkRead(this, indices, target);
    const size = imageBytes(this);
    const chosen = Int32Array.from(indices); // the caller may change the array while files are read
    const rows = Int32Array.from(chosen.keys()).sort((a, b) => chosen[a]! - chosen[b]!);
    let next = 0;
    const lane = async () => {
      const planes = new Uint8Array(size);
      while (next < rows.length) {
        const row = rows[next++]!;
        const index = chosen[row]!;
        const part = this.parts.findLast(({ first }) => first <= index)!;
        const at = (index - part.first) * this.layout.bytes + this.layout.labelBytes;
        await readPart(part, planes, at);
        interleave(planes, target, row * size);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  /** Closes the files. read() throws ERR_DISPOSED afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    await closeAll(this.parts);
  }

  /** Calls close(), at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function openSplit(
  files: CifarFiles,
  folder: string,
  split: Split,
  { byte, classes, verify }: { byte: number; classes: number; verify: boolean },
): Promise<{ labels: Int32Array; parts: RecordFile[] }> {
  const layout = layouts[files.name];
  const parts: RecordFile[] = [];
  const labels: Int32Array[] = [];
  try {
    let first = 0;
    for (const name of files.splits[split]) {
      const path = join(folder, name);
      const { handle, size } = await openRegularLater(path).catch((error: Error) => {
        throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
      });
      const part = { path, handle, first, count: 0 };
      parts.push(part);
      if (verify) checkSize(path, size, files, split);
      part.count = recordCount(size, layout, path);
      first += part.count;
      labels.push(await readLabels(part, { layout, byte, classes, source: path }));
    }
  } catch (error) {
    await closeAll(parts);
    throw error;
  }
  const all = new Int32Array(labels.reduce((sum, { length }) => sum + length, 0));
  parts.forEach(({ first }, index) => {
    all.set(labels[index]!, first);
  });
  return { labels: all, parts };
}

async function readLabels(part: RecordFile, options: Parameters<typeof readLabel>[3]): Promise<Int32Array> {
  const { bytes } = options.layout;
  const labels = new Int32Array(part.count);
  const most = Math.floor(chunkBytes / bytes);
  const chunk = new Uint8Array(Math.min(most, part.count) * bytes);
  for (let begin = 0; begin < part.count; begin += most) {
    const count = Math.min(most, part.count - begin);
    await readPart(part, chunk.subarray(0, count * bytes), begin * bytes);
    for (let index = 0; index < count; index++) {
      labels[begin + index] = readLabel(chunk, index * bytes, begin + index, options);
    }
  }
  return labels;
}

async function readPart({ path, handle }: RecordFile, target: Uint8Array, at: number): Promise<void> {
  await readExactly(handle, target, at).catch((error: Error) => {
    throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  });
}

const closeAll = (parts: readonly RecordFile[]) => Promise.all(parts.map(({ handle }) => handle.close()));
