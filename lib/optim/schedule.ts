/**
 * The learning rate of every step. A pure function of the step, so that a resumed run goes on exactly; what depends on
 * metrics (plateau) keeps its state in plain JSON.
 */
import { checkInteger, checkNumber, checkOptions, invalid, type Range } from '../errors';
import type { EpochEvent } from './metric';

/** How long a run is, for schedules that end with it. */
export interface RunLength {
  readonly stepsPerEpoch: number;
  /** Of the whole run, steps before a resume included. */
  readonly totalSteps: number;
}

export interface Schedule {
  /** For messages and checkpoints, e.g. "cosine". */
  readonly name: string;
  /** Learning rate of step `step`, from 0. */
  at(step: number, length: RunLength): number;
  /** What a resumed run must have in common, as JSON, where the rates depend on what was observed. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Told of every epoch's metrics as soon as they are known. */
  observe?(epoch: EpochEvent): void;
  /** What `observe` has changed, as JSON, and back again: for checkpoints. */
  save?(): unknown;
  /** @see save */
  restore?(saved: unknown): void;
}

/** Limits of every learning rate. */
export const learningRateRange: Range = [0, 1e6];

/** A learning rate that an argument gives. @throws ERR_INVALID_ARGUMENT: NaN, infinite, negative */
export const checkRate = (argument: string, rate: unknown): number => checkNumber(argument, rate, ...learningRateRange);

/** A number of steps, or of epochs. */
export interface Span {
  steps?: number;
  epochs?: number;
}

/** @throws ERR_INVALID_ARGUMENT unless it is one of the two, positive */
export function checkSpan(argument: string, span: Span): Span {
  const { steps, epochs } = checkOptions('{ steps } or { epochs }', span);
  if ((steps === undefined) === (epochs === undefined))
    throw invalid(argument, 'one of { steps } and { epochs }', steps === undefined ? 'neither' : 'both');
  if (steps !== undefined) return { steps: checkInteger(`steps of ${argument}`, steps, 1) };
  if (!(Number.isFinite(epochs) && (epochs as number) > 0))
    throw invalid(`epochs of ${argument}`, 'a positive number', epochs);
  return { epochs };
}

/** In steps; parts of an epoch are rounded to whole ones. */
export const stepsOf = ({ steps, epochs = 0 }: Span, { stepsPerEpoch }: RunLength): number =>
  steps ?? Math.round(epochs * stepsPerEpoch);

/** The same rate in every step. */
export function constantRate(rate: number): Schedule {
  checkRate('learningRate', rate);
  return { name: 'constant', at: () => rate };
}
