import { types } from 'node:util';
import { checkInteger, invalid } from '../errors';
import { type Field, imageShape, instance, oneOf } from '../options/field';
import { isArray, isCallback } from '../options/values';
import type { Augmentation } from './augmentation/kinds';
import type { PictureDecoding } from './pictures/fit';
import { rowValuesOf, type Targets } from './targets';

/** Shape of one image: height, width, channels. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Labelled images of one size, in memory (Dataset), in files (CifarFile), or from another implementation of this interface. */
export interface ImageSource {
  /** The number of images. */
  readonly count: number;
  /** Shape of one image: [height, width, channels]. */
  readonly shape: ImageShape;
  /** One label per image, from 0 to classes - 1. */
  readonly labels: Int32Array;
  /** The number of classes. */
  readonly classes: number;
  /**
   * Numbers that a network is to compute for each image, [count, width]: for losses that compare its outputs with numbers, or, for
   * cross-entropy, the probabilities of the classes. Absent: the labels are all.
   */
  readonly targets?: Targets | null;
  /** A factor of at least 0 on the loss of each image in training, [count]. Absent: 1. */
  readonly weights?: Float32Array | null;
  /** One name per class; null if they are not known. */
  readonly classNames: readonly string[] | null;
  /** How pictures were brought to the shape, which is written with the weights, for predictions of files. Absent: it is not known. */
  readonly decoding?: PictureDecoding | null;
  /** How these images were chosen from a larger set, as JSON values for checkpoints and config.json; absent: they are a whole set. */
  readonly origin?: Readonly<Record<string, unknown>>;
  /** The augmentation that a training uses unless it is given another. Absent: none. */
  readonly augmentation?: readonly Augmentation[];
  /** Says that this is a validation set, which events and reports of a training then call it. Absent: a training or test set. */
  readonly role?: 'validation';
  /**
   * Writes the images of `indices` (0 to count - 1) into `target`, in that order: bytes from 0 to 255, [height, width, channels]
   * each. `target` may hold anything until the promise is fulfilled.
   */
  read(indices: Int32Array, target: Uint8Array): Promise<void>;
}

/** Whether a value has the members of an ImageSource. */
export function isSource(value: unknown): value is ImageSource {
  if (typeof value !== 'object' || value === null) return false;
  const { read, shape, labels } = value as ImageSource;
  return isCallback(read) && isArray(shape) && ArrayBuffer.isView(labels);
}

/** Accepts an ImageSource. */
export const sourceField: Field<ImageSource> = instance<ImageSource>('a Dataset or another ImageSource', isSource);

/** Accepts the shape of an image, and copies it. */
export const imageShapeField: Field<ImageShape> = imageShape('3 positive integers (height, width, channels)');

/** Returns the bytes of one image. */
export const imageBytes = ({ shape: [height, width, channels] }: Pick<ImageSource, 'shape'>): number =>
  height * width * channels;

/** Some images of another source, in any order. It holds no pixels: read() reads them from that source. */
export class Subset implements ImageSource {
  readonly shape: ImageShape;
  readonly labels: Int32Array;
  readonly classes: number;
  readonly targets: Targets | null;
  readonly weights: Float32Array | null;
  readonly classNames: readonly string[] | null;
  readonly decoding: PictureDecoding | null;
  readonly augmentation: readonly Augmentation[];
  readonly role?: 'validation';
  readonly #indices: Int32Array;

