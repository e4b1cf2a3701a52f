/**
 * Runs many trainings one after the other, each in its own folder. They may be interrupted at any moment: called again with the
 * same list, runTrainings() skips those that have ended, resumes the one that was interrupted, and runs the others.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DataMode, type ImageSource, isSource } from '../data/source';
import type { StatisticsOptions } from '../data/statistics';
import { SaturnnError } from '../errors';
import { removeTemporaries } from '../files/durable';
import type { LsuvOptions } from '../initial/lsuv';
import type { EpochEvent } from '../optim/metric';
import { arrayOf, callback, flag, instance, number, optional, pathField, signal, text } from '../options/field';
import { checkArgument, Options } from '../options/options';
import { isCallback } from '../options/values';
import { type Device, openedDeviceField } from '../runtime/device';
import { checkpointNames } from '../train/callbacks';
import { everyMinutesRange } from '../train/callbacks/checkpoints';
import { firstDifference } from '../train/checkpoint/checkpointInfo';
import type { TrainEvent } from '../train/events';
import { readEpochs, type Settings } from '../train/runFolder';
import type { TrainerOptions } from '../train/trainer';
import { runTraining, type TrainingBegin } from '../train/training';
import { chanceOf, isStuck, type Status } from './status';
import { object, readStored } from './storedJson';
import { readResult, type TrainingResult, writeResult } from './trainingResult';

export type { TrainingResult } from './trainingResult';

/** A training in the list of runTrainings(). */
export interface LabelledTraining {
  /** Name for people: "tanh, seed 0". */
  readonly label: string;
  /** Name of its folder, below the common folder. */
  readonly folder: string;
  /** The number of epochs. */
  readonly epochs: number;
  /**
   * Everything, as JSON, that its results depend on, except data and machine. A training already in the folder must have the
   * same.
   */
  readonly settings: Settings;
  /** Makes the model, the optimizer and the schedule. It is called when the training starts. */
  readonly make: () => TrainingParts;
}

/**
 * The model, the optimizer, the schedule and the options of a Trainer, as partsOf() makes them from a recipe.
 */
export type TrainingParts = Required<Pick<TrainerOptions, 'model'>> &
  Pick<
    TrainerOptions,
    | 'optimizer'
    | 'schedule'
    | 'labelSmoothing'
    | 'augmentation'
    | 'batch'
    | 'seed'
    | 'precision'
    | 'deterministic'
    | 'autotune'
  > & {
    /** Changes the initial weights with the help of data, and resolves to a line that describes the result, or null. */
    prepare?: (options: LsuvOptions) => Promise<string | null>;
  };

/** The data of all trainings in a list. */
export interface TrainingData {
  /** The training set. */
  readonly train: ImageSource;
  /** The test set, evaluated after each epoch. */
  readonly test: ImageSource;
  /** Normalisation of pixels. Default: mean 0 and deviation 1 per channel over the training set. */
  readonly statistics?: StatisticsOptions;
  /** Whether images are kept on the device or streamed, as the option `data` of a Trainer. */
  readonly mode?: DataMode;
}

/** State of a training, read from its folder. */
export interface TrainingRecord {
  /** Name for people, as in LabelledTraining. */
  readonly label: string;
  /** Name of its folder, below the common folder. */
  readonly folder: string;
  /** Settings of the training, as in LabelledTraining. */
  readonly settings: Settings;
  /** State of the training. */
  readonly status: Status;
  /** All complete epochs, in order. */
  readonly epochs: readonly EpochEvent[];
  /** Result of the training; null if it has not ended. */
  readonly result: TrainingResult | null;
}

/**
 * An event of runTrainings(), in order of time. `index` is the position of the training in the list, from 0. `begin` has the
 * steps of the whole training, the steps that were done before a resume (`done`), and `stepsPerEpoch`.
 */
