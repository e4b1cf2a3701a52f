/** bf16 as numbers: 8 bits of precision, f32's exponents. Imports no test framework. */

const precisionBits = 8;
const smallestExponent = -126;
const largest = (2 - 2 ** (1 - precisionBits)) * 2 ** 127;

/** The nearest bf16, of two equally near the even one; NaN and infinities as they are. @param value an f32 */
export function toBf16(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const exponent = Math.max(smallestExponent, Math.floor(Math.log2(Math.abs(value))));
  const unit = 2 ** (exponent + 1 - precisionBits);
  const units = value / unit;
  const isTie = Math.abs(units % 1) === 0.5;
  const rounded = (isTie ? 2 * Math.round(units / 2) : Math.round(units)) * unit;
  return Math.abs(rounded) > largest ? Math.sign(value) * Number.POSITIVE_INFINITY : rounded;
}
