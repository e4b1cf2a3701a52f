/**
 * Makes the tables of augmentation of consecutive batches. What an image gets is a function of the seed, the epoch and the image's
 * index alone (with whom it is mixed depends on its batch as well): so it does not depend on how steps are divided into calls,
 * on where the images are, on the device, and a resumed training goes on exactly.
 */

import { invalid } from '../../errors';
import { colourColumns, mixColumns, placeColumns } from '../../ops/augmentation';
import { Philox, streamOf } from '../../random';
import type { Batches } from '../loader';
import type { ImageShape } from '../source';
import { type Drawn, draw, keepCentre, type Rectangle } from './draws';
import { Frame, type Size } from './frame';
import { type Augmentation, type AugmentationOf, checkAugmentations, formatAugmentation } from './kinds';
import { drawMixture, type Mixture } from './mixing';

/** The tables of augment() and mix() for some steps, one row per image; those that are not needed are absent. */
export interface AugmentationTables {
  /** The input `places` of augment(): [steps * batch, 6]. */
  readonly places?: Float32Array;
  /** The input `colours` of augment(): [steps * batch, 4]. */
  readonly colours?: Float32Array;
  /** A table of mix() that erases rectangles: [steps * batch, 6]. */
  readonly erasures?: Float32Array;
  /** A table of mix() that mixes images: [steps * batch, 6]. */
  readonly mixes?: Float32Array;
  /** Label of the image with which each is mixed, -1 in rows that do not count: [steps * batch]. */
  readonly partnerLabels?: Int32Array;
  /** Share of each image's own label in the loss: [steps * batch]; the rest is the partner's. */
  readonly shares?: Float32Array;
}

/** Names of the tables. */
export type AugmentationTable = keyof AugmentationTables;

/** Options of Augmenter. */
export interface AugmenterOptions {
  readonly augmentation: readonly Augmentation[];
  /** Seed of the random numbers. */
  readonly seed: number;
  /** Shape of the stored images: [height, width, channels]. */
  readonly stored: ImageShape;
  /** Height and width that the network reads. */
  readonly size: Size;
  /** Labels of the stored images: for those that are mixed. */
  readonly labels: Int32Array;
}

type Mixing = AugmentationOf<'mixup' | 'cutmix'>;

const isMixing = (augmentation: Augmentation): augmentation is Mixing =>
  augmentation.kind === 'mixup' || augmentation.kind === 'cutmix';

/** One augmentation of a list, with the stream of its random numbers. */
interface Part {
  readonly augmentation: Augmentation;
  readonly stream: number;
}

const mixingStream = streamOf('augmentation/mixing') >>> 0;

/** Draws what happens to each image of a training. */
export class Augmenter {
  /** The tables that tables() returns. */
  readonly names: readonly AugmentationTable[];
  readonly #options: AugmenterOptions;
  readonly #parts: readonly Part[];
  readonly #mixings: readonly Mixing[];

