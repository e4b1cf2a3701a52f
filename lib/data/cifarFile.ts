/** CIFAR's binary files as they lie on disk: only the labels are held in memory, images are read when they are asked for. */
import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid, SaturnnError } from '../errors';
import { type CifarOptions, checkSize, labelOf, readNames, type Splits } from './cifar';
import { type CifarFiles, cifarFiles, findFolder, isFolder } from './cifarFiles';
import { interleave, type Layout, type LayoutName, layouts, readLabel, recordCount, shape } from './records';
import { checkRead, type ImageSource, imageBytes, type Split } from './source';

/** Bytes that are read at once, at most, when the labels are gathered. */
const chunkBytes = 2 ** 22;

/** Reads under way at the same time. */
const lanes = 8;

/** One file of records, and where it stands among all. */
interface RecordFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly first: number;
  readonly count: number;
}

export class CifarFile implements ImageSource {
  readonly shape = shape;
  #closed = false;

  private constructor(
    readonly labels: Int32Array,
    readonly classes: number,
    readonly classNames: readonly string[] | null,
    private readonly layout: Layout,
    private readonly parts: readonly RecordFile[],
  ) {}

  /**
   * Training and test files of a folder; an archive must be unpacked first. Reads every label, once.
   * @throws ERR_DATA naming file and position; ERR_INVALID_ARGUMENT
   */
  static async open(
    path: string,
    { labels: kind = 'fine', verify = false }: CifarOptions = {},
    names: readonly LayoutName[] = ['cifar100', 'cifar10'],
  ): Promise<Splits<CifarFile>> {
    if (typeof path !== 'string' || path === '') throw invalid('path', 'a folder', path);
    if (!isFolder(path)) throw invalid('path', 'a folder: images can be streamed from unpacked files only', path);
    const { files, folder } = findFolder(
      path,
      names.map((name) => cifarFiles[name]),
    );
    const label = labelOf(files, kind);
    const nameFile = files.names[kind] && join(folder, files.names[kind]);
    const classNames =
      nameFile && existsSync(nameFile) ? readNames(readFileSync(nameFile), nameFile, label.classes) : null;
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

  get count(): number {
    return this.labels.length;
  }

  /** In the order of the files, so that a disk is read forwards. @throws ERR_DATA if a file has become shorter; ERR_DISPOSED */
  async read(indices: Int32Array, target: Uint8Array): Promise<void> {
    if (this.#closed) throw new SaturnnError('ERR_DISPOSED', 'this CifarFile was closed');
    checkRead(this, indices, target);
    const size = imageBytes(this);
    const rows = Int32Array.from(indices.keys()).sort((a, b) => indices[a]! - indices[b]!);
    let next = 0;
    const lane = async () => {
      const planes = new Uint8Array(size);
      while (next < rows.length) {
        const row = rows[next++]!;
        const index = indices[row]!;
        const part = this.parts.findLast(({ first }) => first <= index)!;
        const at = (index - part.first) * this.layout.bytes + this.layout.labelBytes;
        await readExactly(part, planes, at);
        interleave(planes, target, row * size);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  /** Closes the files. */
  async close(): Promise<void> {
    this.#closed = true;
    await closeAll(this.parts);
  }

  /** For `await using`: close(). */
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
      const handle = await open(path).catch((error: Error) => {
        throw new SaturnnError('ERR_DATA', `Cannot read ${path}: ${error.message}`, { cause: error });
      });
      const part = { path, handle, first, count: 0 };
      parts.push(part);
      const { size } = await handle.stat();
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
    await readExactly(part, chunk.subarray(0, count * bytes), begin * bytes);
    for (let index = 0; index < count; index++) {
      labels[begin + index] = readLabel(chunk, index * bytes, begin + index, options);
    }
  }
  return labels;
}

async function readExactly({ path, handle }: RecordFile, target: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await handle.read(target, done, target.length - done, at + done);
    if (bytesRead === 0) throw new SaturnnError('ERR_DATA', `${path} ends at byte ${at + done}: it has become shorter`);
    done += bytesRead;
  }
}

const closeAll = (parts: readonly RecordFile[]) => Promise.all(parts.map(({ handle }) => handle.close()));
