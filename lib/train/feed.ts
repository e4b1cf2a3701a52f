/**
 * Brings images to a plan, in one of two ways. Resident: the whole data set is on the device, and a step reads images by their
 * indices. Streaming: the host gathers the images of each step; those of the next call are gathered, and on a GPU also uploaded, while
 * the present one runs. Both give the same results, bit for bit, because each row of a batch has the same image and label.
 */
import type { RunInputs } from '../compile/compile';
import type { Batches, Epoch } from '../data/loader';
import { type ImageSource, imageBytes } from '../data/source';
import { SaturnnError } from '../errors';
import type { Resident } from '../runtime/device';
import type { LandingPair, Landings } from '../runtime/landings';

/** The data of one call of several steps. */
export interface Fed {
  readonly batches: Batches;
  /** The inputs images, indices and labels. They are valid until the reader is called for the second time from now. */
  readonly inputs: RunInputs;
}

/** Reads the batches of one epoch. */
export interface FeedReader {
  /**
   * Reads `steps` batches, beginning with number `first` (from 0). The run that was given what the call before the last has returned must
   * have ended.
   */
  read(first: number, steps: number): Promise<Fed>;
  /** Gives back what was needed for reading. A call of read() that is under way may reject. */
  close(): void;
}

/** A way in which a data set's images reach a plan. */
export interface Feed {
  /** Shape of the plan's input `images`: [count, height, width, channels]. */
  readonly images: readonly number[];
  /** Largest number of steps in one call. */
  readonly mostSteps: number;
  /**
   * Returns a reader of `steps` batches of an epoch, in calls of any size. Each reader has its own buffers, so several can be used at the
   * same time.
   */
  reader(epoch: Epoch, steps: number): FeedReader;
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
    const read = async (first: number, steps: number) => {
      const batches = epoch.batches(first, steps);
      const { indices, labels } = batches;
      return { batches, inputs: { images: this.resident, indices, labels } };
    };
    return { read, close: () => {} };
  }
}

/** Most bytes of images in one call, unless one step has more: little beside the memory of a plan. */
const bytesPerCall = 2 ** 24;
/** The same where images are uploaded ahead: a call of large images has several steps, so that the device waits for the host less often. */
const bytesPerCallAhead = 2 ** 26;

/** A feed of images that are read from the source for every step. */
export class StreamingFeed implements Feed {
  readonly images: readonly number[];
  readonly mostSteps: number;
  readonly #batch: number;
  readonly #parts: number;
  readonly #source: ImageSource;
  readonly #landings: Landings | null;

  /**
   * @param landings of the device that images go to; null: they are uploaded when a call begins
   * @param parts the number of equal parts of a batch that the plan computes in a step each
   */
  constructor(source: ImageSource, batch: number, landings: Landings | null = null, parts = 1) {
    this.#source = source;
    this.#batch = batch;
    this.#parts = parts;
    this.#landings = landings?.areOfUse ? landings : null;
    this.images = [batch / parts, ...source.shape];
    const most = this.#landings ? bytesPerCallAhead : bytesPerCall;
    this.mostSteps = Math.max(1, Math.floor(most / (batch * imageBytes(source))));
  }

  reader(epoch: Epoch, steps: number): FeedReader {
    const stepBytes = this.#batch * imageBytes(this.#source);
    // One step has nothing beside which its images could be uploaded.
    const ahead = this.#landings && steps > 1 ? this.#landings : null;
    const bytes = stepBytes * Math.min(steps, this.mostSteps);
    const places = Int32Array.from({ length: this.#batch / this.#parts }, (_, row) => row);
    return new StreamingReader(this.#source, epoch, this.#batch, places, ahead && new UploadsAhead(ahead, bytes));
  }
}

/** Reads the images of an epoch from their source. */
class StreamingReader implements FeedReader {
  /** Two, because one is filled while a call may still read the other. */
  readonly #buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  #turn: 0 | 1 = 0;

  constructor(
    private readonly source: ImageSource,
    private readonly epoch: Epoch,
    private readonly batch: number,
    /** The rows of the images of a step, in their order. */
    private readonly places: Int32Array,
    private readonly ahead: UploadsAhead | null,
  ) {}

  async read(first: number, steps: number): Promise<Fed> {
    const batches = this.epoch.batches(first, steps);
    const bytes = steps * this.batch * imageBytes(this.source);
    // An upload ahead ends with a copy of the images: then one buffer is enough.
    if (!this.ahead) this.#turn = this.#turn === 0 ? 1 : 0;
    if (this.#buffers[this.#turn].length < bytes) this.#buffers[this.#turn] = new Uint8Array(bytes);
    const images = this.#buffers[this.#turn].subarray(0, bytes);
    await this.source.read(batches.indices, images);
    const inputs = { indices: this.places, labels: batches.labels };
    return { batches, inputs: { images: this.ahead ? await this.ahead.upload(images) : images, ...inputs } };
  }

  close(): void {
    this.ahead?.close();
  }
}

/** The uploads of one reader, which begin before the call that needs them. */
class UploadsAhead {
  #pair: Promise<LandingPair> | null = null;
  #closed = false;

  /** @param bytes the most bytes of one upload */
  constructor(
    private readonly landings: Landings,
    private readonly bytes: number,
  ) {}

  async upload(images: Uint8Array): Promise<Resident> {
    this.#checkOpen();
    this.#pair ??= this.landings.take(this.bytes);
    const pair = await this.#pair;
    this.#checkOpen();
    return pair.upload(images);
  }

  /** After close() the pair may belong to another reader. */
  #checkOpen(): void {
    if (this.#closed) throw new SaturnnError('ERR_INTERRUPTED', 'the reader of images was closed');
  }

  close(): void {
    this.#closed = true;
    // A pair that could not be made has told so to whoever wanted to upload.
    this.#pair?.then((pair) => this.landings.give(pair)).catch(() => {});
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
