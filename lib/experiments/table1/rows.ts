/** The rows of Table 1, from what the folders of its trainings say. */
import { type PaperResult, paperResultOf } from '../paper';
import type { RateChoice, Search } from '../rates';
import { describeStatus } from '../status';
import type { TrainingRecord } from '../trainings';

/** Over seeds. */
export interface Spread {
  readonly mean: number;
  /** Standard deviation of the seeds (n - 1); null for one. */
  readonly deviation: number | null;
  readonly count: number;
}

/**
 * Accuracies are fractions, over the seeds that have ended with finite numbers, or, while there are none, over what those
 * under way have reached.
 */
export interface Table1Row {
  readonly activation: string;
  /** Null: the search for it has not ended. */
  readonly rate: RateChoice | null;
  /**
   * In the last epoch: mean over its augmented images, each as the network was when it saw it. So the authors' framework
   * (MXNet) measures what it prints as train accuracy, and the paper reports.
   */
  readonly train: Spread | null;
  /** After the last epoch, centre crops. */
  readonly test: Spread | null;
  /** The training set measured as the test set is: centre crops, the weights of the end. */
  readonly evaluatedTrain: Spread | null;
  /** Of the epoch in which it was best: chosen by the test set, so not the figure to compare. */
  readonly bestTest: Spread | null;
  readonly paper: PaperResult | null;
  /** In words. */
  readonly status: string;
  /** Whether every seed has ended. */
  readonly ended: boolean;
  /** Of training, all seeds together. */
  readonly seconds: number;
  readonly runs: readonly TrainingRecord[];
}

export function spreadOf(values: readonly number[]): Spread | null {
  const { length: count } = values;
  if (count === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : null, count };
}

/** @param runs one per seed. @param search null where nothing is searched */
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
    train: spreadOf(last.map(({ trainAccuracy }) => trainAccuracy)),
    test: spreadOf(last.map(({ testAccuracy }) => testAccuracy)),
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

/** What became of the seeds, and whether the paper saw the same. */
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
