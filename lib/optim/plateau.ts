import { checkInteger, checkNumber, checkOptions, invalid } from '../errors';
import { checkMetric, type EpochEvent, isLoss, type Metric } from './metric';
import { checkRate, type Schedule } from './schedule';

/** What an epoch is judged by. */
export type PlateauMetric = Metric;

export interface PlateauOptions {
  /** The first rate. */
  rate: number;
  /** 0 to 1; default 0.1. */
  factor?: number;
  /** Epochs without improvement that are let pass; the next one lowers the rate. Default 10. */
  patience?: number;
  /** Default 'testLoss'. */
  metric?: PlateauMetric;
  /** The rate goes no lower; default 0. */
  minimum?: number;
  /** An improvement is one by more than this part of the best value so far; default 1e-4. */
  threshold?: number;
}

interface PlateauState {
  readonly rate: number;
  /** Null: no epoch yet. */
  readonly best: number | null;
  /** Epochs since the last improvement, or since the rate was lowered. */
  readonly waited: number;
}

/**
 * Lowers the rate when a metric has stopped improving: PyTorch's ReduceLROnPlateau with a relative threshold. A metric that is
 * not a finite number is no improvement.
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
  let state: PlateauState = { rate, best: null, waited: 0 };

  const improves = (value: unknown, best: number | null): value is number => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return false;
    if (best === null) return true;
    return isLoss(metric) ? value < best * (1 - threshold) : value > best * (1 + threshold);
  };

  return {
    name: 'plateau',
    settings: { rate, factor, patience, metric, minimum, threshold },
    at: () => state.rate,
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
}

function checkState(saved: unknown): PlateauState {
  const { rate, best, waited } = checkOptions('what save() of a plateau gave', saved as PlateauState);
  checkRate('rate of a saved plateau', rate);
  if (best !== null && !Number.isFinite(best)) throw invalid('best of a saved plateau', 'a number or null', best);
  checkInteger('waited of a saved plateau', waited, 0);
  return { rate, best, waited };
}
