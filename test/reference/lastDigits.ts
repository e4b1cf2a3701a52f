import type { Values } from './values';

/** Of the largest element: terms of its size may cancel. */
const lastDigits = 1e-12;

/**
 * The first element that differs by more than what another order of float64 sums may change; -1 if none does. What is not
 * finite must be equal.
 */
export function firstDifference(got: Values | undefined, { data }: Values): number {
  const size = data.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  return data.findIndex((value, i) => {
    const other = got?.data[i] ?? null;
    if (other === null) return true;
    return !Object.is(value, other) && !(Math.abs(value - other) <= lastDigits * size);
  });
}
