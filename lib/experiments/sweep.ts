/** One training per slope of an activation and seed: how accuracy depends on the negative half (the paper's second question). */
import type { Device } from '../device';
import { checkInteger, checkOptions, invalid } from '../errors';
import { activationRow, formatActivation, parseActivation } from '../ops/activation';
import type { EpochEvent } from '../train/events';
import type { Settings } from '../train/run';
import { folderName, type Recipe, trainingOf } from './recipe';
import { describeStatus } from './status';
import {
  type LabelledTraining,
  readTraining,
  runTrainings,
  type TrainingData,
  type TrainingRecord,
  type TrainingsEvent,
} from './trainings';

/** Activations with one parameter a, and what they become at a = 1 where that is an activation of another name. */
const limits: Readonly<Record<string, string | null>> = { leakyTanh: 'tanh', leakyRelu: null, elu: null };

export interface SweepOptions {
  /** Everything is kept in it; called again with the same, sweep() completes what is missing. */
  folder: string;
  /** leakyTanh (default), leakyRelu or elu. */
  activation?: string;
  /** Slopes of the negative side; default 0, 0.1, 0.25, 0.4 and 0.5. leakyTanh is followed by tanh, its limit a = 1. */
  values?: readonly number[];
  /** Each value is trained with each; default 0. */
  seeds?: readonly number[];
  /** How all of them are trained. */
  recipe: Omit<Recipe, 'activation' | 'seed'>;
  data: TrainingData;
  /** What the data are, in JSON: a training in the folder must have had the same. */
  dataSettings?: Settings;
  device: Device;
  /** Interrupts: a checkpoint is written and sweep() returns. */
  signal?: AbortSignal;
  onEvent?: (event: TrainingsEvent) => void;
}

/** Over seeds. */
export interface Spread {
  readonly mean: number;
  /** Of the sample (n - 1); 0 for one seed. */
  readonly deviation: number;
}

export interface SweepEpoch {
  /** From 1. */
  readonly epoch: number;
  readonly train: Spread;
  readonly test: Spread;
}

/** Accuracies are fractions, of the trainings that did not diverge; of the training set while it is learned. */
export interface SweepRow {
  readonly a: number;
  /** "leakyTanh:0.25"; at the limit "tanh". */
  readonly activation: string;
  /** One per seed. */
  readonly trainings: readonly TrainingRecord[];
  /** After the last epoch; null: none has ended without diverging. */
  readonly train: Spread | null;
  readonly test: Spread | null;
  /** For people: "done", "stuck at chance", "2 of 3 diverged at step 7". */
  readonly status: string;
  /** Epochs that all of them have. */
  readonly epochs: readonly SweepEpoch[];
}

export interface SweepResult {
  readonly activation: string;
  readonly rows: readonly SweepRow[];
  /** Whether every training has ended. */
  readonly complete: boolean;
}

interface Point {
  readonly a: number;
  readonly activation: string;
}

/**
 * Trains what the folder does not have yet.
 * @returns what it has then: all of it, unless the signal came first
 * @throws ERR_INVALID_ARGUMENT; ERR_CHECKPOINT if the folder holds trainings with other settings; what training throws
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  checkOptions('{ folder, recipe, data, device }', options);
  const { folder, data, device, signal, onEvent } = options;
  const trainings = pointsOf(options).flatMap((point) => trainingsOf(options, point));
  // Seed by seed: the first curve over a is there before its deviations.
  const bySeed = seedsOf(options).flatMap((seed) => trainings.filter(({ settings }) => settings.seed === seed));
  await runTrainings({ folder, trainings: bySeed, data, device, signal, onEvent, evaluateTrain: false });
  return readSweep(options);
}

/** What the folder has. @throws ERR_INVALID_ARGUMENT; ERR_CHECKPOINT for files that are damaged */
export function readSweep(options: SweepOptions): SweepResult {
  const rows = pointsOf(options).map((point) => {
    const records = trainingsOf(options, point).map((training) => readTraining(options.folder, training));
    return rowOf(point, records);
  });
  const complete = rows.every(({ trainings }) => trainings.every(({ result }) => result !== null));
  return { activation: options.activation ?? defaultActivation, rows, complete };
}