export type TrainingsEvent =
  /** A training begins or is resumed: its weights are ready, and steps follow. */
  | {
      readonly event: 'begin';
      readonly index: number;
      readonly training: LabelledTraining;
      readonly begin: TrainingBegin;
    }
  /** The training has yielded an event of Trainer.fit(), which is `detail`. */
  | { readonly event: 'step'; readonly index: number; readonly training: LabelledTraining; readonly detail: TrainEvent }
  /** The steps have stopped, because the training has ended or was interrupted. */
  | { readonly event: 'pause'; readonly index: number; readonly training: LabelledTraining }
  /** The training has ended, and its results are in its folder. */
  | { readonly event: 'ended'; readonly index: number; readonly record: TrainingRecord };

/** Options of runTrainings(). */
export interface TrainingsOptions {
  /** Folder in which each training gets its own. */
  folder: string;
  /** The trainings, which run in this order. */
  trainings: readonly LabelledTraining[];
  /** The data of all trainings. */
  data: TrainingData;
  /** The device that trains. */
  device: Device;
  /** Stops the training under way, which keeps a checkpoint, and starts no other. */
  signal?: AbortSignal;
  /** Called for every event. */
  onEvent?: (event: TrainingsEvent) => void;
  /** Whether to evaluate the training set (centre crops) after each training. Default true. */
  evaluateTrain?: boolean;
  /** Whether to keep the final weights of each training. Default true. */
  keepWeights?: boolean;
  /** Minutes between two checkpoints of a training. Default 1. */
  checkpointMinutes?: number;
}

const isTraining = ({ label, folder, epochs, settings }: Omit<LabelledTraining, 'make'>): boolean =>
  typeof label === 'string' &&
  typeof folder === 'string' &&
  Number.isInteger(epochs) &&
  typeof settings === 'object' &&
  settings !== null;

const recordedField = instance<Omit<LabelledTraining, 'make'>>(
  'a training, { label, folder, settings, epochs }',
  isTraining,
);

const trainingsOptions = new Options<TrainingsOptions>('runTrainings()', {
  folder: text,
  trainings: arrayOf(
    instance<LabelledTraining>(
      'a training, { label, folder, settings, epochs, make }',
      (training) => isTraining(training) && isCallback(training.make),
    ),
    'an array of trainings',
  ),
  data: instance<TrainingData>('the data, { train, test }', ({ train, test }) => isSource(train) && isSource(test)),
  device: openedDeviceField,
  signal: optional(signal),
  onEvent: optional(callback()),
  evaluateTrain: optional(flag),
  keepWeights: optional(flag),
  checkpointMinutes: optional(number(everyMinutesRange)),
});

/**
 * Runs all trainings of the list that have not ended.
 * @returns whether all have ended: false if `signal` was aborted before
 * @throws ERR_CHECKPOINT, before any training starts, if a folder holds a training with other settings, or later if files in
 * a folder are damaged; what a Trainer throws
 */
