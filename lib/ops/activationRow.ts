/** The form of a row of the table in activations.ts, and how what a caller gives is checked against it. */
import { checkNumber, invalid } from '../errors';

/** An activation as a function of one variable, in double precision. */
export interface ActivationCurve {
  /** Returns f(x). */
  value(x: number): number;
  /** Returns f'(x). At a kink, 0 belongs to the positive side. */
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

/**
 * Returns `slope`, or the row's default; 0 if the activation has none.
 * @throws ERR_INVALID_ARGUMENT if it is out of range or there is none
 */
export function checkSlope(kind: string, row: ActivationRow, slope: number | undefined): number {
  if (row.slope)
    return checkNumber(`slope of ${kind}`, slope ?? row.slope.default, row.slope.minimum, row.slope.maximum);
  if (slope !== undefined) throw invalid(`slope of ${kind}`, 'no slope', slope);
  return 0;
}

/** Returns the curve x, and a x for x < 0; with a = 0 that is 0 at -Infinity, too. */
export const leakyCurve = (a: number): ActivationCurve => ({
  value: (x) => (x < 0 ? (a === 0 ? 0 : a * x) : x),
  slope: (x) => (x < 0 ? a : 1),
  kink: true,
});

/** Default bounds of rrelu's slopes: those of MXNet's LeakyReLU(act_type='rrelu'). */
export const defaultRange = [1 / 8, 1 / 3] as const;

/** Smallest slope of rrelu. With slope 0, the output would not tell the sign of x, which the gradient needs. */
const smallest = 1e-6;

/** Returns the bounds of rrelu's slopes, checked. @throws ERR_INVALID_ARGUMENT unless 1e-6 <= lower <= upper <= 1 */
export function checkRange(lower: number, upper: number): { lower: number; upper: number } {
  checkNumber('lower of rrelu', lower, smallest, 1);
  checkNumber('upper of rrelu', upper, lower, 1);
  return { lower, upper };
}
