import { types } from 'node:util';
import { checkInteger, invalid } from '../errors';
import { anyArray, custom, integer, oneOf, optional, orNull, text } from '../options/field';
import { Options } from '../options/options';
import { isArray } from '../options/values';
import { bytesOf } from '../runtime/dtypes';
import {
  decodeRecords,
  defaultLabels,
  type LabelKind,
  type LayoutName,
  labelKinds,
  layouts,
  shape as recordShape,
} from './records';
import { checkIndices, checkRead, type ImageShape, type ImageSource, imageBytes } from './source';
import { type Statistics, type StatisticsOptions, StatisticsSums } from './statistics';

/** Options of Dataset.from(). */
export interface DatasetOptions {
  /**
   * The pixels, 0 to 255: [count, height, width, channels], row-major. The Dataset keeps this memory; it makes no copy, because it
   * may be large. Change it only while nothing reads the Dataset.
   */
  images: Uint8Array | Uint8ClampedArray;
  /** One label per image, from 0 to classes - 1. They are copied. */
  labels: Int32Array | Uint8Array | readonly number[];
  /** Shape of one image: [height, width, channels]. */
  shape: ImageShape;
  /** The number of classes. Default: the largest label + 1. */
  classes?: number;
  /** One name per class. Default null: the names are not known. */
  classNames?: readonly string[] | null;
}

/** Options of Dataset.fromRecords(). */
export interface RecordsOptions {
  /** Layout of a record; default "cifar100". */
  layout?: LayoutName;
  /** Kind of labels, "fine" (default) or "coarse" (CIFAR-100 only). */
  labels?: LabelKind;
  /** The number of classes. Default: that of the layout. */
  classes?: number;
  /** Names the records in errors; default "records". */
  source?: string;
}

const isNames = (value: unknown): boolean =>
  isArray(value) && !value.includes(undefined) && value.every((name) => typeof name === 'string');

const isLabels = (value: unknown): boolean => types.isInt32Array(value) || types.isUint8Array(value) || isArray(value);

const datasetOptions = new Options<DatasetOptions>('Dataset.from()', {
  images: custom('a Uint8Array', (images) => types.isUint8Array(images) || types.isUint8ClampedArray(images)),
  labels: custom('an Int32Array, a Uint8Array or an array', isLabels),
  shape: anyArray<ImageShape>('3 positive integers (height, width, channels)'),
  classes: optional(integer(1, 2 ** 31 - 1)),
  // Not copied: a Dataset returns the array that it was given.
  classNames: optional(orNull(custom('an array of names', isNames))),
});

const recordsOptions = new Options<RecordsOptions>('Dataset.fromRecords()', {
  layout: optional(oneOf(Object.keys(layouts) as LayoutName[])),
  labels: optional(oneOf(labelKinds)),
  classes: optional(integer(1, 2 ** 31 - 1)),
  source: optional(text),
});

/** Labelled images of one size in memory: bytes from 0 to 255, [count, height, width, channels], row-major. */
export class Dataset implements ImageSource {
  private constructor(
    /** The pixels, 0 to 255: [count, height, width, channels], row-major. */
    readonly images: Uint8Array,
    /** One label per image, from 0 to classes - 1. */
    readonly labels: Int32Array,
    /** Shape of one image: [height, width, channels]. */
    readonly shape: ImageShape,
    /** The number of classes. */
    readonly classes: number,
    /** One name per class; null if they are not known. */
    readonly classNames: readonly string[] | null,
  ) {}

  /** The number of images. */
  get count(): number {
    return this.labels.length;
  }

  get height(): number {
    return this.shape[0];
  }

  get width(): number {
    return this.shape[1];
  }

  get channels(): number {
    return this.shape[2];
  }

  /**
   * Makes a Dataset of images and labels that are in memory already.
   * @throws ERR_INVALID_ARGUMENT if sizes do not agree, or a label is out of range (the message names the first one)
   */
  static from(options: DatasetOptions): Dataset {
    const checkedOptions = datasetOptions.check(options);
    const { images, labels: given, shape, classNames = null } = checkedOptions;
    const bytes = bytesOf(images, 'images');
    const checked = checkImageShape(shape);
    const labels = checkLabels(given);
    const size = checked[0] * checked[1] * checked[2];
    if (bytes.length !== labels.length * size) {
      const expected = `${labels.length * size} bytes (${labels.length} labels, ${checked.join('x')} each)`;
      throw invalid('images', expected, bytes.length);
    }
    const { classes = labels.reduce((most, label) => Math.max(most, label), 0) + 1 } = checkedOptions;
    const wrong = labels.findIndex((label) => label < 0 || label >= classes);
    if (wrong >= 0) throw invalid(`labels[${wrong}]`, `an integer from 0 to ${classes - 1}`, given[wrong]);
    if (classNames !== null && classNames.length !== classes)
      throw invalid('classNames', `${classes} names`, classNames.length);
    return new Dataset(bytes, labels, checked, classes, classNames);
  }