const defaultActivation = 'leakyTanh';
const defaultValues = [0, 0.1, 0.25, 0.4, 0.5];

/** In order of a, the limit last. */
function pointsOf({ activation = defaultActivation, values = defaultValues }: SweepOptions): Point[] {
  const limit = Object.hasOwn(limits, activation) ? limits[activation] : undefined;
  if (limit === undefined)
    throw invalid('activation', `one with a slope: ${Object.keys(limits).join(', ')},`, activation);
  const unique = new Set(values);
  if (!Array.isArray(values) || values.length === 0 || unique.size < values.length)
    throw invalid('values', 'slopes that differ', values);
  const { minimum, maximum } = activationRow(activation).slope!;
  const points = [...unique].map((a) => {
    if (typeof a !== 'number' || !(a >= minimum && a <= maximum))
      throw invalid('values', `slopes of ${activation}, from ${minimum} to ${maximum},`, a);
    return { a, activation: formatActivation(parseActivation(`${activation}:${a}`)) };
  });
  return [...points.sort((x, y) => x.a - y.a), ...(limit ? [{ a: 1, activation: limit }] : [])];
}

function seedsOf({ seeds = [0] }: SweepOptions): readonly number[] {
  if (!Array.isArray(seeds) || seeds.length === 0 || new Set(seeds).size < seeds.length)
    throw invalid('seeds', 'integers that differ', seeds);
  return seeds.map((seed) => checkInteger('seeds', seed, 0, 2 ** 31 - 1));
}

function trainingsOf(options: SweepOptions, { activation }: Point): LabelledTraining[] {
  const { recipe, data, dataSettings } = options;
  return seedsOf(options).map((seed) => {
    const folder = folderName(`${activation}-seed${seed}`);
    const training = trainingOf(
      `${activation}, seed ${seed}`,
      folder,
      { ...recipe, activation, seed },
      data.train.classes,
    );
    return dataSettings ? { ...training, settings: { ...training.settings, data: dataSettings } } : training;
  });
}

function rowOf({ a, activation }: Point, trainings: readonly TrainingRecord[]): SweepRow {
  const ended = trainings.filter(({ status: { kind } }) => kind === 'done' || kind === 'stuck');
  // A curve is drawn while it grows, but never of those that diverge later.
  const sound = trainings.filter(({ status: { kind } }) => kind !== 'diverged' && kind !== 'missing');
  const last = ended.map(({ result }) => result!.last!).filter((epoch) => epoch !== null);
  return {
    ...{ a, activation, trainings },
    train: spreadOf(last.map(({ trainAccuracy }) => trainAccuracy)),
    test: spreadOf(last.map(({ testAccuracy }) => testAccuracy)),
    status: statusOf(trainings),
    epochs: epochsOf(sound.map(({ epochs }) => epochs)),
  };
}

function epochsOf(curves: readonly (readonly EpochEvent[])[]): SweepEpoch[] {
  const length = curves.length === 0 ? 0 : Math.min(...curves.map((epochs) => epochs.length));
  return Array.from({ length }, (_, index) => ({
    epoch: curves[0]![index]!.epoch,
    train: spreadOf(curves.map((epochs) => epochs[index]!.trainAccuracy))!,
    test: spreadOf(curves.map((epochs) => epochs[index]!.testAccuracy))!,
  }));
}

function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length === 1 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

function statusOf(trainings: readonly TrainingRecord[]): string {
  const counts = new Map<string, number>();
  for (const { status } of trainings) {
    const text = describeStatus(status);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const of = (count: number) => (trainings.length === 1 || counts.size === 1 ? '' : `${count} of ${trainings.length} `);
  return [...counts].map(([text, count]) => `${of(count)}${text}`).join(', ');
}
