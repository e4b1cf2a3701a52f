import { checkInteger, checkNumber, checkOptions, invalid } from '../errors';
import { checkMetric, type EpochEvent, isLoss, type Metric } from './metric';
import { own } from './owner';
import { checkRate, type Schedule } from './schedule';

/** Name of the metric that plateauRate() watches: a loss, which should fall, or an accuracy, which should rise. */
export type PlateauMetric = Metric;

/** Options of plateauRate(). */
export interface PlateauOptions {
  /** The first learning rate: 0 to 1e6. */
  rate: number;
  /** Factor on the rate when it is lowered: 0 to 1, default 0.1. */
  factor?: number;
  /** The number of epochs without improvement that are tolerated; the next one lowers the rate. At least 0, default 10. */
  patience?: number;
  /** The metric to watch; default 'testLoss'. */
  metric?: PlateauMetric;
  /** Lowest rate: 0 to `rate`, default 0. */
  minimum?: number;
  /** Smallest improvement that counts, relative to the best value so far: 0 to 1, default 1e-4. */
  threshold?: number;
}

interface PlateauState {
  readonly rate: number;
  /** Best value of the metric so far. Null: none yet. */
  readonly best: number | null;
  /** The number of epochs since the last improvement, or since the rate was lowered. */
  readonly waited: number;
}

/**
 * Makes a schedule that lowers the rate when a metric stops improving, like PyTorch's ReduceLROnPlateau with a relative
 * threshold. A metric that is not a finite number counts as no improvement. It belongs to one Trainer at a time: for another one,
 * after the first was disposed of, it begins anew with the first rate.
 * @throws ERR_INVALID_ARGUMENT
 */
export function plateauRate(options: PlateauOptions): Schedule {
  const {
    rate,
    factor = 0.1,
    patience = 10,
    metric = 'testLoss',
    minimum = 0,
    threshold = 1e-4,
  } = checkOptions('{ rate }', options);
  checkRate('learningRate', rate);
  checkNumber('factor', factor, 0, 1);
  checkInteger('patience', patience, 0);
  checkMetric(metric);
  checkNumber('minimum', minimum, 0, rate);
  checkNumber('threshold', threshold, 0, 1);
  const initial: PlateauState = { rate, best: null, waited: 0 };
  let state = initial;

  const improves = (value: unknown, best: number | null): value is number => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return false;
    if (best === null) return true;
    return isLoss(metric) ? value < best * (1 - threshold) : value > best * (1 + threshold);
  };

  const schedule: Schedule = {
    name: 'plateau',
    settings: { rate, factor, patience, metric, minimum, threshold },
    at: () => state.rate,
    begin(owner) {
      // Two warm-ups of one plateau are two schedules for their Trainers, but share this state.
      own('Schedule "plateau"', schedule, owner);
      state = initial;
    },
    observe(epoch: EpochEvent) {
      const value = epoch[metric];
      if (improves(value, state.best)) state = { ...state, best: value, waited: 0 };
      else if (state.waited < patience) state = { ...state, waited: state.waited + 1 };
      else state = { ...state, rate: Math.max(state.rate * factor, minimum), waited: 0 };
    },
    save: () => ({ ...state }),
    restore(saved) {
      state = checkState(saved);
    },
  };
  return schedule;
}

function checkState(saved: unknown): PlateauState {
  const { rate, best, waited } = checkOptions('the result of save() of a plateau', saved as PlateauState);
  checkRate('rate of a saved plateau', rate);
  if (best !== null && !Number.isFinite(best)) throw invalid('best of a saved plateau', 'a number or null', best);
  checkInteger('waited of a saved plateau', waited, 0);
  return { rate, best, waited };
}
