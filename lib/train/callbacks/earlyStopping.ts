import { checkInteger, checkNumber, SaturnnError } from '../../errors';
import { checkMetric, type EpochEvent, isBetter, type Metric } from '../../optim/metric';
import type { Arena } from '../../runtime/native';
import { counterBytes, type State } from '../../tensor/state';
import type { Callback, RunControl, SavedCallback } from '../callback';
import type { StoppedEvent } from '../events';

export interface EarlyStoppingOptions {
  /** Default testAccuracy. */
  metric?: Metric;
  /** Epochs without improvement after which training stops; default 10. */
  patience?: number;
  /** What an improvement must exceed; default 0. */
  minDelta?: number;
  /** Whether the weights (with their averages and running statistics) of the best epoch come back when it stops; default true. */
  restoreBest?: boolean;
}

/** The defaults of EarlyStoppingOptions. */
export const earlyStoppingDefaults = {
  metric: 'testAccuracy',
  patience: 10,
  minDelta: 0,
  restoreBest: true,
} as const satisfies EarlyStoppingOptions;

/** What comes back. Not what else the optimizer keeps: training is over. */
interface Kept {
  readonly parameters: Uint8Array;
  readonly buffers: Uint8Array;
  /** Of the weights, where the optimizer keeps one: it is what was measured, and what evaluation goes on to use. */
  readonly average?: Uint8Array;
}

/** What is saved, with the kept arenas beside it. */
interface SavedEarlyStopping {
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
  constructor(options: EarlyStoppingOptions = {}) {
    const { metric = earlyStoppingDefaults.metric, patience = earlyStoppingDefaults.patience } = options;
    const { minDelta = earlyStoppingDefaults.minDelta, restoreBest = earlyStoppingDefaults.restoreBest } = options;
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
    const { parameters, buffers, average } = this.#kept;
    await overwrite(state, 'parameters', 0, parameters);
    // The steps that were done stay done: seed and steps, at the beginning of the buffers, are not taken back.
    await overwrite(state, 'buffers', counterBytes, buffers.subarray(counterBytes));
    const averages = state.averagesPlace;
    if (average && averages) await overwrite(state, averages.arena, averages.byteOffset, average);
    run.reportAs(this.#best);
  }

  save(): SavedCallback {
    const state: SavedEarlyStopping = { best: this.#best, waited: this.#waited };
    return this.#kept ? { state, arrays: { ...this.#kept } } : { state };
  }

  restore({ state, arrays = {} }: SavedCallback): void {
    const { best = null, waited = 0 } = (state ?? {}) as Partial<SavedEarlyStopping>;
    if (!Number.isInteger(waited))
      throw new SaturnnError('ERR_CHECKPOINT', 'the state of earlyStopping is not its own');
    this.#best = best;
    this.#waited = waited;
    const { parameters, buffers, average } = arrays;
    this.#kept = parameters && buffers ? { parameters, buffers, ...(average && { average }) } : null;
  }
}

async function keep({ trainer: { state } }: RunControl): Promise<Kept> {
  const [parameters, buffers] = await Promise.all([state.readArena('parameters'), state.readArena('buffers')]);
  const averages = state.averagesPlace;
  if (!averages) return { parameters, buffers };
  const { arena, byteOffset, byteLength } = averages;
  return { parameters, buffers, average: (await state.readArena(arena)).slice(byteOffset, byteOffset + byteLength) };
}

/** A part of an arena. */
async function overwrite(state: State, arena: Arena, begin: number, bytes: Uint8Array): Promise<void> {
  const whole = await state.readArena(arena);
  whole.set(bytes, begin);
  await state.writeArena(arena, whole);
}
