import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Range, reasonOf, SaturnnError } from '../../errors';
import { linkOver, prepareFolder } from '../../files/durable';
import { type EpochEvent, isBetter, type Metric, metricField, metricFor } from '../../optim/metric';
import type { Owner } from '../../optim/owner';
import { integer, number, oneOf, optional, orNull, pathField } from '../../options/field';
import { checkArgument, type Fields, Options } from '../../options/options';
import type { Callback, RunControl, SavedCallback } from '../callback';
import { readCheckpoint, writeCheckpoint } from '../checkpoint/checkpoint';
import type { CheckpointEvent, EndEvent, StepEvent, TrainEvent } from '../events';
import type { TrainerView } from '../trainerView';

/** Options of Checkpoints. The three intervals are independent of each other, and training always ends with a checkpoint. */
export interface CheckpointsOptions {
  /** Folder of the checkpoints, which is made if it does not exist. Two runs must not write into one folder. */
  folder: string;
  /** Write a checkpoint after every so many complete epochs; 0: after none. Default 1. */
  everyEpochs?: number;
  /** Also write one after every so many steps, at least 1. Default: not by steps. */
  everySteps?: number;
  /** Also write one when the last attempt is so many minutes old, 0 to 1e6. Default: not by time. */
  everyMinutes?: number;
  /**
   * Also keep the checkpoint of the epoch that is best by this metric; null: do not. Default "testAccuracy", or "trainAccuracy" without a
   * test set; "testLoss" or "trainLoss" if the network computes no classes.
   */
  best?: Metric | null;
}

/** The defaults of CheckpointsOptions. */
export const checkpointsDefaults = {
  everyEpochs: 1,
  best: 'testAccuracy',
} as const satisfies Partial<CheckpointsOptions>;
/** Limits of CheckpointsOptions.everyMinutes. */
export const everyMinutesRange: Range = [0, 1e6];

/** Schema of the options of Checkpoints, without the folder. */
export const checkpointsFields: Fields<Omit<CheckpointsOptions, 'folder'>> = {
  everyEpochs: optional(integer(0)),
  everySteps: optional(integer(1)),
  everyMinutes: optional(number(everyMinutesRange)),
  best: optional(orNull(metricField)),
};

const title = 'Checkpoints';

const checkpointsOptions = new Options<CheckpointsOptions>('Checkpoints', { ...checkpointsFields, folder: pathField });

/** Names of the three files in a folder. `previous` is the file that was `last` before. */
export const checkpointNames = {
  last: 'last.checkpoint',
  previous: 'previous.checkpoint',
  best: 'best.checkpoint',
} as const;

const whichField = oneOf(Object.keys(checkpointNames) as (keyof typeof checkpointNames)[]);

interface SavedCheckpoints {
  /** The metric of the best epoch; null if the best is not kept. */
  readonly metric: Metric | null;
  /** Value of the metric in the best epoch so far, and the number of steps done then. */
  readonly best: number | null;
  readonly bestStep: number | null;
}

/**
 * Writes checkpoints during training: last.checkpoint, the one before it as previous.checkpoint, and that of the best epoch as
 * best.checkpoint. Once there is a last.checkpoint, it is complete at every moment, even if the process is killed or the machine
 * loses power. If a checkpoint cannot be written (the disk is full), fit() yields a warning event, the earlier checkpoint stays,
 * and training goes on; at the end of training, fit() throws ERR_OUTPUT. Once it has written or restored a checkpoint, it belongs to
 * its Trainer for good, because its folder does: make a new one for another Trainer.
 */
export class Checkpoints implements Callback {
  readonly name = 'checkpoints';
  readonly everySteps?: number;
  readonly #folder: string;
  readonly #everyEpochs: number;
  readonly #everyMilliseconds: number;
  readonly #chosen: Metric | null | undefined;
  #metric: Metric | null;
  #best: number | null = null;
  #bestStep: number | null = null;
  #triedAt = performance.now();
  /** Whether the folder has checkpoints of the Trainer that this belongs to. */
  #isUsed = false;
  /** Whether a restored run has still to look for the checkpoint of its best epoch. */
  #mustCheckBest = false;

  /**
   * Makes the folder.
   * @param options the folder, and when to write checkpoints
   * @throws ERR_INVALID_ARGUMENT for an option out of range; ERR_OUTPUT if files cannot be written into the folder
   */
  constructor(options: CheckpointsOptions) {
    const checked = checkpointsOptions.check(options);
    const { everyEpochs = checkpointsDefaults.everyEpochs, best } = checked;
    const { folder, everySteps, everyMinutes } = checked;
    this.#everyEpochs = everyEpochs;
    if (everySteps !== undefined) this.everySteps = everySteps;
    this.#everyMilliseconds = (everyMinutes ?? Number.POSITIVE_INFINITY) * 60_000;
    this.#chosen = best;
    this.#metric = best === null ? null : metricFor(title, best, checkpointsDefaults.best);
    this.#folder = prepareFolder(folder);
  }

  /** Whether the checkpoint of the best epoch is kept. */
  get keepsBest(): boolean {
    return this.#metric !== null;
  }

