/** 16-bit floats: every one of them, and float32 numbers between them. */
import { describe, expect, test } from 'vitest';
import { fromHalves, toHalves } from '../../lib/files/halves';
import { roundTo } from '../halves';

const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** The value of a 16-bit number by the definition of its format, in float64. */
function meaningOf(bits: number, exponentBits: number, mantissaBits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + mantissa) * 2 ** (exponent - bias) : mantissa * 2 ** (1 - bias));
}

describe.each([
  ['F16', 'fp16', 5, 10],
  ['BF16', 'bf16', 8, 7],
] as const)('%s', (format, name, exponentBits, mantissaBits) => {
  test('all 65536 numbers become exactly what they stand for, and come back', () => {
    const floats = fromHalves(format, all);
    const wrong = all.filter((bits) => !Object.is(floats[bits], meaningOf(bits, exponentBits, mantissaBits)));
    expect([...wrong]).toEqual([]);
    const back = toHalves(format, floats);
    const isNan = (bits: number) => Number.isNaN(floats[bits]);
    expect(all.filter((bits) => (isNan(bits) ? !isNan(back[bits]!) : back[bits] !== bits))).toHaveLength(0);
  });

  test('float32 numbers are rounded to the nearest, ties to even', () => {
    const floats = fromHalves(format, all).filter(Number.isFinite);
    const words = new Int32Array(floats.buffer);
    // Halfway to the next number, and one float32 to each side of that; and at the ends of the range.
    const halfway = format === 'F16' ? 0x1000 : 0x8000;
    const near = Int32Array.from([-1, 0, 1].flatMap((step) => [...words].map((word) => word + halfway + step)));
    const ends = [65504, 65519.99, 65520, 70000, -1e30, 3.4e38, 1e-45, 2 ** -25, 2 ** -25 * 1.001, 5.9e-8, 0];
    const values = [...new Float32Array(near.buffer), ...Float32Array.from(ends)];
    const rounded = fromHalves(format, toHalves(format, Float32Array.from(values)));
    const wrong = values.filter(
      (value, index) => !Number.isNaN(value) && !Object.is(rounded[index], roundTo(name, value)),
    );
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});