export async function runTrainings(given: TrainingsOptions): Promise<boolean> {
  const checked = trainingsOptions.check(given);
  const options = { ...checked, data: { ...checked.data } }; // read in every training
  const { trainings, folder, signal, onEvent } = options;
  for (const training of trainings) checkSettings(join(folder, training.folder), training.settings);
  // A Trainer recognises an interruption by this reason, so the caller's reason is replaced.
  const interruption = new AbortController();
  const interrupt = () => interruption.abort(new SaturnnError('ERR_INTERRUPTED', 'Interrupted'));
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    for (const [index, training] of trainings.entries()) {
      if (readResult(join(folder, training.folder)) === null) {
        const own = { ...options, signal: interruption.signal };
        if (signal?.aborted || !(await trainOne(own, training, index))) return false;
        onEvent?.({ event: 'ended', index, record: readTraining(folder, training) });
      }
      tidy(join(folder, training.folder));
    }
    return true;
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

/**
 * Reads the state of a training from its folder, which need not exist.
 * @param folder the common folder of the list
 * @param training an entry of the list; `make` is not needed
 * @throws ERR_CHECKPOINT if files are damaged
 */
export function readTraining(folder: string, training: Omit<LabelledTraining, 'make'>): TrainingRecord {
  checkArgument('folder', pathField, folder);
  const { label, settings, epochs: of } = checkArgument('training', recordedField, training);
  const path = join(folder, training.folder);
  const ended = readResult(path);
  const result = ended?.result ?? null;
  const epochs = (ended?.epochs ?? readEpochs(path)).filter(({ complete }) => complete);
  return {
    label,
    folder: training.folder,
    settings,
    epochs,
    result,
    status: statusOf(path, result, epochs.length, of),
  };
}

function statusOf(path: string, result: TrainingResult | null, epochs: number, of: number): Status {
  if (result?.failure) return { kind: 'diverged', ...result.failure };
  if (result) return { kind: isStuck(result.last?.trainAccuracy ?? 0, result.chance) ? 'stuck' : 'done' };
  return existsSync(join(path, 'config.json')) ? { kind: 'running', epochs, of } : { kind: 'missing' };
}

/** Minutes between checkpoints by default: a training that is cut off loses no more. */
export const defaultCheckpointMinutes = 1;

/** Runs or resumes one training. @returns whether it has ended */
async function trainOne(options: TrainingsOptions, training: LabelledTraining, index: number): Promise<boolean> {
  const {
    data,
    device,
    signal,
    onEvent,
    checkpointMinutes = defaultCheckpointMinutes,
    evaluateTrain = true,
    keepWeights = true,
  } = options;
  const { train, test, statistics, mode } = data;
  const path = join(options.folder, training.folder);
  const outcome = await runTraining({
    ...training.make(),
    ...{ train, test, statistics, data: mode, device, evaluateTrain },
    folder: path,
    resume: 'auto',
    length: { totalEpochs: training.epochs },
    // Results are those of the last epoch, so the best weights are not kept. The last weights are written at the end.
    checkpoints: { everyEpochs: 0, everyMinutes: checkpointMinutes, best: null },
    results: keepWeights ? 'weights' : 'none',
    describe: () => ({
      config: {
        settings: training.settings,
        node: process.versions.node,
        device: device.name,
        deviceInfo: device.info,
      },
    }),
    watch(begin) {
      onEvent?.({ event: 'begin', index, training, begin });
      return {
        signal,
        show: (detail) => onEvent?.({ event: 'step', index, training, detail }),
        stop: () => onEvent?.({ event: 'pause', index, training }),
      };
    },
  });
  const { ending, step, failure, evaluatedTrain } = outcome;
  if (ending === 'interrupted') return false;
  const epochs = outcome.epochs.filter(({ complete }) => complete);
  const result: TrainingResult = {
    ending,
    steps: step,
    failure: failure && { step: step + 1, message: failure.message },
    last: epochs.at(-1) ?? null,
    best: epochs.reduce<EpochEvent | null>((a, b) => (a && a.testAccuracy! >= b.testAccuracy! ? a : b), null),
    evaluatedTrain,
    chance: chanceOf(train),
    seconds: epochs.reduce((sum, { imagesPerSecond }) => sum + train.count / imagesPerSecond, 0),
  };
  writeResult(path, result, epochs);
  return true;
}

/** Checks that a folder holds no training with other settings. @throws ERR_CHECKPOINT, naming the first that differs */
function checkSettings(path: string, settings: Settings): void {
  const config = readStored(join(path, 'config.json'), { settings: object });
  if (config === null) return;
  // Compared as JSON, which leaves undefined values out.
  const difference = firstDifference(config.settings as Settings, JSON.parse(JSON.stringify(settings)));
  if (difference === null) return;
  const message = `${path} holds a training with other settings: ${difference}. Choose another folder`;
  throw new SaturnnError('ERR_CHECKPOINT', message);
}

/** Removes what a training that has ended does not need: its checkpoints, which are its largest files, and what a kill left. */
function tidy(path: string): void {
  removeTemporaries(path);
  for (const name of Object.values(checkpointNames)) rmSync(join(path, name), { force: true });
}
