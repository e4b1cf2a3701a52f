import type { Values } from './values';

/** Allowed difference relative to the largest element, because terms of that size may cancel. */
const lastDigits = 1e-12;

/**
 * Returns the index of the first element that differs by more than another order of float64 sums may cause, or -1. Non-finite
 * elements must be equal.
 */
export function firstDifference(got: Values | undefined, { data }: Values): number {
  const size = data.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  return data.findIndex((value, i) => {
    const other = got?.data[i] ?? null;
    if (other === null) return true;
    return !Object.is(value, other) && !(Math.abs(value - other) <= lastDigits * size);
  });
}

/** Returns the index of the first element that is not the same number, or -1. Zeros have signs; NaN is NaN. */
export function firstChange(got: Values | undefined, { data }: Values): number {
  if (got?.data.length !== data.length) return Math.min(got?.data.length ?? 0, data.length);
  return data.findIndex((value, i) => !Object.is(value, got.data[i]));
}
