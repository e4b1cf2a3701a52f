/**
 * Brings images to a plan, in one of two ways. Resident: the whole data set is on the device, and a step reads images by their
 * indices. Streaming: the host gathers the images of each step; those of the next call are gathered while the present one runs.
 * Both give the same results, bit for bit, because each row of a batch has the same image and label.
 */
import type { RunInputs } from '../compile/compile';
import type { Batches, Epoch } from '../data/loader';
import { type ImageSource, imageBytes } from '../data/source';
import type { Resident } from '../runtime/device';

/** The data of one call of several steps. */
export interface Fed {
  readonly batches: Batches;
  /** The inputs images, indices and labels. They are valid until the reader is called for the second time from now. */
  readonly inputs: RunInputs;
}

/** Reads `steps` batches of one epoch, beginning with number `first` (from 0). */
export type FeedReader = (first: number, steps: number) => Promise<Fed>;

/** A way in which a data set's images reach a plan. */
export interface Feed {
  /** Shape of the plan's input `images`: [count, height, width, channels]. */
  readonly images: readonly number[];
  /** Largest number of steps in one call. */
  readonly mostSteps: number;
  /** Returns a reader of an epoch's batches. Each reader has its own buffers, so several can be used at the same time. */
  reader(epoch: Epoch): FeedReader;
}

/** A feed of images that were uploaded once: all images of the source, in its order. */
export class ResidentFeed implements Feed {
  readonly images: readonly number[];
  readonly mostSteps = Number.POSITIVE_INFINITY;

  constructor(
    source: Pick<ImageSource, 'count' | 'shape'>,
    private readonly resident: Resident,
  ) {
    this.images = [source.count, ...source.shape];
  }

  reader(epoch: Epoch): FeedReader {
    return async (first, steps) => {
      const batches = epoch.batches(first, steps);
      const { indices, labels } = batches;
      return { batches, inputs: { images: this.resident, indices, labels } };
    };
  }
}

/** Most bytes of images in one call, unless one step has more: little beside the memory of a plan. */
const bytesPerCall = 2 ** 24;

/** A feed of images that are read from the source for every step. */
export class StreamingFeed implements Feed {
  readonly images: readonly number[];
  readonly mostSteps: number;
  readonly #batch: number;
  readonly #source: ImageSource;

  constructor(source: ImageSource, batch: number) {
    this.#source = source;
    this.#batch = batch;
    this.images = [batch, ...source.shape];
    this.mostSteps = Math.max(1, Math.floor(bytesPerCall / (batch * imageBytes(source))));
  }

  reader(epoch: Epoch): FeedReader {
    const stepBytes = this.#batch * imageBytes(this.#source);
    const places = Int32Array.from({ length: this.#batch }, (_, row) => row);
    // Two, because one is filled while a call may still read the other.
    const buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
    let turn: 0 | 1 = 0;
    return async (first, steps) => {
      const batches = epoch.batches(first, steps);
      turn = turn === 0 ? 1 : 0;
      if (buffers[turn].length < steps * stepBytes) buffers[turn] = new Uint8Array(steps * stepBytes);
      const images = buffers[turn].subarray(0, steps * stepBytes);
      await this.#source.read(batches.indices, images);
      return { batches, inputs: { images, indices: places, labels: batches.labels } };
    };
  }
}

/** Copies all images of a source to a device: u8 [count, height, width, channels]. */
export async function uploadImages(
  source: ImageSource & { readonly images?: Uint8Array },
  device: { upload(data: Uint8Array): Resident },
): Promise<Resident> {
  if (source.images) return device.upload(source.images);
  const images = new Uint8Array(source.count * imageBytes(source));
  await source.read(
    Int32Array.from({ length: source.count }, (_, index) => index),
    images,
  );
  return device.upload(images);
}
