/**
 * Many trainings, one after the other, each in a folder of its own, that can be cut off at any moment: called again with the
 * same list, those that have ended are left alone, the one that was under way goes on, the others follow.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSource } from '../data/source';
import type { StatisticsOptions } from '../data/statistics';
import { SaturnnError } from '../errors';
import { writeAtomically } from '../files/durable';
import type { Device } from '../runtime/device';
import { checkpointNames } from '../train/callbacks';
import { firstDifference } from '../train/checkpoint/checkpointInfo';
import type { EpochEvent, TrainEvent } from '../train/events';
import { readEpochs, type Settings } from '../train/runFolder';
import type { DataMode, Evaluation, TrainerOptions } from '../train/trainer';
import { runTraining, type TrainingBegin, type TrainingOptions } from '../train/training';
import { type Chance, chanceOf, isStuck, type Status } from './status';

/** One of the list. */
export interface LabelledTraining {
  /** For people: "tanh, seed 0". */
  readonly label: string;
  /** Name of its folder. */
  readonly folder: string;
  readonly epochs: number;
  /** JSON: everything that its numbers depend on, beside data and machine. A training in the folder must have the same. */
  readonly settings: Settings;
  /** Called when it is its turn. */
  readonly make: () => TrainingParts;
}

export type TrainingParts = Pick<TrainingOptions, 'model' | 'optimizer' | 'schedule' | 'labelSmoothing' | 'prepare'> &
  Pick<TrainerOptions, 'batch' | 'seed' | 'precision' | 'deterministic' | 'autotune'>;

/** What all of them learn. Read once. */
export interface TrainingData {
  readonly train: ImageSource;
  readonly test: ImageSource;
  readonly statistics?: StatisticsOptions;
  readonly mode?: DataMode;
}

/** result.json: a training that has ended. Accuracies are fractions; a loss may be NaN (null in JSON). */
export interface TrainingResult {
  readonly ending: 'done' | 'nonFinite';
  /** Steps whose updates the weights have. */
  readonly steps: number;
  /** What the first step without was refused for; null: there is none. */
  readonly failure: { readonly step: number; readonly message: string } | null;
  /** The last complete epoch, and the one with the best test accuracy; null: there is none. */
  readonly last: EpochEvent | null;
  readonly best: EpochEvent | null;
  /** The training set measured as the test set is, after the last step; null unless it was asked for and the training is done. */
  readonly evaluatedTrain: Evaluation | null;
  readonly chance: Chance;
  /** Of training, evaluation not counted, over all pieces in which it ran. */
  readonly seconds: number;
}

/** What a folder says of a training. */
export interface TrainingRecord {
  readonly label: string;
  readonly folder: string;
  readonly settings: Settings;
  readonly status: Status;
  /** The complete ones. */
  readonly epochs: readonly EpochEvent[];
  /** Null: it has not ended. */
  readonly result: TrainingResult | null;
}

/** What happens, in order; `index` is the place in the list. */
export type TrainingsEvent =
  | {
      readonly event: 'begin';
      readonly index: number;
      readonly training: LabelledTraining;
      readonly begin: TrainingBegin;
    }
  | { readonly event: 'step'; readonly index: number; readonly training: LabelledTraining; readonly detail: TrainEvent }
  /** No more steps, for now at least. */
  | { readonly event: 'pause'; readonly index: number; readonly training: LabelledTraining }
  | { readonly event: 'ended'; readonly index: number; readonly record: TrainingRecord };

export interface TrainingsOptions {
  /** Theirs are made in it. */
  folder: string;
  trainings: readonly LabelledTraining[];
  data: TrainingData;
  device: Device;
  signal?: AbortSignal;
  /** Told of what happens, as it happens. */
  onEvent?: (event: TrainingsEvent) => void;
  /** Whether to measure the training set as the test set is measured, after each training; default true. */
  evaluateTrain?: boolean;
  /** Whether to keep the weights of each; default true. */
  keepWeights?: boolean;
  /** A checkpoint when the last one is so many minutes old; default 1. */
  checkpointMinutes?: number;
}

