/**
 * How images reach a plan. Resident: the whole set lies on the device, and a step takes rows of it by their numbers.
 * Streaming: the host gathers each step's images; the next call's are gathered while the present one runs. Both give the
 * same numbers, bit for bit: a row of a batch has the same place, image and label.
 */
import type { RunInputs } from '../compile/compile';
import type { Batches, Epoch } from '../data/loader';
import { type ImageSource, imageBytes } from '../data/source';
import type { Resident } from '../runtime/device';

/** What one run of several steps takes. */
export interface Fed {
  readonly batches: Batches;
  /** images, indices, labels. Valid until the next but one is asked for. */
  readonly inputs: RunInputs;
}

/** Batches of one epoch, asked for one after the other. */
export type FeedReader = (first: number, steps: number) => Promise<Fed>;

export interface Feed {
  /** Shape of the plan's images: [count, height, width, channels]. */
  readonly images: readonly number[];
  /** Steps that one call may have at most. */
  readonly mostSteps: number;
  /** A reader has buffers of its own: several may be at work. */
  reader(epoch: Epoch): FeedReader;
}

/** Images that were uploaded once: all of the source, in its order. */
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

/** Bytes of images in one call: some of the time that a call takes, little of the memory that a plan takes. */
const bytesPerCall = 2 ** 24;

/** Images that are read anew for every step. */
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
    // One is gathered into while a run may still be taking the other.
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

/** A source's images on a device. */
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
