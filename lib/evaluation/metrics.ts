/** The metrics of a training: what is measured beside the loss depends on what the network computes. */

/**
 * What a network computes: one class of each image, numbers (regression), or several labels of each image. The loss of its training
 * says which.
 */
export type MetricsKind = 'classes' | 'numbers' | 'labels';

/** A metric, for code that reads any of them. */
export interface MetricInfo {
  /** Networks that have it; "all": every network. */
  readonly kind: MetricsKind | 'all';
  readonly better: 'less' | 'more';
  /** Its name for people: "mean absolute error". */
  readonly words: string;
  /** Whether it is a fraction, 0 to 1, which people read in percent. */
  readonly isShare: boolean;
}

/** All metrics by name, in the order in which they are shown. The first of each kind is the one by which networks are told apart. */
export const metricTable = {
  loss: { kind: 'all', better: 'less', words: 'loss', isShare: false },
  accuracy: { kind: 'classes', better: 'more', words: 'accuracy', isShare: true },
  top5: { kind: 'classes', better: 'more', words: 'top-5 accuracy', isShare: true },
  meanAbsoluteError: { kind: 'numbers', better: 'less', words: 'mean absolute error', isShare: false },
  rootMeanSquaredError: { kind: 'numbers', better: 'less', words: 'root mean squared error', isShare: false },
  labelAccuracy: { kind: 'labels', better: 'more', words: 'right labels', isShare: true },
  exactMatch: { kind: 'labels', better: 'more', words: 'exact matches', isShare: true },
  microF1: { kind: 'labels', better: 'more', words: 'micro F1', isShare: true },
} as const satisfies Readonly<Record<string, MetricInfo>>;

/** Name of a metric, without the set that it was measured on. */
export type MetricName = keyof typeof metricTable;

/** Names of all metrics. */
export const metricNames = Object.keys(metricTable) as readonly MetricName[];

/** Returns the names of the metrics that a network of this kind has beside the loss. */
export const metricsOfKind = (kind: MetricsKind): readonly MetricName[] =>
  metricNames.filter((name) => metricTable[name].kind === kind);

/** Returns the metric, other than the loss, by which networks of this kind are told apart. */
export const mainMetric = (kind: MetricsKind): MetricName => metricsOfKind(kind)[0]!;

/** Returns a metric for people: a share in percent with two digits, another number with `digits`. */
export const metricText = (name: MetricName, value: number, digits = 4): string =>
  metricTable[name].isShare ? `${(100 * value).toFixed(2)} %` : value.toFixed(digits);

/** Metrics of some images: the loss, and those that the network has. */
export type Measured = { readonly loss: number } & { readonly [Name in MetricName]?: number };
