/** Schedules that are pure functions of the step. */
import { checkInteger, checkNumber, invalid } from '../errors';
import { anyArray, number, oneOf, optional } from '../options/field';
import { Options } from '../options/options';
import {
  checkSpan,
  isSchedule,
  type RunLength,
  rateField,
  type Schedule,
  type Span,
  scheduleField,
  stepsOf,
} from './schedule';

/** Options of stepRate(). */
export interface StepRateOptions {
  /** The learning rate before the first milestone: 0 to 1e6. */
  rate: number;
  /** Increasing positive integers: from step or epoch number m on, counted from 0, the rate is multiplied by `factor`. */
  milestones: readonly number[];
  /** Unit of the milestones; default 'epochs'. */
  unit?: 'epochs' | 'steps';
  /** Factor on the rate at each milestone: 0 to 1, default 0.1. */
  factor?: number;
}

const stepRateOptions = new Options<StepRateOptions>('stepRate()', {
  rate: rateField,
  milestones: anyArray<readonly number[]>('at least one number'),
  unit: optional(oneOf(['epochs', 'steps'], "'epochs' or 'steps'")),
  factor: optional(number([0, 1])),
});

/**
 * Makes a schedule that lowers the rate at milestones, like PyTorch's MultiStepLR: rate * factor^(number of milestones reached).
 * @throws ERR_INVALID_ARGUMENT
 */
export function stepRate(options: StepRateOptions): Schedule {
  const { rate, milestones, unit = 'epochs', factor = 0.1 } = stepRateOptions.check(options);
  if (milestones.length === 0) throw invalid('milestones', 'at least one number', milestones);
  const all = Array.from(milestones, (milestone, i) =>
    checkInteger(`milestones[${i}]`, milestone, (milestones[i - 1] ?? 0) + 1),
  );
  return {
    name: 'step',
    at(step, { stepsPerEpoch }) {
      const now = unit === 'epochs' ? step / stepsPerEpoch : step;
      return rate * factor ** all.filter((milestone) => milestone <= now).length;
    },
  };
}

/** Options of cosineRate(). */
export interface CosineRateOptions {
  /** The learning rate of step 0: 0 to 1e6. */
  rate: number;
  /** The learning rate that is approached at the end of the run: 0 to `rate`, default 0. */
  minimum?: number;
}

const cosineRateOptions = new Options<CosineRateOptions>('cosineRate()', {
  rate: rateField,
  minimum: optional(rateField),
});

/**
 * Makes a schedule that lowers the rate along half a cosine (Loshchilov and Hutter, arXiv:1608.03983, without restarts):
 * minimum + (rate - minimum) (1 + cos(π step / totalSteps)) / 2.
 * @throws ERR_INVALID_ARGUMENT
 */
export function cosineRate(options: CosineRateOptions): Schedule {
  const { rate, minimum = 0 } = cosineRateOptions.check(options);
  checkNumber('minimum', minimum, 0, rate);
  return {
    name: 'cosine',
    at: (step, { totalSteps }) => anneal(rate, minimum, step / totalSteps),
  };
}

/** Options of oneCycleRate(). */
export interface OneCycleRateOptions {
  /** The largest learning rate: 0 to 1e6. */
  peak: number;
  /** Share of the run in which the rate rises: 0 to 1, default 0.3. */
  warmUpShare?: number;
  /** The first rate is peak / initialDivision: 1 to 1e9, default 25. */
  initialDivision?: number;
  /** The last rate is the first rate / finalDivision: 1 to 1e9, default 10,000. */
  finalDivision?: number;
}

const division = optional(number([1, 1e9]));
const oneCycleRateOptions = new Options<OneCycleRateOptions>('oneCycleRate()', {
  peak: rateField,
  warmUpShare: optional(number([0, 1])),
  initialDivision: division,
  finalDivision: division,
});

/**
 * Makes a schedule that raises the rate to `peak` and lowers it again, both along half a cosine (Smith and Topin,
 * arXiv:1708.07120, in the form of PyTorch's OneCycleLR). The peak is in step warmUpShare * totalSteps - 1, the last rate in step
 * totalSteps - 1.
 * @throws ERR_INVALID_ARGUMENT
 */
export function oneCycleRate(options: OneCycleRateOptions): Schedule {
  const { peak, warmUpShare = 0.3, initialDivision = 25, finalDivision = 1e4 } = oneCycleRateOptions.check(options);
  const first = peak / initialDivision;
  return {
    name: 'onecycle',
    at(step, { totalSteps }) {
      const top = warmUpShare * totalSteps - 1;
      // If the share is less than one step, there is no rise.
      if (step <= top) return top > 0 ? anneal(first, peak, step / top) : peak;
      const begin = Math.max(top, 0);
      const length = totalSteps - 1 - begin;
      return anneal(peak, first / finalDivision, length > 0 ? (step - begin) / length : 1);
    },
  };
}

/** Returns the value at `progress` (0 to 1) on half a cosine from `from` to `to`; `to` beyond 1. */
function anneal(from: number, to: number, progress: number): number {
  if (progress >= 1) return to;
  return to + ((from - to) * (1 + Math.cos(Math.PI * progress))) / 2;
}

/**
 * Makes a schedule whose rates are those of another one, multiplied by (step + 1) / n in the first n steps, where n is `span` in
 * steps. The last of these steps has the full rate. The other schedule counts from step 0, not from the end of the warm-up.
 * @throws ERR_INVALID_ARGUMENT
 */
export function warmUp(schedule: Schedule, span: Span): Schedule {
  if (!isSchedule(schedule)) throw invalid('schedule', scheduleField.expected, schedule);
  const checked = checkSpan('warm-up', span);
  const { begin, observe, save, restore } = schedule;
  return {
    name: schedule.name,
    at(step: number, length: RunLength) {
      const steps = stepsOf(checked, length);
      return schedule.at(step, length) * (step < steps ? (step + 1) / steps : 1);
    },
    // Those of a plateau depend on the Trainer that it belongs to.
    get settings() {
      return schedule.settings && { ...schedule.settings, warmUp: checked };
    },
    ...(begin && { begin: begin.bind(schedule) }),
    ...(observe && { observe: observe.bind(schedule) }),
    ...(save && { save: save.bind(schedule) }),
    ...(restore && { restore: restore.bind(schedule) }),
  };
}
