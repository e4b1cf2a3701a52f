import { types } from 'node:util';
import { checkInteger } from '../errors';
import { custom, flag, integer, optional } from '../options/field';
import { Options } from '../options/options';
import { Philox, streams } from '../random';

/** Image indices and labels of consecutive batches: the data of one run of several steps. */
export interface Batches {
  /** The number of batches, one per step. */
  readonly steps: number;
  /** Index of each row's image in the data set: [steps * batch]. */
  readonly indices: Int32Array;
  /** Label of each row: [steps * batch]. -1: the row only fills up the last batch and counts for neither loss nor gradient. */
  readonly labels: Int32Array;
  /** The number of rows that count, per step. */
  readonly rows: readonly number[];
}

/** Options of DataLoader. */
export interface DataLoaderOptions {
  /** The labels of the data set, one per image. */
  labels: Int32Array;
  /** Images per step: 1 to 1,000,000. */
  batch: number;
  /** True: every epoch has an order of its own, which depends on seed and epoch number alone. False: the data set's order. */
  shuffle: boolean;
  /** Seed of the order, default 0. */
  seed?: number;
}

const loaderOptions = new Options<DataLoaderOptions>('DataLoader', {
  labels: custom('an Int32Array with at least one label', (value) => types.isInt32Array(value) && value.length > 0),
  batch: integer(1, 1_000_000),
  shuffle: flag,
  seed: optional(integer(0, 0xffffffff)),
});

/**
 * Divides a data set into batches. Every image counts exactly once per epoch. If the batch size does not divide the number of
 * images, the last batch is filled up with masked rows (label -1), so that all batches have one size and one plan. The masked
 * rows are the images from the beginning of the epoch, not copies of a single one, because batch normalisation takes its
 * statistics from all rows.
 */
export class DataLoader {
  /** The number of batches in an epoch. */
  readonly steps: number;
  readonly #options: Required<DataLoaderOptions>;

  /**
   * Makes a loader.
   * @param options labels, batch size, whether to shuffle, and seed
   * @throws ERR_INVALID_ARGUMENT if `batch` is out of range
   */
  constructor(options: DataLoaderOptions) {
    const { labels, batch, shuffle, seed = 0 } = loaderOptions.check(options);
    this.#options = { labels, batch, shuffle, seed };
    this.steps = Math.ceil(labels.length / batch);
  }

  /**
   * Returns the batches of epoch number `epoch`, from 0. The result's method `batches(first, steps)` returns `steps` consecutive
   * batches as a Batches, beginning with number `first` (from 0).
   */
  epoch(epoch: number): Epoch {
    checkInteger('epoch', epoch, 0, 0xffffffff);
    const { labels, batch, shuffle, seed } = this.#options;
    const order = shuffle ? new Philox(seed, streams.shuffle, epoch).permutation(labels.length) : null;
    return new Epoch(labels, batch, order);
  }
}

/** The batches of one epoch. */
export class Epoch {
  /** Called by DataLoader.epoch(). @internal */
  constructor(
    private readonly labels: Int32Array,
    private readonly batch: number,
    private readonly order: Int32Array | null,
  ) {}

  /** Returns `steps` consecutive batches, beginning with number `first` (from 0). */
  batches(first: number, steps: number): Batches {
    const most = Math.ceil(this.labels.length / this.batch);
    checkInteger('first', first, 0, most - 1);
    checkInteger('steps', steps, 1, most - first);
    const indices = new Int32Array(steps * this.batch);
    const labels = new Int32Array(steps * this.batch).fill(-1);
    const offset = first * this.batch;
    const count = Math.min(indices.length, this.labels.length - offset);
    for (let row = 0; row < indices.length; row++) {
      const place = (offset + row) % this.labels.length;
      const index = this.order ? this.order[place]! : place;
      indices[row] = index;
      if (row < count) labels[row] = this.labels[index]!;
    }
    const rows = Array.from({ length: steps }, (_, step) => Math.min(this.batch, count - step * this.batch));
    return { steps, indices, labels, rows };
  }
}
