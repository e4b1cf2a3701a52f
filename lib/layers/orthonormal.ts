/** Random orthonormal matrices, for the initialiser orthonormal(). */
import type { Philox } from '../random';

/** If a projection leaves less than this part of a vector's length, rounding errors matter, and it is repeated. */
const cancellation = 1e-3;

/**
 * Draws a random matrix [rows, columns], row-major, with orthonormal rows, or with orthonormal columns if it has more rows than
 * columns. It is a gaussian matrix after modified Gram-Schmidt, so it is uniformly distributed among all such matrices. It is
 * computed in double and orthonormal to about 1e-12.
 */
export function orthonormalMatrix(rows: number, columns: number, random: Philox): Float64Array {
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, () => random.gaussian());
    // In the very unlikely case that the vector depends on those before it, another one is drawn.
    if (orthonormalize(vector, vectors)) vectors.push(vector);
  }
  const matrix = new Float64Array(rows * columns);
  vectors.forEach((vector, index) => {
    if (rows <= columns) matrix.set(vector, index * columns);
    else for (let row = 0; row < rows; row++) matrix[row * columns + index] = vector[row]!;
  });
  return matrix;
}

/** Makes `vector` orthogonal to the orthonormal `others`, with length 1. @returns false if it depends on them */
function orthonormalize(vector: Float64Array, others: readonly Float64Array[]): boolean {
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = Math.sqrt(dot(vector, vector));
    for (const other of others) subtract(vector, other, dot(vector, other));
    const after = Math.sqrt(dot(vector, vector));
    if (!(after > 0)) return false;
    for (let i = 0; i < vector.length; i++) vector[i]! /= after;
    if (after >= cancellation * before) return true;
  }
  return false;
}

/** The dot product, in four sums, so that the processor does not wait for each addition before the next. */
function dot(a: Float64Array, b: Float64Array): number {
  const { length } = a;
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (; i < length; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + (s2 + s3);
}

function subtract(vector: Float64Array, other: Float64Array, factor: number): void {
  for (let i = 0; i < vector.length; i++) vector[i]! -= factor * other[i]!;
}
