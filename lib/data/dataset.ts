import { types } from 'node:util';
import { checkInteger, invalid, show } from '../errors';
import { allocate } from '../files/read';
import { anyArray, custom, type Field, floats, integer, oneOf, optional, orNull, text } from '../options/field';
import { Options } from '../options/options';
import { isArray, isCallback } from '../options/values';
import { bytesOf } from '../runtime/dtypes';
import { type Augmentation, paperAugmentation } from './augmentation/kinds';
import { divide, type SplitOptions } from './divide';
import { exactly, type GivenLabels, isLabels, labelsOf } from './givenLabels';
import {
  bytesOfPixels,
  type Colour,
  checkImageShape,
  type ImageDataLike,
  imageDataChannels,
  isPixels,
  type PixelArray,
  type PixelRange,
  pixelRanges,
  pixelsExpected,
} from './givenPixels';
import type { PictureDecoding } from './pictures/fit';
import {
  decodeRecords,
  defaultLabels,
  type LabelKind,
  type LayoutName,
  labelKinds,
  layouts,
  shape as recordShape,
} from './records';
import { checkIndices, checkRead, type ImageShape, type ImageSource, imageBytes, isSource } from './source';
import { type Statistics, type StatisticsOptions, StatisticsSums } from './statistics';
import {
  checkRowValues,
  joinedRowValues,
  labelsByTargets,
  type RowValues,
  rowValuesOf,
  type Targets,
  targetsField,
} from './targets';

/** Options of Dataset.from(). */
export interface DatasetOptions {
  /**
   * The pixels: one array [count, height, width, channels], row-major, or an array with one element per image: a typed array
   * [height, width, channels] or an ImageData. Bytes (0 to 255) in one array are not copied, because they may be many: change them
   * only while nothing reads the Dataset. Floats need `range`, and are rounded to the nearest byte (halves up).
   */
  images: PixelArray | readonly (PixelArray | ImageDataLike)[];
  /**
   * One label per image: class indices from 0 to classes - 1, or class names. Names become indices into `classNames`; without it,
   * the classes are the different names, sorted by their UTF-16 code units (as Array.sort() does). They are copied. Required unless
   * there are `targets`: then the default is the index of the largest target of each image, and `classes` is their width.
   */
  labels?: GivenLabels;
  /**
   * Numbers that a network is to compute for each image: { values: [count, width], width }. What they are depends on the loss of the
   * training: numbers, several labels per image (1 and 0), or the probabilities of the classes. They are copied. Default: none.
   */
  targets?: Targets;
  /** A factor of at least 0 on the loss of each image in training: [count]. They are copied. Default: 1 for all. */
  weights?: Float32Array;
  /** Shape of one image: [height, width, channels]. Default: that of the first image, if it is an ImageData. */
  shape?: ImageShape;
  /** The number of classes. Default: the number of class names if the labels are names, otherwise the largest label + 1. */
  classes?: number;
  /** One name per class. Default null: the names are not known, unless the labels are names. */
  classNames?: readonly string[] | null;
  /** Range of pixels that are floats: "0..1", "0..255" or "-1..1". Required for floats, refused for bytes. */
  range?: PixelRange;
  /**
   * Channels that are made of ImageData: 4 keeps red, green, blue and alpha; 3 drops alpha; 1 is the luma 0.299 R + 0.587 G +
   * 0.114 B, rounded. Default: those of `shape`, otherwise 3.
   */
  channels?: 1 | 3 | 4;
  /** Colour behind transparent pixels of ImageData, [red, green, blue]. Required if there are any and alpha is dropped. */
  background?: Colour;
}

/** One image of a Dataset, with its label. */
export interface LabelledImage {
  /** The pixels, 0 to 255: [height, width, channels], row-major. They share memory with the Dataset. */
  readonly pixels: Uint8Array;
  /** Index of the class, from 0 to classes - 1. */
  readonly label: number;
  /** Name of the class; null if it is not known. */
  readonly name: string | null;
}