  /**
   * @param indices indices of the images in `source`, 0 to source.count - 1
   * @param classes the number of classes; it must be larger than every label among these images. Default: source.classes
   * @throws ERR_INVALID_ARGUMENT for an index that is out of range
   */
  constructor(
    private readonly source: ImageSource,
    indices: Int32Array,
    classes = source?.classes,
  ) {
    if (!isSource(source)) throw invalid('source', sourceField.expected, source);
    this.#indices = Int32Array.from(checkIndices(indices, source.count));
    this.classes = checkInteger('classes', classes, 1, 2 ** 31 - 1);
    this.shape = source.shape;
    this.augmentation = source.augmentation ?? [];
    this.classNames = source.classNames?.slice(0, classes) ?? null;
    this.decoding = source.decoding ?? null;
    if (source.role) this.role = source.role;
    this.labels = this.#indices.map((index) => source.labels[index]!);
    ({ targets: this.targets, weights: this.weights } = rowValuesOf(source, this.#indices));
    const most = this.labels.reduce((largest, label) => Math.max(largest, label), 0);
    if (most >= classes) throw invalid('classes', `more than the label ${most}`, classes);
  }

  /** The number of images. */
  get count(): number {
    return this.#indices.length;
  }

  /** Writes the images of `indices` (0 to count - 1, positions in this subset) into `target`, in that order. */
  async read(indices: Int32Array, target: Uint8Array): Promise<void> {
    checkRead(this, indices, target);
    return this.source.read(
      indices.map((index) => this.#indices[index]!),
      target,
    );
  }
}

/** The fewest classes that a source may be cut to. */
export const fewestClasses = 2;

/**
 * Returns the images of the first `classes` classes (at least 2); the source itself if it has no more classes.
 * @throws ERR_INVALID_ARGUMENT
 */
export function firstClassesOf(source: ImageSource, classes: number): ImageSource {
  checkInteger('classes', classes, fewestClasses);
  if (classes >= source.classes) return source;
  const indices = [...source.labels.keys()].filter((index) => source.labels[index]! < classes);
  return new Subset(source, Int32Array.from(indices), classes);
}

/** Returns the first `count` images (at least 1); the source itself if it has no more. @throws ERR_INVALID_ARGUMENT */
export function firstOf(source: ImageSource, count: number): ImageSource {
  checkInteger('count', count, 1);
  if (count >= source.count) return source;
  return new Subset(
    source,
    Int32Array.from({ length: count }, (_, index) => index),
  );
}

/**
 * Returns `count` images (at least 1), as nearly as possible as many of each class, the first ones of each; the source itself if it has no
 * more. For sources in which classes lie one after another. @throws ERR_INVALID_ARGUMENT
 */
export function evenlyOf(source: ImageSource, count: number): ImageSource {
  checkInteger('count', count, 1);
  if (count >= source.count) return source;
  const seen = new Int32Array(source.classes);
  const ranked = Array.from(source.labels, (label, index) => ({ index, rank: seen[label]!++ }));
  ranked.sort((a, b) => a.rank - b.rank || a.index - b.index);
  const chosen = ranked.slice(0, count).map(({ index }) => index);
  return new Subset(source, Int32Array.from(chosen).sort());
}

/** Checks the arguments of an implementation of read(). @throws ERR_INVALID_ARGUMENT */
export function checkRead(source: ImageSource, indices: Int32Array, target: Uint8Array): void {
  checkIndices(indices, source.count);
  const bytes = indices.length * imageBytes(source);
  const fits = types.isUint8Array(target) && target.length >= bytes;
  if (!fits) throw invalid('target', `a Uint8Array of at least ${bytes} bytes`, target?.length ?? target);
}

/** Checks that indices lie in 0 to count - 1. @throws ERR_INVALID_ARGUMENT, with the first index that does not */
export function checkIndices(indices: Int32Array, count: number): Int32Array {
  if (!types.isInt32Array(indices)) throw invalid('indices', 'an Int32Array', indices);
  if (indices.length === 0) throw invalid('indices', 'at least one index', 'none');
  const wrong = indices.findIndex((index) => index < 0 || index >= count);
  if (wrong >= 0) throw invalid(`indices[${wrong}]`, `an integer from 0 to ${count - 1}`, indices[wrong]);
  return indices;
}

/** The set that a training evaluates: the name by which texts call it. */
export type EvaluatedSet = 'test' | 'validation';

/** Returns the name of a set that a training evaluates. */
export const evaluatedSet = ({ role }: Pick<ImageSource, 'role'>): EvaluatedSet => role ?? 'test';

/** The two parts of a data set. */
export type Split = 'train' | 'test';

/**
 * The place of a training's images. "resident": all are in the device's memory. "streaming": they are on the host, which
 * sends the images of each step to the device.
 */
export type DataMode = 'resident' | 'streaming';
export const dataModes: readonly DataMode[] = ['resident', 'streaming'];
/** Accepts a DataMode. */
export const dataModeField: Field<DataMode> = oneOf(dataModes);
