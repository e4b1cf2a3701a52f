/** Runs one training in its folder, new or resumed. `saturnn train` and the experiments share this. */

import { SaturnnError } from '../errors';
import type { EvaluationSummary } from '../evaluation/evaluation';
import type { LsuvOptions } from '../initial/lsuv';
import type { EpochEvent } from '../optim/metric';
import { type Device, deviceOf } from '../runtime/device';
import { version } from '../version';
import { Attempts } from './attempts';
import type { Callback } from './callback';
import { describeChange, type RestoreOptions } from './checkpoint/changes';
import { describeSource } from './checkpoint/checkpointInfo';
import { sizesOf } from './checkpoint/saving';
import { evaluateFinally } from './evaluation/finalEvaluation';
import type { EndEvent, TrainEvent } from './events';
import { hasCheckpoint, RunFolder, type RunFolderOptions, type Saved, type Settings } from './runFolder';
import { type FitOptions, Trainer, type TrainerOptions } from './trainer';

/** Options of runTraining(): those of a Trainer, and those of the run's folder. */
export interface TrainingOptions extends Omit<TrainerOptions, 'device' | 'callbacks' | 'learningRate'> {
  /** Folder of the run, which is made if it does not exist. */
  folder: string;
  device: Device | string;
  /** Length of the whole training, counted from its beginning, so that a resumed run ends where the first was to end. */
  length: Pick<FitOptions, 'totalEpochs' | 'totalSteps'>;
  /**
   * The checkpoint of the folder to resume from: the last, the previous, or auto: the last if there is a checkpoint, else a new
   * training. Default: a new training.
   */
  resume?: 'last' | 'previous' | 'auto';
  /** Settings in which a resumed run may differ from its checkpoint, as for Trainer.restore(). Default: none. */
  change?: RestoreOptions['change'];
  /**
   * What to do when loss or gradient overflow: go back to the last checkpoint and multiply all learning rates by `factor`, at most
   * `times` times in the whole run. Default: training ends.
   */
  onNonFinite?: { readonly factor: number; readonly times: number };
  /** When to write checkpoints. */
  checkpoints?: RunFolderOptions['checkpoints'];
  /** Called at every event, before the folder's logs and checkpoints. */
  callbacks?: readonly Callback[];
  /** Returns the content of config.json, and the settings that the run's report shows (default: the same). */
  describe?: (trainer: Trainer) => { readonly config: Settings; readonly report?: Settings };
  /** Changes the initial weights of a new training with the help of data (LSUV). @returns a line for the user, or null */
  prepare?: (options: LsuvOptions) => Promise<string | null>;
  /** Takes the line that `prepare` has returned, unless it is null. */
  onPrepared?: (line: string) => void;
  /** Called when the weights are ready and before the first step; again when training goes back to a checkpoint. */
  watch?: (begin: TrainingBegin) => TrainingWatch;
  /**
   * Whether to evaluate the training set after the last step, as the test set is: centre crops, the final weights. Default
   * false.
   */
  evaluateTrain?: boolean;
  /**
   * Results to write at the end, beside logs and checkpoints. all (default): weights, curves and a report; weights: the weights,
   * unless training was interrupted; none.
   */
  results?: 'all' | 'weights' | 'none';
}

/** The beginning of a training, new or resumed. */
export interface TrainingBegin {
  /** Steps of the whole training. */
  readonly steps: number;
  /** Steps that were done before a resume; 0 in a new training. */
  readonly done: number;
  readonly stepsPerEpoch: number;
}

/** Watches a training, for a progress bar and for Ctrl-C. */
export interface TrainingWatch {
  /** When it is aborted, a checkpoint is written and runTraining() returns. */
  readonly signal?: AbortSignal;
  /** Called at every event of fit(). */
  show?(event: TrainEvent): void;
  /** Called when training has ended, or goes back. */
  stop?(): void;
}

/**
 * interrupted: by the watch's signal. nonFinite: loss or gradient overflowed. done: all other endings, early stopping
 * included.
 */
export type TrainingEnding = 'done' | 'interrupted' | 'nonFinite';

/** The result of runTraining(). */
export interface TrainingOutcome {
  readonly ending: TrainingEnding;
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** The end event; null if training did not reach its end. */
  readonly end: EndEvent | null;
  /** Null if `ending` is done; else ERR_INTERRUPTED, or ERR_NON_FINITE naming step and layer. */
  readonly failure: SaturnnError | null;
  /** Loss and accuracy on the training set; null unless `evaluateTrain` was set and `ending` is done. */
  readonly evaluatedTrain: EvaluationSummary | null;
  /** Paths of the results; null unless `results` is all. */
  readonly saved: Saved | null;
  /** Every epoch event of the run, those before a resume included. */
  readonly epochs: readonly EpochEvent[];
}

/**
 * Trains until the end, until the watch's signal is aborted, or until loss or gradient are not finite. In each case the results
 * until then are written into the folder, and the function returns.
 * @throws ERR_BUSY for the folder; ERR_OUTPUT if something could not be written, after everything else was written; ERR_CHECKPOINT;
 * what Trainer throws, other than ERR_NON_FINITE
 */
