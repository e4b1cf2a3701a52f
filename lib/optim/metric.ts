/** The metrics of an epoch, which schedules, early stopping and checkpoints look at. */
import { invalid } from '../errors';

/** After each epoch, and at the end of a fit() that stops within one. Accuracies are fractions. */
export interface EpochEvent {
  readonly event: 'epoch';
  readonly epoch: number;
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** False: fit() ended within the epoch. */
  readonly complete: boolean;
  /** Means over the epoch's augmented images so far, each as the network was when it saw it. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  /** Over the whole test set, centre crops, after the epoch; with the average of the weights if there is one. */
  readonly testLoss: number;
  readonly testAccuracy: number;
  /** Of images whose label is among the five best guesses. */
  readonly testTop5: number;
  /** Of the epoch's last step. */
  readonly learningRate: number;
  /** Of training; evaluation is not counted. */
  readonly imagesPerSecond: number;
}

/** By metric: whether less or more of it is better. */
const directions = { testAccuracy: 'more', testLoss: 'less', trainAccuracy: 'more', trainLoss: 'less' } as const;

/** What "best" is measured by. */
export type Metric = keyof typeof directions;
export const metrics = Object.keys(directions) as readonly Metric[];

/** Whether less of a metric is better. */
export const isLoss = (metric: Metric): boolean => directions[metric] === 'less';

/** @throws ERR_INVALID_ARGUMENT */
export function checkMetric(metric: Metric): Metric {
  if (!metrics.includes(metric)) throw invalid('metric', metrics.join(', '), metric);
  return metric;
}

/** Whether an epoch is better than the best so far by more than `minDelta`. NaN and infinity never are. */
export function isBetter(metric: Metric, event: EpochEvent, best: number | null, minDelta = 0): boolean {
  const value = event[metric];
  if (!Number.isFinite(value)) return false;
  if (best === null) return true;
  return isLoss(metric) ? value < best - minDelta : value > best + minDelta;
}