  /** @throws ERR_INVALID_ARGUMENT for a list that is malformed, or that needs larger images */
  constructor(options: AugmenterOptions) {
    const augmentation = checkAugmentations(options.augmentation);
    this.#options = { ...options, augmentation };
    // Two of a kind have numbers of their own. Those of one kind do not depend on which others are in the list.
    const counts = new Map<string, number>();
    this.#parts = augmentation.map((part) => {
      const count = counts.get(part.kind) ?? 0;
      counts.set(part.kind, count + 1);
      return { augmentation: part, stream: streamOf(`augmentation/${part.kind}/${count}`) >>> 0 };
    });
    this.#mixings = augmentation.filter(isMixing);
    checkSizes(augmentation, options.stored, options.size);
    checkColours(augmentation, options.stored);
    const has = (...kinds: Augmentation['kind'][]) => augmentation.some(({ kind }) => kinds.includes(kind));
    const names: AugmentationTable[] = [];
    if (has('crop', 'resizedCrop', 'mirror', 'flip', 'rotation')) names.push('places');
    if (has('colourJitter')) names.push('colours');
    if (has('erasing')) names.push('erasures');
    if (this.#mixings.length > 0) names.push('mixes', 'partnerLabels', 'shares');
    this.names = names;
  }

  /** Whether nothing is augmented: images are cropped at the centre. */
  get isNone(): boolean {
    return this.names.length === 0;
  }

  /** Returns the tables of batches of epoch number `epoch` (from 0). */
  tables(epoch: number, { steps, indices, labels }: Batches): AugmentationTables {
    const rows = indices.length;
    const batch = rows / steps;
    const table = (name: AugmentationTable, columns: number) =>
      this.names.includes(name) ? { [name]: new Float32Array(rows * columns) } : {};
    const tables: AugmentationTables = {
      ...table('places', placeColumns),
      ...table('colours', colourColumns),
      ...table('erasures', mixColumns),
      ...table('mixes', mixColumns),
      ...table('shares', 1),
      ...(this.#mixings.length > 0 && { partnerLabels: new Int32Array(rows) }),
    };
    for (let row = 0; row < rows; row++) {
      const drawn = this.#draw(epoch, indices[row]!);
      if (tables.places) drawn.frame.write(tables.places, row * placeColumns);
      tables.colours?.set(drawn.colours, row * colourColumns);
      if (tables.erasures) writeErasure(tables.erasures, row * mixColumns, drawn.erased);
      if (!tables.mixes || !tables.shares || !tables.partnerLabels) continue;
      const random = new Philox(this.#options.seed, mixingStream, epoch, indices[row]!);
      const mixture = drawMixture(this.#mixings, random, batch, this.#options.size);
      writeMixture(tables.mixes, row * mixColumns, mixture);
      tables.shares[row] = mixture.labelShare;
      const partner = row - (row % batch) + mixture.partner;
      tables.partnerLabels[row] = labels[row]! < 0 ? -1 : this.#options.labels[indices[partner]!]!;
    }
    return tables;
  }

  #draw(epoch: number, image: number): Drawn {
    const { seed, stored, size } = this.#options;
    const drawn: Drawn = { frame: new Frame(stored), colours: [1, 1, 1, 0], erased: null };
    for (const { augmentation, stream } of this.#parts) {
      if (!isMixing(augmentation)) draw(augmentation, new Philox(seed, stream, epoch, image), drawn, size);
    }
    keepCentre(drawn.frame, size);
    return drawn;
  }
}

/** A row of mix() that fills a rectangle with the mean, which is 0 in normalised images. */
function writeErasure(table: Float32Array, at: number, erased: Rectangle | null): void {
  const { top, left, bottom, right } = erased ?? { top: 0, left: 0, bottom: 0, right: 0 };
  table.set([-1, 0, top, left, bottom, right], at);
}

function writeMixture(table: Float32Array, at: number, { partner, share, rectangle }: Mixture): void {
  const { top, left, bottom, right } = rectangle;
  table.set([partner, share, top, left, bottom, right], at);
}

/** Checks that every crop has room for what it keeps. @throws ERR_INVALID_ARGUMENT */
function checkSizes(list: readonly Augmentation[], [storedHeight, storedWidth]: ImageShape, size: Size): void {
  let [height, width] = [storedHeight, storedWidth];
  const text = () => `${height}x${width}`;
  for (const augmentation of list) {
    const { kind } = augmentation;
    if (kind === 'crop') {
      const room = 2 * augmentation.padding;
      if (height + room < size[0] || width + room < size[1])
        throw invalid('augmentation crop', `images of at least ${size.join('x')} with their padding`, text());
    }
    if (kind === 'crop' || kind === 'resizedCrop') [height, width] = size;
  }
  if (height >= size[0] && width >= size[1]) return;
  throw invalid(`augmentation ${formatAugmentation(list)}`, `images of at least ${size.join('x')}`, text());
}

/** Checks that colours can be changed. @throws ERR_INVALID_ARGUMENT */
function checkColours(list: readonly Augmentation[], [, , channels]: ImageShape): void {
  if (channels === 1 || channels === 3 || !list.some(({ kind }) => kind === 'colourJitter')) return;
  throw invalid('augmentation colourJitter', 'images of 1 or 3 channels', channels);
}
