/**
 * The only table of tolerances for comparisons with the float64 references. A test names a precision and the references
 * say how much of each kind of error their arithmetic may cause (test/reference/rounding.ts):
 *
 *     |got - want| <= (relative + bias) |want| + sum Σ|t| + term sqrt(Σ t²) + smallest    for a result that is a sum of terms t
 *
 * `relative` is the rounding of a result; `sum` that of accumulating, which is always in f32 (in a sum of n terms the
 * rounding errors add up to about 0.4 eps Σ|t|, independent of n); `term` that of the terms, whose errors are
 * independent; `bias` the part of the terms' error that all have in common; `smallest` the rounding of subnormal results.
 * NaN is right only where the reference has NaN, and an infinity only where it has the same infinity.
 */
export type Precision = 'f32' | 'tf32' | 'bf16' | 'fp16';

export interface Tolerance {
  readonly relative: number;
  readonly sum: number;
  readonly term: number;
  readonly bias: number;
  readonly smallest: number;
}

export const tolerances: Readonly<Record<Precision, Tolerance>> = {
  // tanh is computed by a rational function with an error of 3e-7. Winograd's transforms count as rounding of the terms.
  f32: { relative: 1e-6, sum: 5e-7, term: 1e-6, bias: 0, smallest: 0 },
  // Factors have 11 bits; results are not rounded. GPUs truncate factors instead of rounding them: on average a factor is
  // too small by ln 2 / 2^11 and a product by 6.8e-4 (measured on an H100: 7.7e-4 for a sum of 270 products of the same
  // sign).
  tf32: { relative: 1e-6, sum: 5e-7, term: 2e-3, bias: 7e-4, smallest: 0 },
  // 8 bits: half a unit in the last place is 3.9e-3.
  bf16: { relative: 5e-3, sum: 5e-7, term: 1.6e-2, bias: 0, smallest: 0 },
  // 11 bits: half a unit in the last place is 4.9e-4 relative, or 2^-25 absolute for numbers below 6.1e-5.
  fp16: { relative: 6e-4, sum: 5e-7, term: 2e-3, bias: 0, smallest: 3e-8 },
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
  /** The (at most three) wrong elements with the largest errors. */
  readonly worst: readonly Mismatch[];
  /** Largest error of all elements, divided by the allowed error. */
  readonly ratio: number;
}

export interface CompareOptions {
  /**
   * Shape [N, H, W, C] of images or weights in which NaN may spread: if the reference has a NaN, any of the H x W
   * elements of the same n and c may be NaN, because Winograd spreads it over a tile. All other elements must be right.
   * Null, or a shape of another rank: NaN must not spread.
   */
  spreadsNaNIn?: readonly number[] | null;
}

/** Compares every element of `got` with the reference `want` and the error allowed for it. */
export function compare(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  allowed: ArrayLike<number>,
  { spreadsNaNIn = null }: CompareOptions = {},
): Comparison {
  if (got.length !== want.length) throw new RangeError(`${got.length} elements, the reference has ${want.length}`);
  const mayBeNaN = nearNaN(want, spreadsNaNIn);
  const wrong: (Mismatch & { ratio: number })[] = [];
  let most = 0;
  for (let index = 0; index < want.length; index++) {
    const mismatch = { index, got: got[index] ?? Number.NaN, want: want[index] ?? 0, allowed: allowed[index] ?? 0 };
    const ratio = Number.isNaN(mismatch.got) && mayBeNaN(index) ? 0 : errorRatio(mismatch);
    most = Math.max(most, ratio);
    if (ratio > 1) wrong.push({ ...mismatch, ratio });
  }
  wrong.sort((a, b) => b.ratio - a.ratio);
  return { elements: want.length, wrong: wrong.length, worst: wrong.slice(0, 3), ratio: most };
}

/** Returns a function that tells whether the element of an index lies in a plane in which `want` has a NaN. */
function nearNaN(want: ArrayLike<number>, shape: readonly number[] | null): (index: number) => boolean {
  if (shape?.length !== 4) return () => false;
  const [, height = 1, width = 1, channels = 1] = shape;
  const planeOf = (index: number) => Math.floor(index / (height * width * channels)) * channels + (index % channels);
  const planes = new Set<number>();
  for (let index = 0; index < want.length; index++) if (Number.isNaN(want[index])) planes.add(planeOf(index));
  return (index) => planes.has(planeOf(index));
}

/** Returns the error divided by the allowed error; an element is wrong if it is above 1. */
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
