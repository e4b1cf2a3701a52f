import { checkNumber } from '../errors';
import { custom, integer, number, optional, orNull } from '../options/field';
import { Options } from '../options/options';
import { type EpochEvent, hasMetric, isLoss, type Metric, metricField, metricFor } from './metric';
import { own } from './owner';
import { rateField, type Schedule } from './schedule';

/** Name of the metric that plateauRate() watches: a loss, which should fall, or an accuracy, which should rise. */
export type PlateauMetric = Metric;

/** Options of plateauRate(). */
export interface PlateauOptions {
  /** The first learning rate: 0 to 1e6. */
  rate: number;
  /** Factor on the rate when it is lowered: 0 to 1, default 0.1. */
  factor?: number;
  /**
   * The number of epochs (for a metric of the test set: of its evaluations) without improvement that are tolerated; the next one lowers
   * the rate. At least 0, default 10.
   */
  patience?: number;
  /** The metric to watch; default 'testLoss', or 'trainLoss' in a training without a test set. */
  metric?: PlateauMetric;
  /** Lowest rate: 0 to `rate`, default 0. */
  minimum?: number;
  /** Smallest improvement that counts, relative to the best value so far: 0 to 1, default 1e-4. */
  threshold?: number;
}

const usualMetric: Metric = 'testLoss';

const plateauOptions = new Options<PlateauOptions>('plateauRate()', {
  rate: rateField,
  factor: optional(number([0, 1])),
  patience: optional(integer(0)),
  metric: optional(metricField),
  minimum: optional(rateField),
  threshold: optional(number([0, 1])),
});

interface PlateauState {
  readonly rate: number;
  /** Best value of the metric so far. Null: none yet. */
  readonly best: number | null;
  /** The number of epochs since the last improvement, or since the rate was lowered. */
  readonly waited: number;
}

/**
 * Makes a schedule that lowers the rate when a metric stops improving, like PyTorch's ReduceLROnPlateau with a relative
 * threshold. A metric that is not a finite number counts as no improvement; epochs without the metric do not count. It belongs to one Trainer at a time: for another one,
 * after the first was disposed of, it begins anew with the first rate.
 * @throws ERR_INVALID_ARGUMENT
 */
export function plateauRate(options: PlateauOptions): Schedule {
  const {
    rate,
    factor = 0.1,
    patience = 10,
    metric: chosen,
    minimum = 0,
    threshold = 1e-4,
  } = plateauOptions.check(options);
  checkNumber('minimum', minimum, 0, rate);
  const initial: PlateauState = { rate, best: null, waited: 0 };
  let state = initial;
  let metric = metricFor('plateauRate()', chosen, usualMetric);

  const improves = (value: unknown, best: number | null): value is number => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return false;
    if (best === null) return true;
    return isLoss(metric) ? value < best * (1 - threshold) : value > best * (1 + threshold);
  };

  const schedule: Schedule = {
    name: 'plateau',
    get settings() {
      return { rate, factor, patience, metric, minimum, threshold };
    },
    at: () => state.rate,
    begin(owner) {
      // Two warm-ups of one plateau are two schedules for their Trainers, but share this state.
      own('Schedule "plateau"', schedule, owner);
      metric = metricFor('plateauRate()', chosen, usualMetric, owner);
      state = initial;
    },
    observe(epoch: EpochEvent) {
      if (!hasMetric(metric, epoch)) return;
      const value = epoch[metric];
      if (improves(value, state.best)) state = { ...state, best: value, waited: 0 };
      else if (state.waited < patience) state = { ...state, waited: state.waited + 1 };
      else state = { ...state, rate: Math.max(state.rate * factor, minimum), waited: 0 };
    },
    save: () => ({ ...state }),
    restore(saved) {
      state = savedState.check(saved, 'a saved plateau');
    },
  };
  return schedule;
}

const savedState = new Options<PlateauState>(
  'a saved plateau',
  { rate: rateField, best: orNull(custom('a number', Number.isFinite)), waited: integer(0) },
  { argument: 'state' },
);
