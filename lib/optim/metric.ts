/** The metrics of an epoch, which schedules, early stopping and checkpoints read. */
import { SaturnnError } from '../errors';
import { type Field, oneOf } from '../options/field';
import type { Owner } from './owner';

/**
 * The event after each epoch, after an evaluation of the test set within one (TrainerOptions.evaluateEvery), and at the end of a fit()
 * that ends within one. Accuracies are fractions, 0 to 1.
 */
export interface EpochEvent {
  readonly event: 'epoch';
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** Whether the epoch is complete. False: the test set was evaluated within it, or fit() ended there. */
  readonly complete: boolean;
  /**
   * Whether this evaluation was due by TrainerOptions.evaluateEvery. False: it took place because fit() ended. Absent: as `complete`.
   */
  readonly scheduled?: boolean;
  /**
   * Mean loss over the epoch's augmented images so far, each measured in the training step that used it; with label smoothing if
   * it is used.
   */
  readonly trainLoss: number;
  /** Fraction of the same images whose label is the best guess. */
  readonly trainAccuracy: number;
  /**
   * Mean loss (cross-entropy in nats, without label smoothing) over the whole test set after the epoch: centre crops, and the
   * average of the weights if the optimizer keeps one. Absent, as the next two, if there is no test set, or if
   * its evaluation was not due.
   */
  readonly testLoss?: number;
  /** Fraction of the test images whose label is the best guess. */
  readonly testAccuracy?: number;
  /** Fraction of the test images whose label is among the five best guesses. */
  readonly testTop5?: number;
  /** Says that these three were measured on a validation set. Absent: on a test set, or not at all. */
  readonly evaluated?: 'validation';
  /** Learning rate of the epoch's last step. */
  readonly learningRate: number;
  /** Training images per second, evaluation not counted. */
  readonly imagesPerSecond: number;
}

/**
 * Name of a metric of EpochEvent by which epochs are compared: "testAccuracy", "testLoss", "trainAccuracy" or "trainLoss". A
 * higher accuracy and a lower loss are better.
 */
export type Metric = 'testAccuracy' | 'testLoss' | 'trainAccuracy' | 'trainLoss';

/** Whether less or more is better, by metric. */
const directions: Readonly<Record<Metric, 'less' | 'more'>> = {
  testAccuracy: 'more',
  testLoss: 'less',
  trainAccuracy: 'more',
  trainLoss: 'less',
};

/** All metrics. */
export const metrics = Object.keys(directions) as readonly Metric[];

/** Whether less of a metric is better. */
export const isLoss = (metric: Metric): boolean => directions[metric] === 'less';

/** The metric of the training set that takes the place of one of the test set. */
const ofTraining: Readonly<Record<Metric, Metric>> = {
  testAccuracy: 'trainAccuracy',
  testLoss: 'trainLoss',
  trainAccuracy: 'trainAccuracy',
  trainLoss: 'trainLoss',
};

/**
 * Returns the metric by which something compares the epochs of a training: the chosen one; if none was chosen, the usual one or, in a
 * training without a test set, the same of the training set.
 * @param who the schedule or callback, for the message
 * @throws ERR_INVALID_ARGUMENT if the chosen metric is one of the test set, and there is none
 */
export function metricFor(
  who: string,
  chosen: Metric | undefined,
  usual: Metric,
  { hasTest = true }: Pick<Owner, 'hasTest'> = {},
): Metric {
  const metric = chosen ?? usual;
  if (hasTest || metric === ofTraining[metric]) return metric;
  if (chosen === undefined) return ofTraining[metric];
  const message = `${who} compares epochs by ${metric}, but the Trainer has no test set: give it one (test), or choose ${ofTraining[metric]}`;
  throw new SaturnnError('ERR_INVALID_ARGUMENT', message);
}

/** Whether an evaluation was due, and did not take place only because fit() ended. */
export const isScheduled = ({ scheduled, complete }: EpochEvent): boolean => scheduled ?? complete;

/** Whether an epoch has a metric by which it can be compared with others: those of the training set only if it is complete. */
export const hasMetric = (metric: Metric, event: EpochEvent): boolean =>
  event[metric] !== undefined && (metric === ofTraining[metric] ? event.complete : isScheduled(event)) !== false;

/** Writes a metric of an epoch for people: its name, and the set if it is a validation set, which the name does not say. */
export const metricText = (metric: Metric, { evaluated }: EpochEvent): string =>
  evaluated && metric !== ofTraining[metric] ? `${metric} (of the ${evaluated} set)` : metric;

/** Accepts the name of a metric. */
export const metricField: Field<Metric> = oneOf(metrics);

/**
 * Whether an epoch's metric is better than `best`, that of the best epoch so far (null: there is none), by more than `minDelta`.
 * False if it is absent, NaN or infinite.
 */
export function isBetter(metric: Metric, event: EpochEvent, best: number | null, minDelta = 0): boolean {
  const value = event[metric];
  if (value === undefined || !Number.isFinite(value)) return false;
  if (best === null) return true;
  return isLoss(metric) ? value < best - minDelta : value > best + minDelta;
}
