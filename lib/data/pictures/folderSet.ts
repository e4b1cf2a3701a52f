/** The pictures of class folders, as a PictureSet. */
import { close, constants, existsSync, fstat, open, read as readFile } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { SaturnnError } from '../../errors';
import { type FoundPicture, findPictures } from './classFolders';
import { inOrder } from './inOrder';
import type { EncodedPicture, PictureSet, PictureSplit } from './pictureSet';

/** The number of files that are read ahead of the decoder: enough for a disk that answers slowly. */
const ahead = 16;

/** Most bytes of one file. sharp takes no more. */
const largestFile = 2 ** 31 - 1;

/** Pictures in class folders. */
export class FolderSet implements PictureSet {
  readonly splits: readonly PictureSplit[];
  readonly labels: Int32Array;
  readonly classes: number;

  private constructor(
    readonly source: string,
    readonly classNames: readonly string[],
    readonly ignored: readonly string[],
    splits: readonly { readonly name: PictureSplit['name']; readonly pictures: readonly FoundPicture[] }[],
    private readonly pictures: readonly FoundPicture[],
  ) {
    this.splits = splits.map(({ name, pictures: own }) => ({ name, count: own.length }));
    this.labels = Int32Array.from(pictures, ({ label }) => label);
    this.classes = classNames.length;
  }

  /** Finds the pictures of a folder. Throws what findPictures() throws. */
  static async open(path: string, signal?: AbortSignal): Promise<FolderSet> {
    const root = resolve(path);
    const { splits, classNames, ignored } = await findPictures(root, signal);
    const pictures = splits.flatMap((split) => split.pictures);
    return new FolderSet(root, classNames, ignored, splits, pictures);
  }

  get count(): number {
    return this.pictures.length;
  }

  nameOf(index: number): string {
    return this.pictures[index]!.name;
  }

  stampOf(index: number): string {
    return this.pictures[index]!.stamp;
  }

  /** Reads the files of pictures. @throws ERR_DATA if the whole folder has disappeared; the signal's reason */
  async *read(indices: Int32Array, signal?: AbortSignal): AsyncGenerator<EncodedPicture, void, void> {
    for await (const picture of inOrder(indices, ahead, (index) => this.#readOne(index))) {
      signal?.throwIfAborted();
      if (picture.error && !existsSync(this.source)) {
        throw new SaturnnError('ERR_DATA', `The folder ${this.source} has disappeared`);
      }
      yield picture;
    }
  }

  async close(): Promise<void> {}

  async #readOne(index: number): Promise<EncodedPicture> {
    try {
      return { index, bytes: await readWholeFile(this.pictures[index]!.path) };
    } catch (error) {
      return { index, error: error as Error };
    }
  }
}

const later = { open: promisify(open), stat: promisify(fstat), read: promisify(readFile), close: promisify(close) };

/** Reads a whole file with one read if its size is known: fs.readFile() takes twice the time. */
export async function readWholeFile(path: string | Buffer): Promise<Uint8Array> {
  // Opening a pipe would wait for a writer without the second flag.
  const descriptor = await later.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await later.stat(descriptor);
    if (!stats.isFile()) throw new Error('it is not a regular file');
    if (stats.size > largestFile) throw new Error(`it has ${stats.size} bytes; at most ${largestFile} are accepted`);
    const bytes = Buffer.allocUnsafeSlow(stats.size);
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await later.read(descriptor, bytes, done, bytes.length - done, done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } finally {
    await later.close(descriptor);
  }
}