/** Trains what has not ended. @returns whether all have ended: false if the signal came before. @throws as runTraining() */
export async function runTrainings(options: TrainingsOptions): Promise<boolean> {
  const { trainings, folder, signal, onEvent } = options;
  for (const training of trainings) checkSettings(join(folder, training.folder), training.settings);
  // Whatever the reason of the signal: to a Trainer it must be this one.
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
      removeCheckpoints(join(folder, training.folder));
    }
    return true;
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

/** What is in a training's folder, below `folder`. @throws ERR_CHECKPOINT for files that are damaged */
export function readTraining(folder: string, training: Omit<LabelledTraining, 'make'>): TrainingRecord {
  const { label, settings, epochs: of } = training;
  const path = join(folder, training.folder);
  const epochs = readEpochs(path).filter(({ complete }) => complete);
  const result = readResult(path);
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

/** @returns whether it has ended */
async function trainOne(options: TrainingsOptions, training: LabelledTraining, index: number): Promise<boolean> {
  const { data, device, signal, onEvent, checkpointMinutes = 1, evaluateTrain = true, keepWeights = true } = options;
  const { train, test, statistics, mode } = data;
  const path = join(options.folder, training.folder);
  const outcome = await runTraining({
    ...training.make(),
    ...{ train, test, statistics, data: mode, device, evaluateTrain },
    folder: path,
    resume: 'auto',
    length: { totalEpochs: training.epochs },
    // What is reported is the last epoch: no best weights. Those of the last are written when it has ended.
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
  const epochs = readEpochs(path).filter(({ complete }) => complete);
  const result: TrainingResult = {
    ending,
    steps: step,
    failure: failure && { step: step + 1, message: failure.message },
    last: epochs.at(-1) ?? null,
    best: epochs.reduce<EpochEvent | null>((a, b) => (a && a.testAccuracy >= b.testAccuracy ? a : b), null),
    evaluatedTrain,
    chance: chanceOf(train),
    seconds: epochs.reduce((sum, { imagesPerSecond }) => sum + train.count / imagesPerSecond, 0),
  };
  writeAtomically(join(path, resultName), `${JSON.stringify(result, null, 2)}\n`);
  return true;
}

const resultName = 'result.json';

function readResult(path: string): TrainingResult | null {
  const result = readJson(join(path, resultName)) as TrainingResult | null;
  if (result === null) return null;
  const { last, best, evaluatedTrain } = result;
  return { ...result, last: numbersOf(last), best: numbersOf(best), evaluatedTrain: numbersOf(evaluatedTrain) };
}

/** JSON has null for NaN. */
const numbersOf = <T extends object>(record: T | null): T | null =>
  record && (Object.fromEntries(Object.entries(record).map(([key, value]) => [key, value ?? Number.NaN])) as T);

/** Of a file that was written atomically; null if there is none. @throws ERR_CHECKPOINT */
export function readJson(path: string): unknown {
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SaturnnError('ERR_CHECKPOINT', `Cannot use ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws ERR_CHECKPOINT if there is a training in the folder that has other settings, naming the first that differs */
function checkSettings(path: string, settings: Settings): void {
  const config = readJson(join(path, 'config.json')) as { settings?: Settings } | null;
  if (config === null) return;
  // As JSON has them: without what is undefined.
  const difference = firstDifference(config.settings ?? {}, JSON.parse(JSON.stringify(settings)));
  if (difference === null) return;
  const message = `${path} holds a training with other settings: ${difference}. Choose another folder`;
  throw new SaturnnError('ERR_CHECKPOINT', message);
}

/** A training that has ended needs none: they are its largest files. */
function removeCheckpoints(path: string): void {
  for (const name of Object.values(checkpointNames)) rmSync(join(path, name), { force: true });
}
