/**
 * A data set made of random numbers, in CIFAR-100's layout: for a first run without any download. Each of the 100 classes
 * is a direction in colour space. An image is a mosaic of flat cells: a few far out along its class's direction, the many
 * others slightly to the opposite side, with some random colour across, so that the class shows in the skewness of the
 * colours and in nothing simpler: the mean is grey for every class, at every pixel, and so a linear model of the pixels
 * finds nothing. A convolutional network sees it soon. Neither shifts nor mirroring change the class.
 */
import { checkInteger } from '../errors';
import { Philox, streams } from '../random';
import { Dataset, record } from './dataset';

export const generatedClasses = 100;
/** As many records as `saturnn train --data generated` has at most. */
export const generatedCounts = { train: 10_000, test: 2_000 } as const;

export type Split = keyof typeof generatedCounts;

const cell = 6;
/** Cells to a side that cover an image wherever the mosaic begins. */
const side = Math.ceil(record.width / cell) + 1;
const cells = side * side;
/** Cells of an image far out along the direction; the others balance them: mean 0, variance 1. */
const outliers = 5;
const share = outliers / cells;
const far = Math.sqrt((1 - share) / share);
const near = -Math.sqrt(share / (1 - share));
/** Deviation of the colours across the direction, relative to that along it. */
const across = 0.65;
/** Grey levels per unit, and those of the noise of single pixels: together they stay within a byte. */
const contrast = 40;
const noise = 4;
const grey = 128;

type Colour = readonly [number, number, number];

/** Unit vectors spread evenly over the sphere (Fibonacci lattice), one per class. */
export function classDirection(label: number): Colour {
  const z = 1 - (2 * label + 1) / generatedClasses;
  const radius = Math.sqrt(1 - z * z);
  const angle = Math.PI * (1 + Math.sqrt(5)) * (label + 0.5);
  return [radius * Math.cos(angle), radius * Math.sin(angle), z];
}

/** Two unit vectors at right angles to `u` and to each other. */
function perpendicular([x, y, z]: Colour): readonly [Colour, Colour] {
  // No direction of the lattice is the z axis itself, so this never divides by 0.
  const radius = Math.hypot(x, y);
  const v: Colour = [-y / radius, x / radius, 0];
  return [v, [-z * v[1], z * v[0], x * v[1] - y * v[0]]];
}

export interface GeneratedOptions {
  split: Split;
  count: number;
  /** Default 0. Not the seed of the training: the data stay the same from run to run. */
  seed?: number;
}

/** Records of the official layout. Record i is the same whatever `count` is; every hundred holds each class once. */
export function generatedRecords({ split, count, seed = 0 }: GeneratedOptions): Uint8Array {
  checkInteger('count', count, 1, 1_000_000);
  const stream = streams.data + (split === 'train' ? 0 : 1);
  const bytes = new Uint8Array(count * record.bytes);
  let order: Int32Array = new Int32Array(0);
  for (let index = 0; index < count; index++) {
    const hundred = Math.floor(index / generatedClasses);
    if (index % generatedClasses === 0)
      order = new Philox(seed, stream, 0x80000000 + hundred).permutation(generatedClasses);
    const label = order[index % generatedClasses]!;
    const at = index * record.bytes;
    bytes[at] = Math.floor(label / 5);
    bytes[at + 1] = label;
    drawImage(bytes.subarray(at + record.labels, at + record.bytes), label, new Philox(seed, stream, index));
  }
  return bytes;
}

/** Training and test images, disjoint by construction. */
export function generated(counts: Partial<Record<Split, number>> = {}): { train: Dataset; test: Dataset } {
  const make = (split: Split) =>
    Dataset.fromRecords(generatedRecords({ split, count: counts[split] ?? generatedCounts[split] }), {
      classes: generatedClasses,
      source: `generated ${split} records`,
    });
  return { train: make('train'), test: make('test') };
}

function drawImage(planes: Uint8Array, label: number, random: Philox): void {
  const colours = drawCells(label, random);
  const top = random.integer(cell);
  const left = random.integer(cell);
  const { height, width, channels } = record;
  let word = 0;
  for (let at = 0; at < height * width * channels; at++) {
    if (at % 4 === 0) word = random.uint32();
    const row = Math.floor((((at >> 5) % height) + top) / cell);
    const column = Math.floor(((at % width) + left) / cell);
    const channel = Math.floor(at / (height * width));
    const jitter = (((word >>> (8 * (at % 4))) & 0xff) / 255) * 2 - 1;
    planes[at] = Math.floor(grey + colours[(row * side + column) * channels + channel]! + noise * jitter + 0.5);
  }
}

/** The colour of each cell, relative to grey. */
function drawCells(label: number, random: Philox): Float64Array {
  const u = classDirection(label);
  const [v, w] = perpendicular(u);
  const colours = new Float64Array(cells * 3);
  random.permutation(cells).forEach((place, rank) => {
    const along = rank < outliers ? far : near;
    const signs = random.uint32();
    const first = signs & 1 ? across : -across;
    const second = signs & 2 ? across : -across;
    for (let channel = 0; channel < 3; channel++) {
      colours[place * 3 + channel] = contrast * (along * u[channel]! + first * v[channel]! + second * w[channel]!);
    }
  });
  return colours;
}
