/** Returns `size` numbers between -scale and scale, quickly: a sine of 4099 samples, repeated. */
export function pattern(size: number, scale: number): Float32Array {
  const period = Float32Array.from({ length: Math.min(size, 4099) }, (_, i) => scale * Math.sin(i * 1.7));
  const values = new Float32Array(size);
  for (let begin = 0; begin < size; begin += period.length) {
    values.set(period.subarray(0, Math.min(period.length, size - begin)), begin);
  }
  return values;
}
