import { checkInteger } from '../errors';
import { Philox, streams } from '../random';

/** Row indices and labels of whole batches, one after the other: what a run of several steps takes. */
export interface Batches {
  readonly steps: number;
  readonly indices: Int32Array;
  /** -1: the row fills up a last batch, and counts for neither loss nor gradient. */
  readonly labels: Int32Array;
  /** Rows that count, per step. */
  readonly rows: readonly number[];
}

export interface DataLoaderOptions {
  labels: Int32Array;
  batch: number;
  /** True: a new order in every epoch, drawn from seed and epoch alone. False: as they are. */
  shuffle: boolean;
  seed?: number;
}

/**
 * The order in which a data set is read. Every image comes exactly once per epoch; where the batch does not divide their
 * number, the last batch is filled up with masked rows, so that its size (and with it the plan) stays the same. These are
 * images from the beginning of the epoch again, not copies of one: batch normalisation takes its statistics of all rows.
 */
export class DataLoader {
  readonly steps: number;
  readonly #options: Required<DataLoaderOptions>;

  constructor({ labels, batch, shuffle, seed = 0 }: DataLoaderOptions) {
    checkInteger('batch', batch, 1, 1_000_000);
    this.#options = { labels, batch, shuffle, seed };
    this.steps = Math.ceil(labels.length / batch);
  }

  /** The batches of one epoch, split into runs by `batches`. */
  epoch(epoch: number): Epoch {
    const { labels, batch, shuffle, seed } = this.#options;
    const order = shuffle ? new Philox(seed, streams.shuffle, epoch).permutation(labels.length) : null;
    return new Epoch(labels, batch, order);
  }
}

export class Epoch {
  constructor(
    private readonly labels: Int32Array,
    private readonly batch: number,
    private readonly order: Int32Array | null,
  ) {}

  /** `steps` batches from batch number `first` on. */
  batches(first: number, steps: number): Batches {
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
