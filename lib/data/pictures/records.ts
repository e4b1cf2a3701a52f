/** Images in a file of records: bytes [height, width, channels] each, one after another. */
import { type FileHandle, open } from 'node:fs/promises';
import { reasonOf, SaturnnError } from '../../errors';
import { allocateBytes, readExactly } from '../../files/read';
import { Dataset } from '../dataset';
import { checkRead, type ImageShape, type ImageSource, imageBytes } from '../source';
import type { PictureDecoding } from './fit';

/** Most bytes that one read takes. */
const chunkBytes = 2 ** 22;

/** Number of reads that run at the same time. */
const lanes = 8;

/** Describes the images in a file of records. */
export interface RecordsOf {
  readonly path: string;
  readonly shape: ImageShape;
  /** Number of the record of each image. */
  readonly places: Int32Array;
  readonly labels: Int32Array;
  readonly classes: number;
  readonly classNames: readonly string[] | null;
  readonly decoding: PictureDecoding;
}

/**
 * Images that stay on disk, in a file of records: the cache of decoded pictures. The labels are in memory; read() reads images from the
 * file, which stays open until close().
 */
export class Records implements ImageSource {
  readonly shape: ImageShape;
  readonly labels: Int32Array;
  readonly classes: number;
  readonly classNames: readonly string[] | null;
  readonly decoding: PictureDecoding;
  #closed = false;

  private constructor(
    private readonly of: RecordsOf,
    private readonly file: FileHandle,
  ) {
    this.shape = of.shape;
    this.labels = of.labels;
    this.classes = of.classes;
    this.classNames = of.classNames;
    this.decoding = of.decoding;
  }

  /** Opens a file of records. @throws ERR_DATA if it cannot be read */
  static async open(of: RecordsOf): Promise<Records> {
    try {
      return new Records(of, await open(of.path, 'r'));
    } catch (error) {
      throw unreadable(of.path, error);
    }
  }

  /** The number of images. */
  get count(): number {
    return this.labels.length;
  }

  /**
   * Writes the images of `indices` (0 to count - 1) into `target`, in the order of `indices`. Records that are neighbours in the file
   * are read at once.
   * @throws ERR_DATA if the file has become shorter; ERR_DISPOSED after close(); ERR_INVALID_ARGUMENT
   */
  async read(indices: Int32Array, target: Uint8Array): Promise<void> {
    if (this.#closed) throw new SaturnnError('ERR_DISPOSED', 'These records were closed');
    checkRead(this, indices, target);
    const places = indices.map((index) => this.of.places[index]!);
    const runs = runsOf(places, Math.max(1, Math.floor(chunkBytes / imageBytes(this))));
    const size = imageBytes(this);
    let next = 0;
    const lane = async () => {
      while (next < runs.length) {
        const { row, count } = runs[next++]!;
        const part = target.subarray(row * size, (row + count) * size);
        await readExactly(this.file, part, places[row]! * size).catch((error) => {
          throw unreadable(this.of.path, error);
        });
      }
    };
    await Promise.all(Array.from({ length: Math.min(lanes, runs.length) }, lane));
  }

  /** Reads all images into memory. @throws ERR_OUT_OF_MEMORY; what read() throws */
  async load(): Promise<Dataset> {
    const { shape, labels, classes, classNames, decoding } = this;
    const images = allocateBytes(this.count * imageBytes(this), this.of.path);
    await this.read(Int32Array.from(labels.keys()), images);
    return Dataset.from({ images, labels, shape, classes, classNames }).decodedBy(decoding);
  }

  /** Closes the file. read() throws ERR_DISPOSED afterwards. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.file.close();
  }
}

/** Rows of a read whose records follow each other in the file, so that one call reads them. */
interface Run {
  readonly row: number;
  readonly count: number;
}

function runsOf(places: Int32Array, most: number): Run[] {
  const runs: Run[] = [];
  for (let row = 0; row < places.length; ) {
    let count = 1;
    while (count < most && places[row + count] === places[row]! + count) count++;
    runs.push({ row, count });
    row += count;
  }
  return runs;
}

const unreadable = (path: string, error: unknown): SaturnnError =>
  new SaturnnError('ERR_DATA', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
