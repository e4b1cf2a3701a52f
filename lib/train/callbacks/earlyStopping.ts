import { checkInteger, checkNumber, SaturnnError } from '../../errors';
import type { Callback, RunControl, SavedCallback } from '../callback';
import type { EpochEvent, StoppedEvent } from '../events';
import { checkMetric, isBetter, type Metric } from './metric';

export interface EarlyStoppingOptions {
  /** Default testAccuracy. */
  metric?: Metric;
  /** Epochs without improvement after which training stops; default 10. */
  patience?: number;
  /** What an improvement must exceed; default 0. */
  minDelta?: number;
  /** Whether the weights (and running statistics) of the best epoch come back when it stops; default true. */
  restoreBest?: boolean;
}

/** What comes back. Not the optimizer's: training is over. */
const keptArenas = ['parameters', 'buffers'] as const;
type Kept = Record<(typeof keptArenas)[number], Uint8Array>;

/** What is saved, with the kept arenas beside it. */
interface Saved {
  readonly best: EpochEvent | null;
  readonly waited: number;
}

/**
 * Ends training when a metric has not improved for `patience` epochs. The weights of the best epoch are kept in memory, and
 * in checkpoints. A run that ends by its number of epochs keeps its last weights.
 */
export class EarlyStopping implements Callback {
  readonly name = 'earlyStopping';
  readonly #options: Required<EarlyStoppingOptions>;
  #best: EpochEvent | null = null;
  #kept: Kept | null = null;
  /** Epochs since then. */
  #waited = 0;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor({ metric = 'testAccuracy', patience = 10, minDelta = 0, restoreBest = true }: EarlyStoppingOptions = {}) {
    checkMetric(metric);
    checkInteger('patience', patience, 1);
    checkNumber('minDelta', minDelta, 0, Number.MAX_VALUE);
    this.#options = { metric, patience, minDelta, restoreBest };
  }

  async onEpoch(event: EpochEvent, run: RunControl): Promise<void> {
    const { metric, patience, minDelta, restoreBest } = this.#options;
    if (!event.complete) return;
    if (isBetter(metric, event, this.#best?.[metric] ?? null, minDelta)) {
      this.#best = event;
      this.#waited = 0;
      if (restoreBest) this.#kept = await keep(run);
    } else if (++this.#waited >= patience) {
      const best = this.#best ? `, ${this.#best[metric]} in epoch ${this.#best.epoch},` : '';
      run.stop(`${metric}${best} has not improved for ${this.#waited} epochs`);
    }
  }

  async onStopped(_: StoppedEvent, run: RunControl): Promise<void> {
    this.#waited = 0;
    if (!this.#kept || !this.#best) return;
    const { state } = run.trainer;
    for (const arena of keptArenas) await state.writeArena(arena, await this.#withCounter(arena, run));
    run.reportAs(this.#best);
  }

  /** The steps that were done stay done: seed and steps, at the beginning of the buffers, are not taken back. */
  async #withCounter(arena: keyof Kept, run: RunControl): Promise<Uint8Array> {
    const kept = this.#kept![arena];
    if (arena !== 'buffers') return kept;
    const counterBytes = 8;
    const now = await run.trainer.state.readArena('buffers');
    return Buffer.concat([now.subarray(0, counterBytes), kept.subarray(counterBytes)]);
  }

  save(): SavedCallback {
    const state: Saved = { best: this.#best, waited: this.#waited };
    return this.#kept ? { state, arrays: this.#kept } : { state };
  }

  restore({ state, arrays = {} }: SavedCallback): void {
    const { best = null, waited = 0 } = (state ?? {}) as Partial<Saved>;
    if (!Number.isInteger(waited))
      throw new SaturnnError('ERR_CHECKPOINT', 'the state of earlyStopping is not its own');
    this.#best = best;
    this.#waited = waited;
    this.#kept = keptArenas.every((arena) => arrays[arena]) ? (arrays as Kept) : null;
  }
}

async function keep({ trainer: { state } }: RunControl): Promise<Kept> {
  const [parameters, buffers] = await Promise.all(keptArenas.map((arena) => state.readArena(arena)));
  return { parameters: parameters!, buffers: buffers! };
}
