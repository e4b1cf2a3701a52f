/** One training into its folder, begun or gone on with: what `saturnn train` and the experiments share. */

import { SaturnnError } from '../errors';
import type { LsuvOptions } from '../initial/lsuv';
import { type Device, deviceOf } from '../runtime/device';
import type { Callback } from './callback';
import type { EndEvent, TrainEvent } from './events';
import { hasCheckpoint, RunFolder, type RunFolderOptions, type Saved, type Settings } from './runFolder';
import { type Evaluation, type FitOptions, Trainer, type TrainerOptions } from './trainer';

export interface TrainingOptions extends Omit<TrainerOptions, 'device' | 'callbacks' | 'learningRate'> {
  /** Where everything is written; made if it is not there. */
  folder: string;
  device: Device | string;
  /** Counted from the beginning of training, so that a resumed one ends where it was to end. */
  length: Pick<FitOptions, 'totalEpochs' | 'totalSteps'>;
  /** Go on in the folder: from its last checkpoint, the previous one, or auto: begin if there is none. Default: begin. */
  resume?: 'last' | 'previous' | 'auto';
  checkpoints?: RunFolderOptions['checkpoints'];
  /** Told of every event, before the folder's logs and checkpoints. */
  callbacks?: readonly Callback[];
  /** What is kept in config.json, and of that what the run's report shows. */
  describe?: (trainer: Trainer) => { readonly config: Settings; readonly report?: Settings };
  /** What is done to the initial weights: an initialiser that wants data (LSUV). @returns a line for people, or null */
  prepare?: (options: LsuvOptions) => Promise<string | null>;
  onPrepared?: (line: string) => void;
  /** Called when the weights are there and steps follow. */
  watch?: (begin: TrainingBegin) => TrainingWatch;
  /** Whether to measure, after the last step, the training set as the test set is: centre crops, one set of weights. */
  evaluateTrain?: boolean;
  /** What to write at the end beside logs: weights, curves and a report (default), or weights alone unless it was interrupted. */
  results?: 'all' | 'weights' | 'none';
}

export interface TrainingBegin {
  /** Of the whole training. */
  readonly steps: number;
  /** Steps that were done before. */
  readonly done: number;
  readonly stepsPerEpoch: number;
}

/** Looks on while steps are computed. */
export interface TrainingWatch {
  /** Interrupts: a checkpoint is written and training returns. */
  readonly signal?: AbortSignal;
  show?(event: TrainEvent): void;
  /** No more steps. */
  stop?(): void;
}

/** nonFinite: loss or gradient overflowed. done: everything else that leaves nothing to do, early stopping included. */
export type TrainingEnding = 'done' | 'interrupted' | 'nonFinite';

export interface TrainingOutcome {
  readonly ending: TrainingEnding;
  /** Steps whose updates the weights have. */
  readonly step: number;
  /** Of `done`. */
  readonly end: EndEvent | null;
  /** Of the other endings: ERR_INTERRUPTED, or ERR_NON_FINITE naming step and layer. */
  readonly failure: SaturnnError | null;
  /** Of `done` with evaluateTrain. */
  readonly evaluatedTrain: Evaluation | null;
  /** Null unless `results` is all. */
  readonly saved: Saved | null;
}

/**
 * Trains until the end, or until the watch's signal or numbers that are not finite stop it: what was learned until then is
 * in the folder.
 * @throws ERR_BUSY, ERR_OUTPUT for the folder; ERR_CHECKPOINT; what Trainer throws, other than ERR_NON_FINITE
 */
export async function runTraining(options: TrainingOptions): Promise<TrainingOutcome> {
  const { folder: path, resume, checkpoints, callbacks = [], length, results = 'all', ...rest } = options;
  const { describe, prepare, onPrepared, watch, evaluateTrain, ...trainerOptions } = rest;
  const device = deviceOf(options.device);
  const isResumed = resume !== undefined && (resume !== 'auto' || hasCheckpoint(path));
  using folder = new RunFolder(path, { resume: resume !== undefined, checkpoints });
  using trainer = new Trainer({ ...trainerOptions, device, callbacks: [...callbacks, ...folder.callbacks] });
  if (isResumed) await folder.restore(trainer, resume === 'previous' ? 'previous' : 'last');
  const { config, report = config } = describe?.(trainer) ?? { config: {} };
  folder.configure(config);
  const { model, train: dataset, statistics, seed } = options;
  if (!isResumed) {
    const line = await prepare?.({ model, state: trainer.state, dataset, statistics, device, seed });
    if (line) onPrepared?.(line);
  }
  const ended = await runToEnd(trainer, folder, length, { watch, evaluateTrain });
  let saved: Saved | null = null;
  if (results === 'all') saved = await folder.finish(model, trainer.state, await trainer.statistics(), report);
  else if (results === 'weights' && ended.ending !== 'interrupted')
    await folder.saveWeights(model, trainer.state, await trainer.statistics());
  return { ...ended, step: trainer.step, saved };
}

type Ended = Pick<TrainingOutcome, 'ending' | 'end' | 'failure' | 'evaluatedTrain'>;

async function runToEnd(
  trainer: Trainer,
  folder: RunFolder,
  length: FitOptions,
  { watch, evaluateTrain = false }: Pick<TrainingOptions, 'watch' | 'evaluateTrain'>,
): Promise<Ended> {
  const { step: done, stepsPerEpoch } = trainer;
  const watching: TrainingWatch = watch?.({ steps: done + trainer.stepsOf(length), done, stepsPerEpoch }) ?? {};
  const { signal } = watching;
  let end: EndEvent | null = null;
  let evaluatedTrain: Evaluation | null = null;
  try {
    for await (const event of trainer.fit({ ...length, signal })) {
      watching.show?.(event);
      if (event.event === 'end') end = event;
    }
    if (evaluateTrain) evaluatedTrain = await trainer.evaluate('train', { signal });
    return { ending: 'done', end, failure: null, evaluatedTrain };
  } catch (error) {
    if (!(error instanceof SaturnnError)) throw error;
    if (error.code === 'ERR_NON_FINITE') return { ending: 'nonFinite', end, failure: error, evaluatedTrain };
    if (error.code !== 'ERR_INTERRUPTED') throw error;
    watching.show?.(await folder.checkpoints.write(trainer));
    const failure = new SaturnnError(error.code, `Interrupted after step ${trainer.step}`);
    return { ending: 'interrupted', end, failure, evaluatedTrain };
  } finally {
    watching.stop?.();
  }
}
