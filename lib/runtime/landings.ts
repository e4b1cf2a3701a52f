import { typed } from '../errors';
import { type Device, Resident } from './device';
import type { NativeLanding } from './native';

/**
 * Bytes that are on the device, or on their way to it, for one run: a part of what was uploaded to a landing. A run that is given them
 * waits for the upload itself. They are valid until the next upload to the same landing.
 */
export class Landed extends Resident {
  constructor(
    private readonly landing: NativeLanding,
    /** First byte within the landing. */
    readonly byteOffset: number,
    private readonly bytes: number,
  ) {
    super(landing, 'u8');
  }

  override get byteLength(): number {
    return this.bytes;
  }

  /** Returns `length` of these bytes, beginning with number `begin`. */
  part(begin: number, length: number): Landed {
    return new Landed(this.landing, this.byteOffset + begin, length);
  }
}

/** Two places on a device to which images are uploaded in turn: a run reads one of them while the next images go to the other. */
export class LandingPair {
  #turn: 0 | 1 = 0;

  constructor(private readonly landings: readonly [NativeLanding, NativeLanding]) {}

  /** Size of each in bytes. */
  get byteLength(): number {
    return this.landings[0].byteLength;
  }

  /**
   * Uploads bytes to the place of the call before the last, whose run must have ended. When the promise is fulfilled, `data` may
   * change, and the upload itself may still be under way.
   */
  async upload(data: Uint8Array): Promise<Landed> {
    this.#turn = this.#turn === 0 ? 1 : 0;
    const landing = this.landings[this.#turn];
    await typed(landing.upload(data));
    return new Landed(landing, 0, data.length);
  }

  /** Frees both. */
  dispose(): void {
    for (const landing of this.landings) landing.dispose();
  }
}

/** The landings of a Trainer or Predictor, which its streamed images go through. They are made when they are needed, and kept. */
export class Landings {
  readonly #all = new Set<LandingPair>();
  readonly #free = new Set<LandingPair>();
  #disposed = false;

  constructor(private readonly device: Device) {}

  /** Whether the device can upload while it computes. If not, take() must not be called. */
  get areOfUse(): boolean {
    return this.device.native.uploadsAhead;
  }

  /**
   * Returns a pair of at least `bytes` each, for the caller alone until it is given back. Smaller ones that are free are replaced.
   * @throws ERR_CUDA_OOM, ERR_OUT_OF_MEMORY; ERR_DISPOSED
   */
  async take(bytes: number): Promise<LandingPair> {
    const fitting = [...this.#free].find(({ byteLength }) => byteLength >= bytes);
    const pair = fitting ?? (await this.#make(bytes));
    this.#free.delete(pair);
    return pair;
  }

  /** Keeps a pair for the next call of take(). */
  give(pair: LandingPair): void {
    if (!this.#disposed) this.#free.add(pair);
  }

  async #make(bytes: number): Promise<LandingPair> {
    for (const pair of this.#free) this.#drop(pair);
    const one = await typed(this.device.native.createLanding(bytes));
    try {
      const pair = new LandingPair([one, await typed(this.device.native.createLanding(bytes))]);
      this.#all.add(pair);
      if (this.#disposed) this.#drop(pair);
      return pair;
    } catch (error) {
      one.dispose();
      throw error;
    }
  }

  #drop(pair: LandingPair): void {
    this.#free.delete(pair);
    this.#all.delete(pair);
    pair.dispose();
  }

  /** Frees all pairs, also those that are in use. */
  dispose(): void {
    this.#disposed = true;
    for (const pair of this.#all) this.#drop(pair);
  }
}