/** Options of Dataset.map(). */
export interface MapOptions {
  /** Shape of the new images: [height, width, channels]. Default: that of the old ones. */
  shape?: ImageShape;
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

const shapeExpected = '3 positive integers (height, width, channels)';

const colourField: Field<Colour> = custom(
  'three integers from 0 to 255 [red, green, blue]',
  (value) =>
    isArray(value) && value.length === 3 && value.every((part) => Number.isInteger(part) && part >= 0 && part <= 255),
);

const datasetOptions = new Options<DatasetOptions>('Dataset.from()', {
  images: custom(pixelsExpected, (images) => isPixels(images) || isArray(images)),
  labels: optional(custom<GivenLabels>('an Int32Array, a Uint8Array or an array', isLabels)),
  targets: optional(targetsField),
  weights: optional(floats),
  shape: optional(anyArray<ImageShape>(shapeExpected)),
  classes: optional(integer(1, 2 ** 31 - 1)),
  // Not copied: a Dataset returns the array that it was given.
  classNames: optional(orNull(custom('an array of names', isNames))),
  range: optional(oneOf(pixelRanges)),
  channels: optional(oneOf(imageDataChannels)),
  background: optional(colourField),
});

const mapOptions = new Options<MapOptions>('map()', { shape: optional(anyArray<ImageShape>(shapeExpected)) });

const recordsOptions = new Options<RecordsOptions>('Dataset.fromRecords()', {
  layout: optional(oneOf(Object.keys(layouts) as LayoutName[])),
  labels: optional(oneOf(labelKinds)),
  classes: optional(integer(1, 2 ** 31 - 1)),
  source: optional(text),
});

/** Returns the labels that were given or, without any, those by the largest targets. @throws ERR_INVALID_ARGUMENT */
function givenLabelsOf({ labels, targets, ...given }: DatasetOptions) {
  if (labels) return labelsOf(labels, given);
  if (!targets) throw invalid('labels', 'an Int32Array, a Uint8Array or an array (or targets)', labels);
  checkRowValues({ targets }, targets.values.length / targets.width);
  return labelsOf(labelsByTargets(targets), { ...given, classes: given.classes ?? targets.width });
}

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
    /** How pictures were brought to the shape; null if the images are none, or it is not known. */
    readonly decoding: PictureDecoding | null = null,
    /** The augmentation that a training uses unless it is given another. */
    readonly augmentation: readonly Augmentation[] = [],
    /** Numbers that a network is to compute for each image; null: none. */
    readonly targets: Targets | null = null,
    /** A factor on the loss of each image in training; null: 1. */
    readonly weights: Float32Array | null = null,
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
   * @throws ERR_INVALID_ARGUMENT if sizes do not agree, or a label or a float is out of range (the message names the first one)
   */
  static from(options: DatasetOptions): Dataset {
    const checked = datasetOptions.check(options);
    const { labels, classes, classNames } = givenLabelsOf(checked);
    const { bytes, shape } = bytesOfPixels(checked, labels.length);
    checkRowValues(checked, labels.length);
    const { targets, weights } = rowValuesOf(checked, Int32Array.from(labels.keys()));
    return new Dataset(bytes, labels, shape, classes, classNames, null, [], targets, weights);
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
    return new Dataset(decoded.images, decoded.labels, recordShape, classes, null, null, paperAugmentation);
  }

  /** Returns the first `count` images (at least 1), or all if there are fewer. They share memory with this Dataset. */
  take(count: number): Dataset {
    checkInteger('count', count, 1);
    const images = this.images.subarray(0, count * imageBytes(this));
    const labels = this.labels.subarray(0, count);
    return this.#with(images, labels, rowValuesOf(this, Int32Array.from(labels.keys())));
  }

  /** Returns a copy of the images of `indices` (0 to count - 1), in that order. @throws ERR_INVALID_ARGUMENT */
  subset(indices: Int32Array | readonly number[]): Dataset {
    const chosen = checkIndices(isArray(indices) ? exactly(indices) : (indices as Int32Array), this.count);
    const images = new Uint8Array(chosen.length * imageBytes(this));
    this.#copy(chosen, images);
    const labels = chosen.map((index) => this.labels[index]!);
    return this.#with(images, labels, rowValuesOf(this, chosen));
  }

  /** Returns the same images, not copied, with a note on how they were made of pictures. @internal */
  decodedBy(decoding: PictureDecoding | null): Dataset {
    return this.#with(this.images, this.labels, { decoding });
  }

  /**
   * Returns the same images with other class names: one per class, or null. The images are not copied.
   * @throws ERR_INVALID_ARGUMENT
   */
  named(classNames: readonly string[] | null): Dataset {
    const { images, labels, shape, classes } = this;
    const named = Dataset.from({ images, labels, shape, classes, classNames });
    return this.#with(images, labels, { classNames: named.classNames });
  }

  /**
   * Divides the images by a seed into two Datasets, copies that keep the order of this one: `test` has `share` of the images (above 0
   * and below 1, rounded to whole images), `train` the others; each has at least one. By default each class is divided by this share.
   * @throws ERR_INVALID_ARGUMENT, also for fewer than two images
   */
  split(share: number, options: SplitOptions = {}): { train: Dataset; test: Dataset } {
    const { train, test } = divide(this.labels, share, options);
    return { train: this.subset(train), test: this.subset(test) };
  }