export async function runTraining(options: TrainingOptions): Promise<TrainingOutcome> {
  const { folder: path, resume, checkpoints, callbacks = [], results = 'all', change, ...rest } = options;
  const { describe, prepare, onPrepared, length, watch, evaluateTrain, onNonFinite, ...trainerOptions } = rest;
  const device = deviceOf(options.device);
  using folder = new RunFolder(path, { resume: resume !== undefined, checkpoints });
  // Until the folder was locked, another process may have trained in it.
  const isResumed = resume !== undefined && (resume !== 'auto' || hasCheckpoint(path));
  using trainer = new Trainer({ ...trainerOptions, device, callbacks: [...callbacks, ...folder.callbacks] });
  const warning = isResumed ? await folder.restore(trainer, resume, { change }) : null;
  const { checkpoint, weights } = sizesOf(trainer.state, callbacks);
  folder.requireSpace({ checkpoint, weights: results === 'none' ? 0 : weights });
  const origin = await originOf(options);
  const described = () => {
    const { config, report = config } = describe?.(trainer) ?? { config: {} };
    const all = { ...origin, ...(trainer.changes.length > 0 && { changes: trainer.changes.map(describeChange) }) };
    folder.configure({ ...config, ...origin, changes: trainer.changes });
    return { ...report, ...all };
  };
  let report = described();
  const { train: dataset, test, statistics, seed } = options;
  const { model } = trainer;
  if (!isResumed && options.weights === undefined) {
    const line = await prepare?.({ model, state: trainer.state, dataset, statistics, device, seed });
    if (line) onPrepared?.(line);
  }
  const parts: Parts = { trainer, folder, length, watch, evaluateTrain, onNonFinite, change, warning };
  const attempts = new Attempts();
  const ended = await attempts.make(() =>
    runWithRetries(parts, () => {
      report = described();
    }),
  );
  const averages = await trainer.statistics();
  const { state, epochs } = trainer;
  // Who interrupts a training does not wait for an evaluation.
  const evaluate = ended?.ending === 'done' && test ? evaluateFinally(trainer, test) : undefined;
  const toSave = { model, state, statistics: averages, data: dataset, card: await trainer.card() };
  let saved: Saved | null = null;
  if (results === 'all')
    saved = (await attempts.make(() => folder.finish({ ...toSave, settings: report, epochs, evaluate }))) ?? null;
  else if (results === 'weights' && ended?.ending !== 'interrupted')
    await attempts.make(() => folder.saveWeights(toSave));
  attempts.check();
  return { ...ended!, step: trainer.step, saved, epochs: folder.events(trainer.epochs).epochs };
}

/** Returns what config.json and the report say of every run: the version of saturnn, and both data sets with their fingerprints. */
async function originOf({ train, test }: Pick<TrainingOptions, 'train' | 'test'>): Promise<Settings> {
  const [trainSet, testSet] = await Promise.all([describeSource(train), test && describeSource(test)]);
  return { saturnn: version, trainSet, ...(testSet && { testSet }) };
}

type Ended = Pick<TrainingOutcome, 'ending' | 'end' | 'failure' | 'evaluatedTrain'>;

interface Parts extends Pick<TrainingOptions, 'length' | 'watch' | 'evaluateTrain' | 'onNonFinite' | 'change'> {
  readonly trainer: Trainer;
  readonly folder: RunFolder;
  /** A sentence that the watch gets as a warning event before the first step. */
  readonly warning: string | null;
}

/** Trains; goes back to the last checkpoint with lower rates as often as it is allowed to, and calls `onLowered` each time. */
async function runWithRetries(parts: Parts, onLowered: () => void): Promise<Ended> {
  const { trainer, folder, onNonFinite, change } = parts;
  // There must be a checkpoint to go back to, also from the first epoch.
  if (onNonFinite && !hasCheckpoint(folder.path)) await folder.checkpoints.write(trainer);
  for (let { warning } = parts; ; warning = null) {
    const ended = await runToEnd({ ...parts, warning });
    if (ended.ending !== 'nonFinite' || !onNonFinite) return ended;
    const { factor, times } = onNonFinite;
    const lowered = trainer.changes.filter(({ changed }) => changed.some(({ name }) => name === 'rateFactor')).length;
    if (lowered >= times) {
      const { code, message } = ended.failure!;
      const all = `${message} The rates were lowered ${lowered} times before, which is the limit.`;
      return { ...ended, failure: new SaturnnError(code, all, { cause: ended.failure }) };
    }
    // The last checkpoint may be older than a change with which this run was resumed.
    await folder.lowerRate(trainer, { change, rateFactor: factor, reason: ended.failure!.message });
    onLowered();
  }
}

async function runToEnd({ trainer, folder, length, watch, evaluateTrain, warning }: Parts): Promise<Ended> {
  const { step: done, stepsPerEpoch } = trainer;
  const watching: TrainingWatch = watch?.({ steps: done + trainer.stepsOf(length), done, stepsPerEpoch }) ?? {};
  const { signal } = watching;
  let end: EndEvent | null = null;
  let evaluatedTrain: EvaluationSummary | null = null;
  try {
    if (warning !== null) watching.show?.({ event: 'warning', step: done, message: warning });
    for await (const event of trainer.fit({ ...length, signal })) {
      watching.show?.(event);
      if (event.event === 'end') end = event;
    }
    if (evaluateTrain) {
      const { loss, accuracy, top5 } = await trainer.evaluate('train', { signal, mistakes: 0 });
      evaluatedTrain = { loss, accuracy, top5 };
    }
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
