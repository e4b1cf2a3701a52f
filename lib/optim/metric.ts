/** The metrics of an epoch, which schedules, early stopping and checkpoints read. */
import { SaturnnError } from '../errors';
import {
  type Measured,
  type MetricName,
  type MetricsKind,
  metricNames,
  metricsOfKind,
  metricTable,
} from '../evaluation/metrics';
import { type Field, listing, oneOf } from '../options/field';
import type { Owner } from './owner';

/** Names of the metrics by which epochs can be compared, without the set that they were measured on. */
type Compared = Exclude<MetricName, 'top5'>;

/**
 * The metrics of networks that compute no classes. meanAbsoluteError and rootMeanSquaredError: distances of the outputs to their
 * targets. labelAccuracy, exactMatch and microF1: of several labels per image, the share of labels that are right, the share of
 * images whose labels all are, and the F1 of all labels together; a label is guessed if its probability is above 1/2. test: of the
 * test set, as testLoss; train: of the training's images, as trainLoss.
 */
export type OtherMetrics = {
  readonly [M in Exclude<Metric, 'testAccuracy' | 'testLoss' | 'trainAccuracy' | 'trainLoss'>]?: number;
};

/**
 * The event after each epoch, after an evaluation of the test set within one (TrainerOptions.evaluateEvery), and at the end of a fit()
 * that ends within one. Accuracies are fractions, 0 to 1.
 */
export interface EpochEvent extends OtherMetrics {
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
  /** Fraction of the same images whose label is the best guess. Absent, as the other accuracies, if the network computes no classes. */
  readonly trainAccuracy?: number;
  /**
   * Mean loss (usually cross-entropy in nats; without label smoothing and weights) over the whole test set after the epoch: centre crops, and the
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
 * Name of a metric of EpochEvent by which epochs are compared: "testAccuracy", "testLoss", "trainAccuracy", "trainLoss", or one of
 * OtherMetrics. Of losses and errors less is better, of all others more.
 */
export type Metric =
  `${'test' | 'train'}${'Accuracy' | 'Loss' | 'MeanAbsoluteError' | 'RootMeanSquaredError' | 'LabelAccuracy' | 'ExactMatch' | 'MicroF1'}`;

const capitalized = (name: string): string => `${name[0]!.toUpperCase()}${name.slice(1)}`;

/** Returns metrics with the names that they have in an EpochEvent. */
export const ofSet = (set: 'train' | 'test', measured: Measured): Partial<EpochEvent> =>
  Object.fromEntries(Object.entries(measured).map(([name, value]) => [`${set}${capitalized(name)}`, value]));

/** Returns a metric of an epoch; undefined if the epoch does not have it. */
export const metricIn = (event: Partial<EpochEvent>, set: 'train' | 'test', name: MetricName): number | undefined =>
  event[`${set}${capitalized(name)}` as Metric];

/** Returns an event without the metrics of a test set. */
export function withoutTest(event: EpochEvent): EpochEvent {
  const isTest = (key: string) => key === 'evaluated' || /^test[A-Z]/.test(key);
  return Object.fromEntries(Object.entries(event).filter(([key]) => !isTest(key))) as unknown as EpochEvent;
}

/** The usual ones first. */
const compared: readonly Compared[] = [
  ...(['accuracy', 'loss'] as const),
  ...metricNames.filter((name) => name !== 'accuracy' && name !== 'loss' && name !== 'top5'),
];

/** Returns the name of a metric without its set. */
const nameOf = (metric: Metric): Compared =>
  compared.find((name) => metric.slice(metric.startsWith('test') ? 4 : 5) === capitalized(name))!;

/** All metrics. */
export const metrics = (['test', 'train'] as const).flatMap((set) =>
  compared.map((name) => `${set}${capitalized(name)}` as Metric),
);

/** Whether less of a metric is better. */
export const isLoss = (metric: Metric): boolean => metricTable[nameOf(metric)].better === 'less';

/** Returns the metric of the training set that takes the place of one of the test set. */
const ofTraining = (metric: Metric): Metric => metric.replace(/^test/, 'train') as Metric;

/**
 * Returns the metric by which something compares the epochs of a training: the chosen one; if none was chosen, the usual one or, in a
 * training without a test set, the same of the training set; the loss, if the network is not measured by the usual one.
 * @param who the schedule or callback, for the message
 * @throws ERR_INVALID_ARGUMENT if the chosen metric is one of the test set, and there is none, or if the network does not have it
 */
export function metricFor(
  who: string,
  chosen: Metric | undefined,
  usual: Metric,
  { hasTest = true, kind }: Pick<Owner, 'hasTest' | 'kind'> = {},
): Metric {
  const metric = chosen ?? (hasMetricOf(kind, usual) ? usual : 'testLoss');
  if (!hasMetricOf(kind, metric)) {
    const has = metrics.filter((one) => hasMetricOf(kind, one) && (hasTest || one === ofTraining(one)));
    const message = `${who} compares epochs by ${metric}, but a training with this loss has ${listing(has)}`;
    throw new SaturnnError('ERR_INVALID_ARGUMENT', message);
  }
  if (hasTest || metric === ofTraining(metric)) return metric;
  if (chosen === undefined) return ofTraining(metric);
  const message = `${who} compares epochs by ${metric}, but the Trainer has no test set: give it one (test), or choose ${ofTraining(metric)}`;
  throw new SaturnnError('ERR_INVALID_ARGUMENT', message);
}

/** Whether networks of this kind are measured by a metric; true if the kind is not known. */
function hasMetricOf(kind: MetricsKind | undefined, metric: Metric): boolean {
  const name = nameOf(metric);
  return kind === undefined || name === 'loss' || metricsOfKind(kind).includes(name);
}

/** Whether an evaluation was due, and did not take place only because fit() ended. */
export const isScheduled = ({ scheduled, complete }: EpochEvent): boolean => scheduled ?? complete;

/** Whether an epoch has a metric by which it can be compared with others: those of the training set only if it is complete. */
export const hasMetric = (metric: Metric, event: EpochEvent): boolean =>
  event[metric] !== undefined && (metric === ofTraining(metric) ? event.complete : isScheduled(event)) !== false;

/** Writes a metric of an epoch for people: its name, and the set if it is a validation set, which the name does not say. */
export const metricText = (metric: Metric, { evaluated }: EpochEvent): string =>
  evaluated && metric !== ofTraining(metric) ? `${metric} (of the ${evaluated} set)` : metric;

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
