/** Rows of Table 1, made from the records of its trainings. */
import type { EvaluatedSet } from '../../data/source';
import { type PaperResult, paperResultOf } from '../paper';
import type { RateChoice, Search } from '../rates';
import { describeStatus } from '../status';
import type { TrainingRecord } from '../trainings';
import type { Table1Settings } from './settings';

/** Mean and spread of a value over seeds. */
export interface Spread {
  /** Mean over seeds. */
  readonly mean: number;
  /** Standard deviation over seeds, with n - 1 in the denominator; null for a single seed. */
  readonly deviation: number | null;
  /** Number of seeds. */
  readonly count: number;
}

/**
 * A row of Table 1: the results of one activation. Accuracies are from 0 to 1, over the seeds that have ended without
 * diverging or, while there are none, over the last complete epochs of the seeds that have begun; null if there are none.
 */
export interface Table1Row {
  /** Text as parseActivation() reads it: "leakyTanh:0.25". */
  readonly activation: string;
  /** Learning rate; null if the search for it has not ended. */
  readonly rate: RateChoice | null;
  /**
   * Training accuracy in the last epoch: the mean over its augmented images, measured while the network trains on them. The
   * authors' framework (MXNet) prints the same as train accuracy, and the paper reports it.
   */
  readonly train: Spread | null;
  /** The set of `test` and `bestTest`. */
  readonly evaluated: EvaluatedSet;
  /** Test accuracy (validation accuracy, if `evaluated` says so) after the last epoch, with centre crops. */
  readonly test: Spread | null;
  /** Accuracy of the final weights on the training set, with centre crops. Only from seeds that have ended. */
  readonly evaluatedTrain: Spread | null;
  /** Best test accuracy of any epoch. The test set chooses the epoch, so it must not be compared with other results. */
  readonly bestTest: Spread | null;
  /** The paper's result for this activation; null if it has none. */
  readonly paper: PaperResult | null;
  /** State of the seeds in words: "done", "1 done, 1 diverged at step 120". */
  readonly status: string;
  /** Whether every seed has ended. */
  readonly ended: boolean;
  /** Time of training in seconds, over all seeds that have ended, without evaluation. */
  readonly seconds: number;
  /** One training per seed, from seed 0 on. */
  readonly runs: readonly TrainingRecord[];
}

/** Result of table1(): the table of everything in the folder. */
export interface Table1 {
  /** Settings of all activations and seeds in the folder. */
  readonly settings: Table1Settings;
  /** Whether all trainings of all activations and seeds in the folder have ended. */
  readonly complete: boolean;
  /** Whether this call was stopped, by `signal` or `minutes`, before all trainings that it asked for had ended. */
  readonly interrupted: boolean;
  /** One row per activation, in the order of settings.activations. */
  readonly rows: readonly Table1Row[];
  /** The search of each activation; empty if learning rates are not searched for. */
  readonly searches: readonly Search[];
  /** Number of training images. */
  readonly trainImages: number;
  /** Number of test images. */
  readonly testImages: number;
  /** Training accuracy, 0 to 1, that a network must exceed to count as having learned something: learningThreshold(). */
  readonly threshold: number;
  /** Versions and machine of the process that made the table. Each training keeps its own in its folder. */
  readonly versions: Readonly<Record<string, unknown>>;
  /** The device of the process that made the table. */
  readonly device: Readonly<Record<string, unknown>>;
  /** Path of the folder. */
  readonly out: string;
  /** Path of report.html. */
  readonly report: string;
}

/** Returns mean and spread of values; null if there are none. */
export function spreadOf(values: readonly number[]): Spread | null {
  const { length: count } = values;
  if (count === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : null, count };
}

/**
 * Makes a row.
 * @param runs one training per seed
 * @param search null if rates are not searched for
 */
export function rowOf(
  activation: string,
  rate: RateChoice | null,
  runs: readonly TrainingRecord[],
  search: Search | null,
): Table1Row {
  const ended = runs.filter(({ status }) => status.kind === 'done' || status.kind === 'stuck');
  const counted = ended.length > 0 ? ended : runs.filter(({ status }) => status.kind === 'running');
  const last = counted.flatMap(({ epochs }) => epochs.slice(-1));
  const results = ended.flatMap(({ result }) => result ?? []);
  const paper = paperResultOf(activation);
  return {
    ...{ activation, rate, paper, runs },
    evaluated: last.find(({ evaluated }) => evaluated)?.evaluated ?? 'test',
    train: spreadOf(last.map(({ trainAccuracy }) => trainAccuracy!)),
    test: spreadOf(last.map(({ testAccuracy }) => testAccuracy!)),
    evaluatedTrain: spreadOf(results.flatMap(({ evaluatedTrain }) => evaluatedTrain?.accuracy ?? [])),
    bestTest: spreadOf(results.flatMap(({ best }) => best?.testAccuracy ?? [])),
    status: rate || !search ? inWords(runs, paper) : searching(search),
    ended: runs.every(({ result }) => result !== null),
    seconds: runs.reduce((sum, { result }) => sum + (result?.seconds ?? 0), 0),
  };
}

function searching({ trials }: Search): string {
  const done = trials.filter(({ status }) => status.kind !== 'missing' && status.kind !== 'running').length;
  return done === 0 ? 'missing' : `search: ${done}/${trials.length} rates`;
}

/** Describes the state of the seeds, and whether the paper reports the same. */
function inWords(runs: readonly TrainingRecord[], paper: PaperResult | null): string {
  const counts = new Map<string, number>();
  for (const { status } of runs) counts.set(describeStatus(status), (counts.get(describeStatus(status)) ?? 0) + 1);
  const words = [...counts].map(([text, count]) => (counts.size > 1 ? `${count} ${text}` : text)).join(', ');
  const kinds = new Set(runs.map(({ status }) => status.kind));
  const failed = kinds.has('stuck') || kinds.has('diverged');
  if (!paper || kinds.has('missing') || kinds.has('running')) return words;
  if (failed) return `${words}, ${paper.test === null ? 'as in the paper' : 'unlike in the paper'}`;
  return paper.test === null ? `${words}, unlike in the paper` : words;
}
