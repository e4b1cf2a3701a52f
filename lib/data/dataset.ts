import { checkInteger, checkOptions, invalid } from '../errors';
import {
  decodeRecords,
  defaultLabels,
  type LabelKind,
  type LayoutName,
  layouts,
  shape as recordShape,
} from './records';
import { checkIndices, checkRead, type ImageShape, type ImageSource, imageBytes } from './source';
import { type Statistics, type StatisticsOptions, StatisticsSums } from './statistics';

export interface DatasetOptions {
  /** [count, height, width, channels], bytes. Not copied. */
  images: Uint8Array;
  /** One per image, from 0 to classes - 1. Copied. */
  labels: Int32Array | Uint8Array | readonly number[];
  /** Of one image: [height, width, channels]. */
  shape: ImageShape;
  /** Default: the largest label and one. */
  classes?: number;
  /** One per class. */
  classNames?: readonly string[] | null;
}

export interface RecordsOptions {
  /** Default "cifar100". */
  layout?: LayoutName;
  /** Which of CIFAR-100's labels counts; default "fine". */
  labels?: LabelKind;
  /** Default: as many as the layout has. */
  classes?: number;
  /** Names the records in errors. */
  source?: string;
}

/** Labelled images in memory, in the order of the API: [count, height, width, channels], bytes. */
export class Dataset implements ImageSource {
  private constructor(
    readonly images: Uint8Array,
    readonly labels: Int32Array,
    readonly shape: ImageShape,
    readonly classes: number,
    readonly classNames: readonly string[] | null,
  ) {}

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

  /** Images and labels that are in memory already. @throws ERR_INVALID_ARGUMENT that names the first label that does not fit */
  static from(options: DatasetOptions): Dataset {
    const { images, labels: given, shape, classNames = null } = checkOptions('{ images, labels, shape }', options);
    if (!(images instanceof Uint8Array)) throw invalid('images', 'a Uint8Array', images);
    const checked = checkImageShape(shape);
    const labels = checkLabels(given);
    const size = checked[0] * checked[1] * checked[2];
    if (images.length !== labels.length * size) {
      const expected = `${labels.length * size} bytes (${labels.length} labels, ${checked.join('x')} each)`;
      throw invalid('images', expected, images.length);
    }
    const { classes = labels.reduce((most, label) => Math.max(most, label), 0) + 1 } = options;
    checkInteger('classes', classes, 1, 2 ** 31 - 1);
    const wrong = labels.findIndex((label) => label < 0 || label >= classes);
    if (wrong >= 0) throw invalid(`labels[${wrong}]`, `an integer from 0 to ${classes - 1}`, given[wrong]);
    if (classNames !== null && !(Array.isArray(classNames) && classNames.length === classes)) {
      throw invalid('classNames', `${classes} names`, Array.isArray(classNames) ? classNames.length : classNames);
    }
    return new Dataset(images, labels, checked, classes, classNames);
  }

  /**
   * Reads records of CIFAR's binary layout.
   * @throws ERR_DATA for a broken length or a label out of range, naming record and byte; ERR_INVALID_ARGUMENT
   */
  static fromRecords(bytes: Uint8Array, options: RecordsOptions = {}): Dataset {
    if (!(bytes instanceof Uint8Array)) throw invalid('records', 'a Uint8Array', bytes);
    const { layout: name = 'cifar100', labels: kind = defaultLabels, source = 'records' } = options;
    const layout = Object.hasOwn(layouts, name) ? layouts[name] : undefined;
    if (!layout) throw invalid('layout', Object.keys(layouts).join(' or '), name);
    const label = layout.labels[kind];
    if (!label) throw invalid('labels', `${Object.keys(layout.labels).join(' or ')} for ${name}`, kind);
    const { classes = label.classes } = options;
    const decoded = decodeRecords(bytes, { layout, byte: label.byte, classes, source });
    return new Dataset(decoded.images, decoded.labels, recordShape, classes, null);
  }

  /** The first `count` images, or all if there are fewer. Shares memory. */
  take(count: number): Dataset {
    checkInteger('limit', count, 1);
    const { shape, classes, classNames } = this;
    const images = this.images.subarray(0, count * imageBytes(this));
    return new Dataset(images, this.labels.subarray(0, count), shape, classes, classNames);
  }

  /** Copies of the images of `indices`, in that order. @throws ERR_INVALID_ARGUMENT */
  subset(indices: Int32Array | readonly number[]): Dataset {
    const chosen = checkIndices(Array.isArray(indices) ? exactly(indices) : (indices as Int32Array), this.count);
    const images = new Uint8Array(chosen.length * imageBytes(this));
    this.#copy(chosen, images);
    const labels = chosen.map((index) => this.labels[index]!);
    return new Dataset(images, labels, this.shape, this.classes, this.classNames);
  }

  /** The same images with names for their classes. */
  named(classNames: readonly string[] | null): Dataset {
    const { images, labels, shape, classes } = this;
    return Dataset.from({ images, labels, shape, classes, classNames });
  }

  async read(indices: Int32Array, target: Uint8Array): Promise<void> {
    checkRead(this, indices, target);
    this.#copy(indices, target);
  }

  /** Mean, deviation and scale; see StatisticsOptions. @throws ERR_INVALID_ARGUMENT */
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
  if (!Array.isArray(shape) || shape.length !== 3) throw invalid('shape', expected, shape);
  if (!shape.every((size) => Number.isInteger(size) && size > 0)) throw invalid('shape', expected, shape);
  return [shape[0], shape[1], shape[2]];
}

function checkLabels(labels: DatasetOptions['labels']): Int32Array {
  const kind = labels instanceof Int32Array || labels instanceof Uint8Array || Array.isArray(labels);
  if (!kind) throw invalid('labels', 'an Int32Array, a Uint8Array or an array', labels);
  if (labels.length === 0) throw invalid('labels', 'at least one label', 'none');
  return Array.isArray(labels) ? exactly(labels, 'labels') : Int32Array.from(labels);
}

/** Numbers that an Int32Array would round or wrap are refused. */
function exactly(numbers: readonly number[], argument = 'indices'): Int32Array {
  const wrong = numbers.findIndex((value) => typeof value !== 'number' || (value | 0) !== value);
  if (wrong >= 0) throw invalid(`${argument}[${wrong}]`, 'a 32-bit integer', numbers[wrong]);
  return Int32Array.from(numbers);
}
