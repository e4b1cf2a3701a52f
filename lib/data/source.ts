import { checkInteger, invalid } from '../errors';

/** Height, width, channels. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Labelled images of one size, wherever they lie: in memory (Dataset) or in files (CifarFile). */
export interface ImageSource {
  readonly count: number;
  readonly shape: ImageShape;
  /** One per image, from 0 to classes - 1. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Null where they are not known. */
  readonly classNames: readonly string[] | null;
  /**
   * Writes the images of `indices`, which lie in 0 .. count - 1, one after the other into `target`, [height, width,
   * channels] each. `target` is of no use until it is done.
   */
  read(indices: Int32Array, target: Uint8Array): Promise<void>;
}

/** Bytes of an image. */
export const imageBytes = ({ shape: [height, width, channels] }: Pick<ImageSource, 'shape'>): number =>
  height * width * channels;

/** Some images of a source, in an order of their own. Reads through it. */
export class Subset implements ImageSource {
  readonly shape: ImageShape;
  readonly labels: Int32Array;
  readonly classes: number;
  readonly classNames: readonly string[] | null;

  /** @param classes as many as the labels need; default: the source's. @throws ERR_INVALID_ARGUMENT */
  constructor(
    private readonly source: ImageSource,
    private readonly indices: Int32Array,
    classes = source.classes,
  ) {
    checkIndices(indices, source.count);
    this.shape = source.shape;
    this.classes = classes;
    this.classNames = source.classNames?.slice(0, classes) ?? null;
    this.labels = indices.map((index) => source.labels[index]!);
  }

  get count(): number {
    return this.indices.length;
  }

  read(indices: Int32Array, target: Uint8Array): Promise<void> {
    return this.source.read(
      indices.map((index) => this.indices[index]!),
      target,
    );
  }
}

/** The images of the first `classes` classes of a source, or all if it has no more. @throws ERR_INVALID_ARGUMENT */
export function firstClassesOf(source: ImageSource, classes: number): ImageSource {
  checkInteger('classes', classes, 2);
  if (classes >= source.classes) return source;
  const indices = [...source.labels.keys()].filter((index) => source.labels[index]! < classes);
  return new Subset(source, Int32Array.from(indices), classes);
}

/** The first `count` images of a source, or all if there are fewer. @throws ERR_INVALID_ARGUMENT */
export function firstOf(source: ImageSource, count: number): ImageSource {
  checkInteger('limit', count, 1);
  if (count >= source.count) return source;
  return new Subset(
    source,
    Int32Array.from({ length: count }, (_, index) => index),
  );
}

/** For implementations of read(). @throws ERR_INVALID_ARGUMENT */
export function checkRead(source: ImageSource, indices: Int32Array, target: Uint8Array): void {
  checkIndices(indices, source.count);
  const bytes = indices.length * imageBytes(source);
  const fits = target instanceof Uint8Array && target.length >= bytes;
  if (!fits) throw invalid('target', `a Uint8Array of at least ${bytes} bytes`, target?.length ?? target);
}

/** @throws ERR_INVALID_ARGUMENT that names the first index that does not fit */
export function checkIndices(indices: Int32Array, count: number): Int32Array {
  if (!(indices instanceof Int32Array)) throw invalid('indices', 'an Int32Array', indices);
  if (indices.length === 0) throw invalid('indices', 'at least one index', 'none');
  const wrong = indices.findIndex((index) => index < 0 || index >= count);
  if (wrong >= 0) throw invalid(`indices[${wrong}]`, `an integer from 0 to ${count - 1}`, indices[wrong]);
  return indices;
}

/** The two parts of a data set. */
export type Split = 'train' | 'test';

/** Where a training's images are: all on the device, or on the host, from where each step's are sent. */
export type DataMode = 'resident' | 'streaming';
export const dataModes: readonly DataMode[] = ['resident', 'streaming'];