  /** Returns the path of a checkpoint of the folder, whether or not it exists. */
  path(which: keyof typeof checkpointNames): string {
    checkArgument('which', whichField, which);
    return join(this.#folder, checkpointNames[which]);
  }

  /**
   * Begins to count the minutes.
   * @throws ERR_BUSY if the folder has checkpoints of another Trainer; ERR_INVALID_ARGUMENT for a chosen metric of a test set that is
   * not there
   */
  begin(owner: Owner): void {
    if (this.#isUsed) {
      const message = `${this.#folder} has the checkpoints of another Trainer: make new Checkpoints, with another folder`;
      throw new SaturnnError('ERR_BUSY', message);
    }
    if (this.#chosen !== null) this.#metric = metricFor(title, this.#chosen, checkpointsDefaults.best, owner);
    this.#triedAt = performance.now();
  }

  /**
   * Asks for a checkpoint if one is due after this step.
   * @param event the step
   * @param run the run, whose afterwards() writes it
   */
  onStep({ step }: StepEvent, run: RunControl): void {
    run.afterwards(async () => {
      const isDue = this.everySteps !== undefined && step % this.everySteps === 0;
      return isDue || this.#isOld() ? this.#attempt(run, null) : undefined;
    });
  }

  onEpoch(event: EpochEvent, run: RunControl): void {
    run.afterwards(() => this.#checkBest(run));
    run.afterwards(async () => {
      const isDue = this.#everyEpochs > 0 && event.complete && event.epoch % this.#everyEpochs === 0;
      const isBest = this.#metric !== null && isBetter(this.#metric, event, this.#best);
      return isDue || isBest || run.isLast || this.#isOld() ? this.#attempt(run, isBest ? event : null) : undefined;
    });
  }

  /** Looks for the checkpoint of the best epoch if no epoch came after a restore. */
  onEnd(_: EndEvent, run: RunControl): void {
    run.afterwards(() => this.#checkBest(run));
  }

  /**
   * Writes a checkpoint now, for example when training is interrupted. Call it between the events of fit().
   * @param best the epoch event, if the weights are now those of the best epoch so far: best.checkpoint is then written too
   * @throws ERR_OUTPUT; ERR_BUSY while steps are computed; ERR_DISPOSED
   */
  async write(trainer: TrainerView, best: EpochEvent | null = null): Promise<CheckpointEvent> {
    const before = { best: this.#best, bestStep: this.#bestStep };
    if (best && this.#metric) this.#set({ best: best[this.#metric] ?? null, bestStep: best.step });
    const path = this.path('last');
    try {
      // In this order, even if the process is killed between two of the files, `best` is never older than the best epoch that
      // `last` knows of.
      await writeCheckpoint(path, await trainer.checkpoint(), (complete) => {
        this.#isUsed = true;
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

  /** Returns metric, value and step of the best epoch so far. */
  save(): SavedCallback {
    const state: SavedCheckpoints = { metric: this.#metric, best: this.#best, bestStep: this.#bestStep };
    return { state };
  }

  /** Sets the best epoch so far. If it was the best by another metric, it is forgotten. @param saved a result of save() */
  restore({ state }: SavedCallback): void {
    const { metric, best, bestStep } = (state ?? {}) as Partial<SavedCheckpoints>;
    const known = metric === this.#metric && typeof best === 'number';
    this.#set(known ? { best, bestStep: bestStep ?? null } : { best: null, bestStep: null });
  }

  /** Notes that the folder belongs to the Trainer. */
  restored(): void {
    this.#isUsed = true;
    this.#mustCheckBest = true;
  }

  /**
   * Forgets the best epoch so far if best.checkpoint has not its weights: in a folder that was copied while a run wrote into it, or
   * after another checkpoint than the last, it may be that of another epoch. The best of the epochs that follow is kept then.
   * @returns a warning if these weights are lost
   */
  async #checkBest({ trainer }: RunControl): Promise<TrainEvent | undefined> {
    const step = this.#bestStep;
    const mustCheck = this.#mustCheckBest;
    this.#mustCheckBest = false;
    if (!mustCheck || step === null) return undefined;
    const path = this.path('best');
    const found = await stepOf(path);
    if (found === step) return undefined;
    this.#set({ best: null, bestStep: null });
    // A newer one was written just before the process was killed, or before the run went back: its epoch comes again.
    if (typeof found === 'number' && found > step) return undefined;
    const why = typeof found === 'number' ? `it is that of step ${found}` : found;
    const message = `${path} is not the checkpoint of the best epoch so far (step ${step}): ${why}. The best of the epochs that follow is kept`;
    return { event: 'warning', step: trainer.step, message };
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
      const message = `The checkpoint of step ${trainer.step} was not written; training goes on: ${error.message}`;
      return { event: 'warning', step: trainer.step, message };
    }
  }
}

/** Returns the step of a checkpoint, or why it cannot be read. */
const stepOf = (path: string): Promise<number | string> =>
  readCheckpoint(path).then(({ info }) => info.position.step, reasonOf);
