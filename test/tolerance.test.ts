/** The comparison with references: which results it accepts and which it refuses, especially where NaN is allowed. */
import { describe, expect, test } from 'vitest';
import { conv2d } from '../lib/ops/convolution';
import { graphCase } from './cases/problem';
import { prepare } from './check';
import { testSeed } from './random';
import { compare } from './tolerance';

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

describe('compare', () => {
  const wrong = (got: number[], want: number[], allowed = 0.1) =>
    compare(
      got,
      want,
      want.map(() => allowed),
    ).wrong;

  test('counts what is further from the reference than allowed', () => {
    expect(wrong([1.09, 2, -0, 4], [1, 2, 0, 4.2])).toBe(1);
    expect(wrong([1, 2], [1, 2], 0)).toBe(0);
    expect(wrong([1, 2], [1, 2 + 1e-9], 0)).toBe(1);
  });

  test('takes NaN and infinities only where the reference has the same', () => {
    expect(wrong([nan, infinity, -infinity], [nan, infinity, -infinity])).toBe(0);
    expect(wrong([nan, 1, -infinity, nan, 1], [1, nan, infinity, infinity, infinity])).toBe(5);
  });

  test('refuses another number of elements', () => {
    expect(() => compare([1, 2], [1, 2, 3], [0, 0, 0])).toThrow(/2 elements, the reference has 3/);
  });
});

describe('a NaN that may spread', () => {
  const shape = [2, 2, 3, 2];
  const size = 24;
  const at = (n: number, h: number, w: number, c: number) => ((n * 2 + h) * 3 + w) * 2 + c;
  const withNaN = (...indices: number[]) => Array.from({ length: size }, (_, i) => (indices.includes(i) ? nan : i));
  const wrong = (got: number[], want: number[], spreadsNaNIn: readonly number[] | null) =>
    compare(got, want, new Float64Array(size).fill(0.1), { spreadsNaNIn }).wrong;
  const want = withNaN(at(1, 0, 0, 1));

  test('may be anywhere in its plane', () => {
    expect(wrong(withNaN(at(1, 0, 0, 1), at(1, 1, 2, 1), at(1, 0, 1, 1)), want, shape)).toBe(0);
  });

  test('but not in another image or channel', () => {
    expect(wrong(withNaN(at(1, 0, 0, 1), at(0, 0, 0, 1), at(1, 0, 0, 0)), want, shape)).toBe(2);
    expect(wrong(new Array(size).fill(nan), want, shape)).toBe(size - 6);
  });

  test('must still be where the reference has it, and the rest of its plane is a number that is right', () => {
    expect(wrong(withNaN(at(1, 1, 1, 1)), want, shape)).toBe(1);
    const off = withNaN(at(1, 0, 0, 1));
    off[at(1, 1, 1, 1)] = -1;
    expect(wrong(off, want, shape)).toBe(1);
  });

  test('has no plane in a matrix or a vector, and none where no op spreads it', () => {
    const got = withNaN(at(1, 0, 0, 1), at(1, 1, 2, 1));
    for (const none of [[2, 12], [size], null]) expect(wrong(got, want, none)).toBe(1);
  });
});

test('with one NaN in the images of a convolution, an output that is all NaN is still wrong', () => {
  const oneNaN = graphCase('one NaN', ['conv2d'], (b) => {
    const fill = (_: unknown, size: number) => Float32Array.from({ length: size }, (_, i) => (i === 9 ? nan : i % 7));
    return { y: conv2d(b.f32('x', [3, 6, 6, 2], fill), b.plain('weight', [4, 3, 3, 2]), { padding: 1 }) };
  });
  const { values, allowed, spreadsNaN } = prepare(oneNaN, testSeed, 'f32').expected.outputs.y!;
  expect(spreadsNaN).toBe(true);
  const all = new Float32Array(values.data.length).fill(nan);
  expect(compare(all, values.data, allowed, { spreadsNaNIn: values.shape }).wrong).toBe(2 * 6 * 6 * 4);
});
