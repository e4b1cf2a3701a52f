import { invalid } from '../../errors';
import type { EpochEvent } from '../events';

/** What "best" is measured by. */
export type Metric = 'testAccuracy' | 'testLoss' | 'trainAccuracy' | 'trainLoss';
export const metrics: readonly Metric[] = ['testAccuracy', 'testLoss', 'trainAccuracy', 'trainLoss'];

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
  return metric.endsWith('Loss') ? value < best - minDelta : value > best + minDelta;
}
