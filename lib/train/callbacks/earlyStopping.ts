import { SaturnnError } from '../../errors';
import {
  type EpochEvent,
  hasMetric,
  isBetter,
  type Metric,
  metricField,
  metricFor,
  metricText,
} from '../../optim/metric';
import type { Owner } from '../../optim/owner';
import { flag, integer, numberWithin, optional } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import type { Arena } from '../../runtime/native';
import { counterBytes, type State } from '../../tensor/state';
import type { Callback, RunControl, SavedCallback } from '../callback';
import type { StoppedEvent } from '../events';

/** Options of EarlyStopping. */
export interface EarlyStoppingOptions {
  /**
   * The metric that must improve. Default "testAccuracy", or "trainAccuracy" in a training without a test set; "testLoss" or "trainLoss"
   * if the network computes no classes.
   */
  metric?: Metric;
  /**
   * Training stops after so many epochs (for a metric of the test set: after so many of its evaluations) without an improvement: at least
   * 1, default 10.
   */
  patience?: number;
  /** An epoch improves on the best if its metric is better by more than this, in the metric's units: at least 0, default 0. */
  minDelta?: number;
  /**
   * Whether the weights of the best epoch, with their averages and running statistics, are restored on stopping. Default
   * true.
   */
  restoreBest?: boolean;
}

/** The defaults of EarlyStoppingOptions. */
export const earlyStoppingDefaults = {
  metric: 'testAccuracy',
  patience: 10,
  minDelta: 0,
  restoreBest: true,
} as const satisfies EarlyStoppingOptions;

/** Schema of the options of EarlyStopping. */
export const earlyStoppingFields: Fields<EarlyStoppingOptions> = {
  metric: optional(metricField),
  patience: optional(integer(1)),
  minDelta: optional(numberWithin({ least: 0 })),
  restoreBest: optional(flag),
};

const earlyStoppingOptions = new Options('EarlyStopping', earlyStoppingFields);

const title = 'EarlyStopping';

/** The arenas of the best epoch. The optimizer's other values are not kept, because training ends when these are restored. */
interface Kept {
  readonly parameters: Uint8Array;
  readonly buffers: Uint8Array;
  /** The average of the weights, if the optimizer keeps one: the metric was measured with it, and evaluation uses it. */
  readonly average?: Uint8Array;
}

/** The JSON part of the saved state; the kept arenas are stored beside it. */
interface SavedEarlyStopping {
  readonly best: EpochEvent | null;
  readonly waited: number;
}

/**
 * Ends training when a metric has not improved for `patience` epochs, and then restores the weights of the best epoch, which it
 * keeps in memory and in checkpoints. A run that ends without being stopped, at its last epoch, keeps its last weights. It belongs
 * to one Trainer at a time: for another one, after the first was disposed of, it begins anew.
 */
export class EarlyStopping implements Callback {
  readonly name = 'earlyStopping';
  readonly #options: Required<Omit<EarlyStoppingOptions, 'metric'>>;
  readonly #chosen: Metric | undefined;
  #metric: Metric;
  #best: EpochEvent | null = null;
  #kept: Kept | null = null;
  /** The number of epochs since the best one. */
  #waited = 0;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor(options: EarlyStoppingOptions = {}) {
    const checked = earlyStoppingOptions.check(options);
    const { patience = earlyStoppingDefaults.patience } = checked;
    const { minDelta = earlyStoppingDefaults.minDelta, restoreBest = earlyStoppingDefaults.restoreBest } = checked;
    this.#options = { patience, minDelta, restoreBest };
    this.#chosen = checked.metric;
    this.#metric = metricFor(title, this.#chosen, earlyStoppingDefaults.metric);
  }

  /** Forgets the best epoch and its weights. @throws ERR_INVALID_ARGUMENT for a chosen metric of a test set that is not there */
  begin(owner: Owner): void {
    this.#metric = metricFor(title, this.#chosen, earlyStoppingDefaults.metric, owner);
    this.#best = null;
    this.#kept = null;
    this.#waited = 0;
  }

  /** Compares an epoch with the best one, and ends training after `patience` epochs without an improvement. */
  async onEpoch(event: EpochEvent, run: RunControl): Promise<void> {
    const { patience, minDelta, restoreBest } = this.#options;
    const metric = this.#metric;
    if (!hasMetric(metric, event)) return;
    if (isBetter(metric, event, this.#best?.[metric] ?? null, minDelta)) {
      this.#best = event;
      this.#waited = 0;
      if (restoreBest) this.#kept = await keep(run);
    } else if (++this.#waited >= patience) {
      const best = this.#best ? `, ${this.#best[metric]} in epoch ${this.#best.epoch},` : '';
      run.stop(
        `${metricText(metric, event)}${best} has not improved for ${this.#waited} ${event.complete ? 'epochs' : 'evaluations'}`,
      );
    }
  }

  /** Restores the weights of the best epoch, whichever callback has ended training. */
  async onStopped(_: StoppedEvent, run: RunControl): Promise<void> {
    this.#waited = 0;
    if (!this.#kept || !this.#best) return;
    const { state } = run.trainer;
    const { parameters, buffers, average } = this.#kept;
    await overwrite(state, 'parameters', 0, parameters);
    // The buffers begin with seed and steps done, which must stay as they are: the steps are not undone.
    await overwrite(state, 'buffers', counterBytes, buffers.subarray(counterBytes));
    const averages = state.averagesPlace;
    if (average && averages) await overwrite(state, averages.arena, averages.byteOffset, average);
    run.reportAs(this.#best);
  }

  /** Returns the best epoch, its weights, and the number of epochs since. */
  save(): SavedCallback {
    const state: SavedEarlyStopping = { best: this.#best, waited: this.#waited };
    return this.#kept ? { state, arrays: { ...this.#kept } } : { state };
  }

  /** Sets the state. @param saved a result of save() @throws ERR_CHECKPOINT if it is none */
  restore({ state, arrays = {} }: SavedCallback): void {
    const { best = null, waited = 0 } = (state ?? {}) as Partial<SavedEarlyStopping>;
    if (!Number.isInteger(waited))
      throw new SaturnnError('ERR_CHECKPOINT', 'the saved state of earlyStopping is not valid');
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

/** Overwrites the bytes of an arena from `begin` on. */
async function overwrite(state: State, arena: Arena, begin: number, bytes: Uint8Array): Promise<void> {
  const whole = await state.readArena(arena);
  whole.set(bytes, begin);
  await state.writeArena(arena, whole);
}
