/**
 * A data set made of random numbers, in CIFAR-100's layout, for a first run without a download.
 *
 * A class is a pair of colours. An image is a mosaic of flat cells: a few strongly in one colour of the pair, a few in the other,
 * and many weakly in the opposite of both, so that the mean is grey for every class and at every pixel. Random colour is added
 * to all cells in the directions that the pair lacks, so that the covariance of the colours says little about the class either.
 * Only the colours that stand out tell the classes apart: a linear model of the pixels cannot learn them, a convolutional network
 * soon does. Shifts and mirroring do not change the class.
 */

import { integer, oneOf, optional } from '../options/field';
import { Options } from '../options/options';
import { Philox, streams } from '../random';
import { Dataset } from './dataset';
import { record } from './records';
import { fewestClasses, type Split } from './source';

/** The number of classes that generated data have at most. */
export const generatedClasses = 100;
/** Records of `saturnn train --data generated`, and default of generated(). */
export const generatedCounts = { train: 10_000, test: 2_000 } as const;

/** Height and width of a cell, in pixels. */
const cell = 6;
/** Cells per row and column: enough to cover an image from every offset of the mosaic. */
const side = Math.ceil(record.width / cell) + 1;
const cells = side * side;
/** Number of cells in each colour of the pair. */
const marked = 4;
const share = marked / cells;
/** Distance of a marked cell's colour from grey: with it, both colours together have variance 1. */
const strength = 1 / Math.sqrt(2 * share);
/** Smallest standard deviation in any direction of colour space, relative to the largest that the pair itself causes. */
const evenness = 0.65;
/** Grey levels per unit of colour, and amplitude of each pixel's noise in grey levels. Their sum fits in a byte. */
const contrast = 36;
const noise = 4;
const grey = 128;

type Colour = readonly [number, number, number];

const dot = (a: Colour, b: Colour): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const sum = (a: Colour, b: Colour, factor = 1): Colour => [
  a[0] + factor * b[0],
  a[1] + factor * b[1],
  a[2] + factor * b[2],
];
const scale = (a: Colour, factor: number): Colour => [a[0] * factor, a[1] * factor, a[2] * factor];
const unit = (a: Colour): Colour => scale(a, 1 / Math.sqrt(dot(a, a)));
const cross = (a: Colour, b: Colour): Colour => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** Returns unit vectors spread evenly over the sphere of colours around grey (Fibonacci lattice). */
const spreadColours = (): Colour[] =>
  Array.from({ length: 15 }, (_, index) => {
    const z = 1 - (2 * index + 1) / 15;
    const radius = Math.sqrt(1 - z * z);
    const angle = Math.PI * (1 + Math.sqrt(5)) * (index + 0.5);
    return [radius * Math.cos(angle), radius * Math.sin(angle), z];
  });

/** The colours of one class. */
interface Palette {
  readonly pair: readonly [Colour, Colour];
  /** Vectors that are added to every cell, each with a random sign, so that the covariance is similar in all classes. */
  readonly spread: readonly Colour[];
}

/** Returns one palette per class: of the 105 pairs of colours, those nearest to a right angle. */
function choosePalettes(): Palette[] {
  const colours = spreadColours();
  return colours
    .flatMap((first, index) => colours.slice(0, index).map((second): readonly [Colour, Colour] => [first, second]))
    .sort((a, b) => Math.abs(dot(...a)) - Math.abs(dot(...b)))
    .slice(0, generatedClasses)
    .map((pair) => ({ pair, spread: evenOut(...pair) }));
}

/** Returns the axes of a pair's covariance, each with the length that raises the deviation along it to `evenness`. */
function evenOut(first: Colour, second: Colour): Colour[] {
  const between = unit(sum(first, second));
  const across = unit(sum(first, second, -1));
  const variances = [dot(between, first) ** 2 * (1 - 2 * share), dot(across, first) ** 2, 0];
  const wanted = evenness ** 2 * Math.max(...variances);
  const axes = [between, across, cross(between, across)];
  return axes.map((axis, index) => scale(axis, Math.sqrt(Math.max(0, wanted - variances[index]!))));
}

/** Options of generatedRecords(). */
export interface GeneratedOptions {
  /** The training and the test records are drawn from different random numbers. */
  split: Split;
  /** The number of records: 1 to 1,000,000. */
  count: number;
  /** Seed of the data, default 0. It is not the seed of the training, so that all runs see the same data. */
  seed?: number;
  /** Only make records of the first `classes` classes, 2 to 100: fewer are learned sooner. Default: all 100. */
  classes?: number;
}

