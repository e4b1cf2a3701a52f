/** Numbers on both sides of 0, without drawing each of them. */
export function pattern(size: number, scale: number): Float32Array {
  const period = Float32Array.from({ length: Math.min(size, 4099) }, (_, i) => scale * Math.sin(i * 1.7));
  const values = new Float32Array(size);
  for (let begin = 0; begin < size; begin += period.length) {
    values.set(period.subarray(0, Math.min(period.length, size - begin)), begin);
  }
  return values;
}
