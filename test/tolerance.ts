/**
 * The one table of tolerances. A test never has a number of its own: it names a dtype, and the references say how much
 * of each kind of error their arithmetic may make (test/reference/rounding.ts):
 *
 *     |got - want| <= (relative + bias) |want| + sum Σ|t| + term sqrt(Σ t²) + smallest    for a result that is a sum of terms t
 *
 * `relative` is the rounding of a result, `sum` that of accumulating (always in f32: in a sum of n terms the rounding
 * errors add up to about 0.4 eps Σ|t|, whatever n), `term` that of the terms themselves, whose errors are independent,
 * `bias` what they have in common, and `smallest` that of a stored number below the normal ones.
 * NaN is right only where the reference says NaN, and an infinity only where it says the same infinity.
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
  // tanh by a rational function is right to 3e-7; Winograd's transforms count as rounding of the terms.
  f32: { relative: 1e-6, sum: 5e-7, term: 1e-6, bias: 0, smallest: 0 },
  // Factors have 11 bits, results are not rounded. GPUs cut the other bits off: a factor is too small by ln 2 / 2^11 on
  // average, a product by 6.8e-4 (measured on an H100: 7.7e-4 of a sum of 270 products of one sign).
  tf32: { relative: 1e-6, sum: 5e-7, term: 2e-3, bias: 7e-4, smallest: 0 },
  // 8 bits: half a unit is 3.9e-3.
  bf16: { relative: 5e-3, sum: 5e-7, term: 1.6e-2, bias: 0, smallest: 0 },
  // 11 bits: half a unit is 4.9e-4, of numbers below 6.1e-5 it is 2^-25.
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
  /** The wrong elements that are worst, at most three. */
  readonly worst: readonly Mismatch[];
  /** The largest error of all, as a part of what was allowed. */
  readonly ratio: number;
}

export interface CompareOptions {
  /**
   * Of images or weights [N, H, W, C]: a NaN of the reference may also be found elsewhere in its plane, the H x W elements of
   * the same n and c, because Winograd spreads it over a tile. Convolutions, pooling and what works element by element
   * keep to these planes, so other images and channels must be right to the last element. Other ranks have no planes.
   */
  spreadsNaNIn?: readonly number[] | null;
}

/** Every element of `got` against the reference and its allowed error. */
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

/** Whether an element lies in a plane that has a NaN. */
function nearNaN(want: ArrayLike<number>, shape: readonly number[] | null): (index: number) => boolean {
  if (shape?.length !== 4) return () => false;
  const [, height = 1, width = 1, channels = 1] = shape;
  const planeOf = (index: number) => Math.floor(index / (height * width * channels)) * channels + (index % channels);
  const planes = new Set<number>();
  for (let index = 0; index < want.length; index++) if (Number.isNaN(want[index])) planes.add(planeOf(index));
  return (index) => planes.has(planeOf(index));
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
