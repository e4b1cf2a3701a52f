/**
 * The one table of tolerances. A test never has a number of its own: it names a dtype, and the references say how much
 * of each kind of error their arithmetic may make (test/reference/rounding.ts):
 *
 *     |got - want| <= relative |want| + sum Σ|t| + term sqrt(Σ t²)      for a result that is a sum of terms t
 *
 * `relative` is the rounding of a result, `sum` that of accumulating (always in f32: in a sum of n terms the rounding
 * errors add up to about 0.4 eps Σ|t|, whatever n), `term` that of the terms themselves, whose errors are independent.
 * NaN is right only where the reference says NaN, and an infinity only where it says the same infinity.
 */
export type Precision = 'f32' | 'tf32' | 'bf16' | 'fp16';

export interface Tolerance {
  readonly relative: number;
  readonly sum: number;
  readonly term: number;
}

export const tolerances: Readonly<Record<Precision, Tolerance>> = {
  // tanh by a rational function is right to 3e-7; Winograd's transforms count as rounding of the terms.
  f32: { relative: 1e-6, sum: 5e-7, term: 1e-6 },
  // Factors are rounded to 11 bits, results are not.
  tf32: { relative: 1e-6, sum: 5e-7, term: 2e-3 },
  // 8 bits: half a unit is 3.9e-3.
  bf16: { relative: 5e-3, sum: 5e-7, term: 1.6e-2 },
  // 11 bits: half a unit is 4.9e-4.
  fp16: { relative: 6e-4, sum: 5e-7, term: 2e-3 },
};

export interface Mismatch {
  readonly index: number;
  readonly got: number;
  readonly want: number;
  readonly allowed: number;
}

export interface Comparison {
  readonly elements: number;
  readonly wrong: number;
  /** The wrong elements that are worst, at most three. */
  readonly worst: readonly Mismatch[];
  /** The largest error of all, as a part of what was allowed. */
  readonly ratio: number;
}

export interface CompareOptions {
  /** A NaN may also be found elsewhere, if the reference has one at all: Winograd spreads it over a tile. */
  spreadsNaN?: boolean;
}

/** Every element of `got` against the reference and its allowed error. */
export function compare(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  allowed: ArrayLike<number>,
  { spreadsNaN = false }: CompareOptions = {},
): Comparison {
  if (got.length !== want.length) throw new RangeError(`${got.length} elements, the reference has ${want.length}`);
  const mayBeNaN = spreadsNaN && Array.prototype.some.call(want, Number.isNaN);
  const wrong: (Mismatch & { ratio: number })[] = [];
  let most = 0;
  for (let index = 0; index < want.length; index++) {
    const mismatch = { index, got: got[index] ?? Number.NaN, want: want[index] ?? 0, allowed: allowed[index] ?? 0 };
    const ratio = mayBeNaN && Number.isNaN(mismatch.got) ? 0 : errorRatio(mismatch);
    most = Math.max(most, ratio);
    if (ratio > 1) wrong.push({ ...mismatch, ratio });
  }
  wrong.sort((a, b) => b.ratio - a.ratio);
  return { elements: want.length, wrong: wrong.length, worst: wrong.slice(0, 3), ratio: most };
}

/** The error as a part of what is allowed; more than 1 is wrong. */
function errorRatio({ got, want, allowed }: Mismatch): number {
  if (Object.is(got, want) || got === want) return 0;
  const error = Math.abs(got - want);
  if (!Number.isFinite(error) || !(allowed > 0)) return Number.POSITIVE_INFINITY;
  return error / allowed;
}

export function describeComparison({ elements, wrong, worst }: Comparison): string {
  const list = worst.map(
    ({ index, got, want, allowed }) => `[${index}] got ${got}, expected ${want} ± ${allowed.toExponential(1)}`,
  );
  return `${wrong} of ${elements} elements are wrong: ${list.join('; ')}`;
}
