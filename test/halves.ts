/** Rounding to the floating-point formats of 16 bits, in float64. Imports no test framework. */

interface Format {
  readonly precisionBits: number;
  readonly smallestExponent: number;
  readonly largestExponent: number;
}

const formats = {
  /** The exponents are those of f32. */
  bf16: { precisionBits: 8, smallestExponent: -126, largestExponent: 127 },
  /** IEEE binary16. */
  fp16: { precisionBits: 11, smallestExponent: -14, largestExponent: 15 },
} as const satisfies Record<string, Format>;

/**
 * Rounds to the nearest number of a format, ties to even. NaN and infinities stay as they are; numbers beyond the range become
 * infinities.
 * @param value an f32
 */
export function roundTo(name: keyof typeof formats, value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const { precisionBits, smallestExponent, largestExponent } = formats[name];
  const exponent = Math.max(smallestExponent, Math.floor(Math.log2(Math.abs(value))));
  const unit = 2 ** (exponent + 1 - precisionBits);
  const units = value / unit;
  const isTie = Math.abs(units % 1) === 0.5;
  const rounded = (isTie ? 2 * Math.round(units / 2) : Math.round(units)) * unit;
  const largest = (2 - 2 ** (1 - precisionBits)) * 2 ** largestExponent;
  return Math.abs(rounded) > largest ? Math.sign(value) * Number.POSITIVE_INFINITY : rounded;
}
