/** Schedules that are pure functions of the step. */
import { checkInteger, checkNumber, checkOptions, invalid } from '../errors';
import { checkRate, checkSpan, type RunLength, type Schedule, type Span, stepsOf } from './schedule';

export interface StepRateOptions {
  /** Before the first milestone. */
  rate: number;
  /** Increasing: in step or epoch number m, from 0, the rate is multiplied with `factor`. */
  milestones: readonly number[];
  /** What milestones count; default 'epochs'. */
  unit?: 'epochs' | 'steps';
  /** 0 to 1; default 0.1. */
  factor?: number;
}

/** rate factor^(milestones reached): PyTorch's MultiStepLR. @throws ERR_INVALID_ARGUMENT */
export function stepRate(options: StepRateOptions): Schedule {
  const { rate, milestones, unit = 'epochs', factor = 0.1 } = checkOptions('{ rate, milestones }', options);
  checkRate('learningRate', rate);
  checkNumber('factor', factor, 0, 1);
  if (unit !== 'epochs' && unit !== 'steps') throw invalid('unit', "'epochs' or 'steps'", unit);
  if (!Array.isArray(milestones) || milestones.length === 0)
    throw invalid('milestones', 'at least one number', milestones);
  const all = milestones.map((milestone, i) =>
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

export interface CosineRateOptions {
  /** In step 0. */
  rate: number;
  /** At the end; default 0. */
  minimum?: number;
}

/** minimum + (rate - minimum) (1 + cos(π step / totalSteps)) / 2 (1608.03983, without restarts). @throws ERR_INVALID_ARGUMENT */
export function cosineRate(options: CosineRateOptions): Schedule {
  const { rate, minimum = 0 } = checkOptions('{ rate }', options);
  checkRate('learningRate', rate);
  checkNumber('minimum', minimum, 0, rate);
  return {
    name: 'cosine',
    at: (step, { totalSteps }) => anneal(rate, minimum, step / totalSteps),
  };
}

export interface OneCycleRateOptions {
  /** The largest rate. */
  peak: number;
  /** Part of the run in which the rate rises: 0 to 1, default 0.3. */
  warmUpShare?: number;
  /** The first rate is peak / initialDivision; default 25. */
  initialDivision?: number;
  /** The last rate is the first / finalDivision; default 10,000. */
  finalDivision?: number;
}

/**
 * Up to `peak` and down again, both along a cosine (1708.07120, in PyTorch's form, OneCycleLR): peak in step
 * warmUpShare totalSteps - 1, the last rate in step totalSteps - 1.
 * @throws ERR_INVALID_ARGUMENT
 */
export function oneCycleRate(options: OneCycleRateOptions): Schedule {
  const { peak, warmUpShare = 0.3, initialDivision = 25, finalDivision = 1e4 } = checkOptions('{ peak }', options);
  checkRate('peak', peak);
  checkNumber('warmUpShare', warmUpShare, 0, 1);
  checkNumber('initialDivision', initialDivision, 1, 1e9);
  checkNumber('finalDivision', finalDivision, 1, 1e9);
  const first = peak / initialDivision;
  return {
    name: 'onecycle',
    at(step, { totalSteps }) {
      const top = warmUpShare * totalSteps - 1;
      // A share of less than one step: no rise.
      if (step <= top) return top > 0 ? anneal(first, peak, step / top) : peak;
      const begin = Math.max(top, 0);
      const length = totalSteps - 1 - begin;
      return anneal(peak, first / finalDivision, length > 0 ? (step - begin) / length : 1);
    },
  };
}

/** From `from` to `to` along half a cosine, and `to` beyond. */
function anneal(from: number, to: number, progress: number): number {
  if (progress >= 1) return to;
  return to + ((from - to) * (1 + Math.cos(Math.PI * progress))) / 2;
}

/**
 * Another schedule's rates, multiplied with (step + 1) / n in the first n steps: the last of these has the full rate. The other
 * schedule counts from step 0 all the same.
 * @throws ERR_INVALID_ARGUMENT
 */
export function warmUp(schedule: Schedule, span: Span): Schedule {
  if (typeof schedule?.at !== 'function') throw invalid('schedule', 'a Schedule', schedule);
  const checked = checkSpan('warm-up', span);
  const { observe, save, restore, settings } = schedule;
  return {
    name: schedule.name,
    at(step: number, length: RunLength) {
      const steps = stepsOf(checked, length);
      return schedule.at(step, length) * (step < steps ? (step + 1) / steps : 1);
    },
    ...(settings && { settings: { ...settings, warmUp: checked } }),
    ...(observe && { observe: observe.bind(schedule) }),
    ...(save && { save: save.bind(schedule) }),
    ...(restore && { restore: restore.bind(schedule) }),
  };
}
