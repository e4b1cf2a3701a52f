import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { checkInteger, checkNumber, type Range, SaturnnError } from '../../errors';
import { linkOver, prepareFolder } from '../../files/durable';
import { checkMetric, type EpochEvent, isBetter, type Metric } from '../../optim/metric';
import type { Callback, RunControl, SavedCallback } from '../callback';
import { writeCheckpoint } from '../checkpoint/checkpoint';
import type { CheckpointEvent, StepEvent, TrainEvent } from '../events';
import type { TrainerView } from '../trainerView';

export interface CheckpointsOptions {
  /** Made if it is not there. One run's: see lockFolder. */
  folder: string;
  /** A checkpoint after every so many epochs; 0: none. Default 1. There is always one at the end of training. */
  everyEpochs?: number;
  /** And after every so many steps. */
  everySteps?: number;
  /** And when the last one is so many minutes old. */
  everyMinutes?: number;
  /** Keep the best by this metric as well; null: do not. Default testAccuracy. */
  best?: Metric | null;
}

/** The defaults of CheckpointsOptions. */
export const checkpointsDefaults = {
  everyEpochs: 1,
  best: 'testAccuracy',
} as const satisfies Partial<CheckpointsOptions>;
/** Limits of CheckpointsOptions.everyMinutes. */
export const everyMinutesRange: Range = [0, 1e6];

/** The three files of a folder. `previous` is what `last` was before. */
export const checkpointNames = {
  last: 'last.checkpoint',
  previous: 'previous.checkpoint',
  best: 'best.checkpoint',
} as const;

interface SavedCheckpoints {
  /** What the best is the best by. */
  readonly metric: Metric | null;
  /** Value of the best so far, and when it was. */
  readonly best: number | null;
  readonly bestStep: number | null;
}

/**
 * Writes checkpoints while training goes on. At every moment, whatever becomes of process or machine, the folder's `last`
 * is one complete checkpoint, once there has been one. A checkpoint that cannot be written (a full disk) is a warning event,
 * and training goes on with the one before intact; if it is the one at the end of training, it is an error.
 */
export class Checkpoints implements Callback {
  readonly name = 'checkpoints';
  readonly everySteps?: number;
  readonly #folder: string;
  readonly #everyEpochs: number;
  readonly #everyMilliseconds: number;
  readonly #metric: Metric | null;
  #best: number | null = null;
  #bestStep: number | null = null;
  #triedAt = performance.now();

  /** @throws ERR_INVALID_ARGUMENT; ERR_OUTPUT */
  constructor({ folder, everySteps, everyMinutes, ...options }: CheckpointsOptions) {
    const { everyEpochs = checkpointsDefaults.everyEpochs, best = checkpointsDefaults.best } = options;
    this.#everyEpochs = checkInteger('everyEpochs', everyEpochs, 0);
    if (everySteps !== undefined) this.everySteps = checkInteger('everySteps', everySteps, 1);
    if (everyMinutes !== undefined) checkNumber('everyMinutes', everyMinutes, ...everyMinutesRange);
    this.#everyMilliseconds = (everyMinutes ?? Number.POSITIVE_INFINITY) * 60_000;
    this.#metric = best === null ? null : checkMetric(best);
    this.#folder = prepareFolder(folder);
  }

  /** Where the checkpoint is. */
  path(which: keyof typeof checkpointNames): string {
    return join(this.#folder, checkpointNames[which]);
  }

  onStep({ step }: StepEvent, run: RunControl): void {
    run.afterwards(async () => {
      const isDue = this.everySteps !== undefined && step % this.everySteps === 0;
      return isDue || this.#isOld() ? this.#attempt(run, null) : undefined;
    });
  }

  onEpoch(event: EpochEvent, run: RunControl): void {
    run.afterwards(async () => {
      const isDue = this.#everyEpochs > 0 && event.complete && event.epoch % this.#everyEpochs === 0;
      const isBest = this.#metric !== null && isBetter(this.#metric, event, this.#best);
      return isDue || isBest || run.isLast || this.#isOld() ? this.#attempt(run, isBest ? event : null) : undefined;
    });
  }

  /**
   * Writes a checkpoint now, between events of fit(): when training is interrupted. `best`: the epoch event that it is the
   * best of, if it is.
   * @throws ERR_OUTPUT; what Trainer.checkpoint() throws
   */
  async write(trainer: TrainerView, best: EpochEvent | null = null): Promise<CheckpointEvent> {
    const before = { best: this.#best, bestStep: this.#bestStep };
    if (best && this.#metric) this.#set({ best: best[this.#metric], bestStep: best.step });
    const path = this.path('last');
    try {
      // In this order a kill leaves no best that is older than what `last` says of it.
      await writeCheckpoint(path, await trainer.checkpoint(), (complete) => {
        if (best) linkOver(complete, this.path('best'));
        if (existsSync(path)) linkOver(path, this.path('previous'));
      });
    } catch (error) {
      this.#set(before);
      throw error;
    } finally {
      this.#triedAt = performance.now();
    }
    return { event: 'checkpoint', step: trainer.step, path, best: best !== null };
  }

  save(): SavedCallback {
    const state: SavedCheckpoints = { metric: this.#metric, best: this.#best, bestStep: this.#bestStep };
    return { state };
  }

  /** By another metric, nothing has been the best yet. */
  restore({ state }: SavedCallback): void {
    const { metric, best, bestStep } = (state ?? {}) as Partial<SavedCheckpoints>;
    const known = metric === this.#metric && typeof best === 'number';
    this.#set(known ? { best, bestStep: bestStep ?? null } : { best: null, bestStep: null });
  }

  #set({ best, bestStep }: Pick<SavedCheckpoints, 'best' | 'bestStep'>): void {
    this.#best = best;
    this.#bestStep = bestStep;
  }

  #isOld(): boolean {
    return performance.now() - this.#triedAt >= this.#everyMilliseconds;
  }

  async #attempt({ trainer, isLast }: RunControl, best: EpochEvent | null): Promise<TrainEvent> {
    try {
      return await this.write(trainer, best);
    } catch (error) {
      if (isLast || !(error instanceof SaturnnError && error.code === 'ERR_OUTPUT')) throw error;
      const message = `No checkpoint at step ${trainer.step}, training goes on: ${error.message}`;
      return { event: 'warning', step: trainer.step, message };
    }
  }
}