  /**
   * Returns a Dataset of these images and then those of `others`, copied. All must have one shape, the same class names or none, and
   * all or none of them targets and weights. The number of classes is the largest of theirs.
   * @throws ERR_INVALID_ARGUMENT; ERR_OUT_OF_MEMORY
   */
  concat(...others: Dataset[]): Dataset {
    const all: readonly Dataset[] = [this, ...others];
    others.forEach((other, index) => {
      this.#checkAlike(other, `others[${index}]`);
    });
    const bytes = all.reduce((sum, { images }) => sum + images.length, 0);
    const images = new Uint8Array(allocate(bytes, 'The joined Dataset'));
    const labels = new Int32Array(all.reduce((sum, { count }) => sum + count, 0));
    let first = 0;
    for (const part of all) {
      images.set(part.images, first * imageBytes(this));
      labels.set(part.labels, first);
      first += part.count;
    }
    const classes = all.reduce((most, part) => Math.max(most, part.classes), 0);
    const rows = joinedRowValues(
      all,
      all.map((_, index) => `others[${index - 1}]`),
    );
    return this.#with(images, labels, { classes, ...rows });
  }

  #checkAlike(other: Dataset, name: string): void {
    if (!isSource(other) || !types.isUint8Array(other.images)) throw invalid(name, 'a Dataset', other);
    const shape = this.shape.join('x');
    if (other.shape.join('x') !== shape) throw invalid(name, `images of ${shape}`, other.shape.join('x'));
    const same =
      this.classNames === null || other.classNames === null
        ? this.classNames === other.classNames
        : this.classNames.join('\n') === other.classNames.join('\n');
    if (!same)
      throw invalid(`class names of ${name}`, `${show(this.classNames)} (named() changes them)`, other.classNames);
  }

  /**
   * Returns a Dataset of the images that `change` returns, with the same labels, targets, weights and classes. `change` is called with each image, in
   * order, and its index; it may write into the pixels that it is given, which are a copy.
   * @throws ERR_INVALID_ARGUMENT if a result has another size than the shape, or is no Uint8Array; what `change` throws
   */
  map(
    change: (image: LabelledImage, index: number) => Uint8Array | Uint8ClampedArray,
    options: MapOptions = {},
  ): Dataset {
    if (!isCallback(change)) throw invalid('change', 'a function', change);
    const { shape: wanted = this.shape } = mapOptions.check(options);
    const shape = checkImageShape(wanted);
    const size = imageBytes({ shape });
    const images = new Uint8Array(allocate(size * this.count, `${this.count} images of ${shape.join('x')}`));
    for (let index = 0; index < this.count; index++) {
      const image = this.#image(index);
      const changed: unknown = change({ ...image, pixels: image.pixels.slice() }, index);
      const name = `the result for image ${index}`;
      const fits = types.isUint8Array(changed) || types.isUint8ClampedArray(changed);
      if (!fits) throw invalid(name, 'a Uint8Array or a Uint8ClampedArray', changed);
      if (changed.length !== size) throw invalid(name, `${size} bytes (${shape.join('x')})`, changed.length);
      images.set(changed, index * size);
    }
    return this.#with(images, this.labels, { shape, decoding: null });
  }

  /** Iterates over the images in their order: `for (const { pixels, label, name } of dataset)`. */
  *[Symbol.iterator](): Generator<LabelledImage, void, void> {
    for (let index = 0; index < this.count; index++) yield this.#image(index);
  }

  /** Returns a Dataset of other images that has everything else in common with this one, but for `changed`. */
  #with(
    images: Uint8Array,
    labels: Int32Array,
    changed: Partial<Pick<Dataset, 'shape' | 'classes' | 'classNames' | 'decoding'>> & RowValues = {},
  ): Dataset {
    const { shape = this.shape, classes = this.classes, classNames = this.classNames } = changed;
    const { decoding = this.decoding, targets = this.targets, weights = this.weights } = changed;
    return new Dataset(images, labels, shape, classes, classNames, decoding, this.augmentation, targets, weights);
  }

  #image(index: number): LabelledImage {
    const size = imageBytes(this);
    const label = this.labels[index]!;
    return {
      pixels: this.images.subarray(index * size, (index + 1) * size),
      label,
      name: this.classNames?.[label] ?? null,
    };
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