  /**
   * Makes a Dataset of records in CIFAR's binary layout: 1 or 2 bytes of labels, then 3072 bytes of pixels, channel by channel.
   * @throws ERR_DATA, with record and byte, if `bytes` is not a whole number of records, or a label is out of range;
   * ERR_INVALID_ARGUMENT
   */
  static fromRecords(bytes: Uint8Array, options: RecordsOptions = {}): Dataset {
    bytesOf(bytes, 'records');
    const checked = recordsOptions.check(options);
    const { layout: name = 'cifar100', labels: kind = defaultLabels, source = 'records' } = checked;
    const layout = layouts[name];
    const label = layout.labels[kind];
    if (!label) throw invalid('labels', `${Object.keys(layout.labels).join(' or ')} for ${name}`, kind);
    const { classes = label.classes } = checked;
    const decoded = decodeRecords(bytes, { layout, byte: label.byte, classes, source });
    return new Dataset(decoded.images, decoded.labels, recordShape, classes, null);
  }

  /** Returns the first `count` images (at least 1), or all if there are fewer. They share memory with this Dataset. */
  take(count: number): Dataset {
    checkInteger('count', count, 1);
    const { shape, classes, classNames } = this;
    const images = this.images.subarray(0, count * imageBytes(this));
    return new Dataset(images, this.labels.subarray(0, count), shape, classes, classNames);
  }

  /** Returns a copy of the images of `indices` (0 to count - 1), in that order. @throws ERR_INVALID_ARGUMENT */
  subset(indices: Int32Array | readonly number[]): Dataset {
    const chosen = checkIndices(isArray(indices) ? exactly(indices) : (indices as Int32Array), this.count);
    const images = new Uint8Array(chosen.length * imageBytes(this));
    this.#copy(chosen, images);
    const labels = chosen.map((index) => this.labels[index]!);
    return new Dataset(images, labels, this.shape, this.classes, this.classNames);
  }

  /**
   * Returns the same images with other class names: one per class, or null. The images are not copied.
   * @throws ERR_INVALID_ARGUMENT
   */
  named(classNames: readonly string[] | null): Dataset {
    const { images, labels, shape, classes } = this;
    return Dataset.from({ images, labels, shape, classes, classNames });
  }

  /**
   * Copies the images of `indices` (0 to count - 1) into `target`, in that order, [height, width, channels] bytes each.
   * @throws ERR_INVALID_ARGUMENT
   */
  async read(indices: Int32Array, target: Uint8Array): Promise<void> {
    checkRead(this, indices, target);
    this.#copy(indices, target);
  }

  /** Computes the mean, standard deviation and scale of all pixels. @throws ERR_INVALID_ARGUMENT */
  statistics(options: StatisticsOptions = {}): Statistics {
    const sums = new StatisticsSums(this.shape);
    sums.add(this.images);
    return sums.result(options);
  }

  #copy(indices: Int32Array, target: Uint8Array): void {
    const size = imageBytes(this);
    indices.forEach((index, row) => {
      target.set(this.images.subarray(index * size, (index + 1) * size), row * size);
    });
  }
}

function checkImageShape(shape: ImageShape): ImageShape {
  const expected = '3 positive integers (height, width, channels)';
  if (!isArray(shape) || shape.length !== 3) throw invalid('shape', expected, shape);
  if (!shape.every((size) => Number.isInteger(size) && size > 0)) throw invalid('shape', expected, shape);
  return [shape[0], shape[1], shape[2]];
}

function checkLabels(labels: DatasetOptions['labels']): Int32Array {
  if (labels.length === 0) throw invalid('labels', 'at least one label', 'none');
  return isArray(labels) ? exactly(labels, 'labels') : Int32Array.from(labels);
}

/** Copies numbers into an Int32Array. @throws ERR_INVALID_ARGUMENT for a number that an Int32Array would round or wrap */
function exactly(numbers: readonly number[], argument = 'indices'): Int32Array {
  const wrong = numbers.findIndex((value) => typeof value !== 'number' || (value | 0) !== value);
  if (wrong >= 0) throw invalid(`${argument}[${wrong}]`, 'a 32-bit integer', numbers[wrong]);
  return Int32Array.from(numbers);
}
