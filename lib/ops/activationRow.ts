/** The form of a row of the table in activations.ts, and how what a caller gives is checked against it. */
import { checkNumber, invalid } from '../errors';

/** An activation as a function of one variable, in double precision. */
export interface ActivationCurve {
  /** f(x). */
  value(x: number): number;
  /** f'(x); at a kink the slope of the side that x lies on, 0 counting as positive. */
  slope(x: number): number;
  /** Whether f' or f'' jumps at 0. */
  readonly kink: boolean;
}

/** One activation that is a function of x alone. */
export interface ActivationRow {
  /** Range and default of the slope; null: the activation has none. */
  readonly slope: { readonly minimum: number; readonly maximum: number; readonly default: number } | null;
  /** The function with slope `a`. */
  readonly curve: (a: number) => ActivationCurve;
}

/** The slope that an activation of this row has. @throws ERR_INVALID_ARGUMENT for one that is out of range, or not known */
export function checkSlope(kind: string, row: ActivationRow, slope: number | undefined): number {
  if (row.slope)
    return checkNumber(`slope of ${kind}`, slope ?? row.slope.default, row.slope.minimum, row.slope.maximum);
  if (slope !== undefined) throw invalid(`slope of ${kind}`, 'no slope', slope);
  return 0;
}

/** x, times `a` for x < 0. */
export const leakyCurve = (a: number): ActivationCurve => ({
  value: (x) => (x < 0 ? a * x : x),
  slope: (x) => (x < 0 ? a : 1),
  kink: true,
});

/** Range of the slopes of an rrelu that does not say its own; as MXNet's LeakyReLU(act_type='rrelu'). */
export const defaultRange = [1 / 8, 1 / 3] as const;

/** Smallest slope of rrelu: slopes of 0 would hide which side an output came from. */
const smallest = 1e-6;

/** @throws ERR_INVALID_ARGUMENT */
export function checkRange(lower: number, upper: number): { lower: number; upper: number } {
  checkNumber('lower of rrelu', lower, smallest, 1);
  checkNumber('upper of rrelu', upper, lower, 1);
  return { lower, upper };
}