const generatedOptions = new Options<GeneratedOptions>('generatedRecords()', {
  split: oneOf<Split>(['train', 'test'], '"train" or "test"'),
  count: integer(1, 1_000_000),
  seed: optional(integer(0, 0xffffffff)),
  classes: optional(integer(fewestClasses, generatedClasses)),
});

/**
 * Makes `count` records in the binary layout of CIFAR-100 (3074 bytes each: coarse label, fine label, 32x32 pixels in 3
 * planes). Record i does not depend on `count`, and every class occurs once before any occurs again.
 * @param options `split`: "train" or "test", whose records differ. `count`: 1 to 1,000,000. `seed`: default 0. `classes`: 2
 * to 100, default 100
 * @throws ERR_INVALID_ARGUMENT
 */
export function generatedRecords(options: GeneratedOptions): Uint8Array {
  const { split, count, seed = 0, classes = generatedClasses } = generatedOptions.check(options);
  const stream = streams.data + (split === 'train' ? 0 : 1);
  const palettes = choosePalettes();
  const bytes = new Uint8Array(count * record.bytes);
  let order: Int32Array = new Int32Array(0);
  for (let index = 0, done = 0; done < count; index++) {
    const hundred = Math.floor(index / generatedClasses);
    // Substreams from 2^31 on are for the orders of the classes; those below are for the images.
    if (index % generatedClasses === 0)
      order = new Philox(seed, stream, 2 ** 31 + hundred).permutation(generatedClasses);
    const label = order[index % generatedClasses]!;
    if (label >= classes) continue;
    const at = done++ * record.bytes;
    bytes[at] = Math.floor(label / 5);
    bytes[at + 1] = label;
    const random = new Philox(seed, stream, index);
    drawImage(bytes.subarray(at + record.labels, at + record.bytes), drawCells(palettes[label]!, random), random);
  }
  return bytes;
}

type SplitCounts = Partial<Record<Split, number>> & Pick<GeneratedOptions, 'classes'>;
const { count: countField, classes: classesField } = generatedOptions.fields;
const countsOptions = new Options<SplitCounts>('generated()', {
  train: optional(countField),
  test: optional(countField),
  classes: classesField,
});

/**
 * Makes training and test images of 32x32x3 bytes, from random numbers that never overlap: for first runs and tests without a
 * download. They are the same in every run. A convolutional network can learn the classes.
 * @param options `train` and `test`: numbers of images, 1 to 1,000,000 each, default 10,000 and 2,000. `classes`: the number of
 * classes, 2 to 100, default 100
 * @throws ERR_INVALID_ARGUMENT
 */
export function generated(options: Partial<Record<Split, number>> & Pick<GeneratedOptions, 'classes'> = {}): {
  train: Dataset;
  test: Dataset;
} {
  const { classes = generatedClasses, ...counts } = countsOptions.check(options);
  const make = (split: Split) =>
    Dataset.fromRecords(generatedRecords({ split, count: counts[split] ?? generatedCounts[split], classes }), {
      classes,
      source: `generated ${split} records`,
    });
  return { train: make('train'), test: make('test') };
}

/** Draws the colour of each cell, [cells, 3], in grey levels relative to grey. */
function drawCells({ pair: [first, second], spread }: Palette, random: Philox): Float64Array {
  const background = scale(sum(first, second), -share * strength);
  const drawn = new Float64Array(cells * 3);
  random.permutation(cells).forEach((place, rank) => {
    let colour = background;
    if (rank < 2 * marked) colour = sum(colour, rank < marked ? first : second, strength);
    const signs = random.uint32();
    spread.forEach((axis, index) => {
      colour = sum(colour, axis, (signs >>> index) & 1 ? 1 : -1);
    });
    drawn.set(scale(colour, contrast), place * 3);
  });
  return drawn;
}

/** Draws an image, mosaic and noise, into `planes` [channels, height, width]. */
function drawImage(planes: Uint8Array, cellColours: Float64Array, random: Philox): void {
  const top = random.integer(cell);
  const left = random.integer(cell);
  const { height, width } = record;
  let word = 0;
  for (let at = 0; at < planes.length; at++) {
    if (at % 4 === 0) word = random.uint32();
    const channel = Math.floor(at / (height * width));
    const row = Math.floor(((Math.floor(at / width) % height) + top) / cell);
    const column = Math.floor(((at % width) + left) / cell);
    const jitter = (((word >>> (8 * (at % 4))) & 0xff) / 255) * 2 - 1;
    planes[at] = Math.floor(grey + cellColours[(row * side + column) * 3 + channel]! + noise * jitter + 0.5);
  }
}
