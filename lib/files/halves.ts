/** Converts between float32 and the bits of the floating-point numbers of 16 bits. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** A format of 16 bits: BF16 has the exponents of float32, F16 is IEEE binary16. */
export type Half = 'BF16' | 'F16';

/** Returns the float32 numbers that 16-bit numbers stand for, which is exact. A NaN keeps its sign and the bits of its payload. */
export function fromHalves(format: Half, halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const words = new Uint32Array(floats.buffer);
  const wordOf = format === 'BF16' ? (half: number) => half << 16 : wordOfF16;
  for (let index = 0; index < halves.length; index++) words[index] = wordOf(halves[index]!);
  return floats;
}

function wordOfF16(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  // Below the normal numbers of F16, but a normal float32, or 0.
  float[0] = mantissa * 2 ** -24;
  return sign | bits[0]!;
}

/** Rounds float32 numbers to the nearest 16-bit numbers, ties to even. Numbers beyond the range become infinite. */
export function toHalves(format: Half, floats: Float32Array): Uint16Array {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halfOf = format === 'BF16' ? bf16Of : f16Of;
  return Uint16Array.from(words, halfOf);
}

const isNan = (word: number): boolean => (word & 0x7fffffff) > 0x7f800000;

function bf16Of(word: number): number {
  // A NaN whose payload lies in the lower half must not become an infinity.
  if (isNan(word)) return (word >>> 16) | 0x40;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

function f16Of(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (isNan(word)) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  // 65520, half a step above the largest number, is the first that becomes infinite.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  // Below 2^-14, numbers are multiples of 2^-24, which is the last place of the sum with 2^-1: the sum is rounded as needed.
  bits[0] = magnitude;
  float[0]! += 0.5;
  return sign | (bits[0]! - 0x3f000000);
}
