/**
 * The learning rate of every step. Schedules are pure functions of the step, so that a resumed run continues exactly; one that
 * depends on metrics (plateau) keeps its state as plain JSON.
 */
import { checkNumber, invalid, type Range } from '../errors';
import { custom, type Field, instance, integer, number, optional } from '../options/field';
import { Options } from '../options/options';
import { isCallback } from '../options/values';
import type { EpochEvent } from './metric';
import type { Owner } from './owner';

/** The length of a run, for schedules that depend on it. */
export interface RunLength {
  /** The number of steps of an epoch. */
  readonly stepsPerEpoch: number;
  /** The number of steps of the whole run, with those before a resume. */
  readonly totalSteps: number;
}

/** A schedule: the learning rate of every step. */
export interface Schedule {
  /** Name for messages and checkpoints, e.g. "cosine". */
  readonly name: string;
  /** Returns the learning rate, 0 to 1e6, of step number `step`, from 0. */
  at(step: number, length: RunLength): number;
  /** Settings, as JSON, that a resumed run must share, for a schedule that depends on observed metrics. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /**
   * Called by the constructor of the Trainer that it now belongs to: forgets what it remembers of an earlier training. Without it, a
   * schedule with save() or restore() is refused by a second Trainer (ERR_BUSY). While the first Trainer is not disposed of, a
   * second one refuses it in any case. A schedule with none of the three remembers nothing, and may belong to several Trainers.
   * @param owner the training, for a schedule that passes the call on to another one
   */
  begin?(owner: Owner): void;
  /**
   * Called with the event of every complete epoch, and of every evaluation within an epoch that was due (TrainerOptions.evaluateEvery
   * with steps; `complete` is then false).
   */
  observe?(epoch: EpochEvent): void;
  /** Returns the state that observe() has changed, as JSON, for a checkpoint. */
  save?(): unknown;
  /** Sets the state to a result of save(). */
  restore?(saved: unknown): void;
}

/** Limits of every learning rate. */
export const learningRateRange: Range = [0, 1e6];

/** Accepts a learning rate, 0 to 1e6. */
export const rateField: Field<number> = number(learningRateRange);

/** Whether a value has the members of a Schedule. */
export const isSchedule = (value: unknown): value is Schedule =>
  typeof value === 'object' && value !== null && isCallback((value as Schedule).at);

/** Accepts a Schedule. */
export const scheduleField: Field<Schedule> = instance<Schedule>('a Schedule such as cosineRate({ rate })', isSchedule);

/** Checks a learning rate, 0 to 1e6. @throws ERR_INVALID_ARGUMENT */
export const checkRate = (argument: string, rate: unknown): number => checkNumber(argument, rate, ...learningRateRange);

/** A length of time: a number of steps, or a number of epochs; exactly one of the two. */
export interface Span {
  /** A positive integer. */
  steps?: number;
  /** A positive number; parts of an epoch are allowed. */
  epochs?: number;
}

const spanOptions = new Options<Span>(
  'a span',
  {
    steps: optional(integer(1)),
    epochs: optional(custom('a positive number', (value) => Number.isFinite(value) && (value as number) > 0)),
  },
  { argument: 'value' },
);

/** Checks a Span. @throws ERR_INVALID_ARGUMENT unless it has exactly one of its fields, positive */
export function checkSpan(argument: string, span: Span): Span {
  const { steps, epochs } = spanOptions.check(span, argument);
  if ((steps === undefined) === (epochs === undefined))
    throw invalid(argument, 'one of { steps } and { epochs }', steps === undefined ? 'neither' : 'both');
  return steps === undefined ? { epochs } : { steps };
}

/** Returns a Span in steps, rounded to a whole number. */
export const stepsOf = ({ steps, epochs = 0 }: Span, { stepsPerEpoch }: RunLength): number =>
  steps ?? Math.round(epochs * stepsPerEpoch);

/** Makes a schedule with the same learning rate in every step. @throws ERR_INVALID_ARGUMENT unless it is 0 to 1e6 */
export function constantRate(rate: number): Schedule {
  checkRate('learningRate', rate);
  return { name: 'constant', at: () => rate };
}
