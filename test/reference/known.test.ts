/** Checks the references against independent numbers: published test vectors, and values that were calculated by hand. */
import { expect, test } from 'vitest';
import { activation, derivativeFromSaved, needsInput } from './activation';
import { countCorrect } from './classification';
import { multiplyHigh, philox } from './philox';
import { averagePool, maxPool } from './pooling';

const values = (shape: number[], data: number[]) => ({ shape, data: Float64Array.from(data) });

test('Philox4x32-10: the vectors published with Random123', () => {
  const most = 0xffffffff;
  expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  expect(philox([most, most, most, most], [most, most])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  const digitsOfPi = philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
  expect(digitsOfPi).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
});

test('multiplyHigh is exact', () => {
  const words = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffff0000, 0xfffffffe, 0xffffffff];
  const drawn = Array.from({ length: 1000 }, () => Math.floor(Math.random() * 2 ** 32));
  for (const a of [...words, 0xd2511f53, 0xcd9e8d57, ...drawn.slice(0, 20)]) {
    for (const b of [...words, ...drawn]) {
      expect(multiplyHigh(a, b), `${a} times ${b}`).toBe(Number((BigInt(a) * BigInt(b)) >> 32n));
    }
  }
});

test('multiplyHigh spreads 32 bits evenly over a range', () => {
  expect([0, 0x7fffffff, 0x80000000, 0xffffffff].map((r) => multiplyHigh(r, 5))).toEqual([0, 2, 2, 4]);
});

test('a pool whose last window is clipped: 6 -> 3 with kernel 3, stride 2', () => {
  const x = values([1, 1, 6, 1], [1, 5, 2, 4, 0, 3]);
  const attributes = { kernelH: 1, kernelW: 3, strideW: 2 };
  const [y, indices] = maxPool(x, attributes, [1, 1, 3, 1]);
  expect([...(y?.data ?? [])]).toEqual([5, 4, 3]);
  expect([...(indices?.data ?? [])]).toEqual([1, 1, 1]);
  expect([...averagePool(x, attributes, [1, 1, 3, 1]).data]).toEqual([8 / 3, 2, 1.5]);
});

test('padding is neither a maximum nor counted, and positions are those of the whole window', () => {
  const x = values([1, 2, 2, 1], [-1, -2, -3, -4]);
  const attributes = { kernelH: 3, kernelW: 3, padTop: 1, padLeft: 1 };
  const [y, indices] = maxPool(x, attributes, [1, 2, 2, 1]);
  expect([...(y?.data ?? [])]).toEqual([-1, -1, -1, -1]);
  expect([...(indices?.data ?? [])]).toEqual([4, 3, 1, 0]);
  expect([...averagePool(x, attributes, [1, 2, 2, 1]).data]).toEqual([-2.5, -2.5, -2.5, -2.5]);
});

test('the first of equal values wins, a NaN over everything', () => {
  const attributes = { kernelH: 1, kernelW: 3 };
  const winner = (data: number[]) =>
    maxPool(values([1, 1, 3, 1], data), attributes, [1, 1, 1, 1]).map(({ data: [v] }) => v);
  expect(winner([1, 2, 2])).toEqual([2, 1]);
  expect(winner([3, Number.NaN, Number.NaN])).toEqual([Number.NaN, 1]);
  expect(winner([-0, 0, -0])).toEqual([-0, 0]);
});

test('the label is among the k largest, of equals those of smaller index', () => {
  const counts = (data: number[], label: number) =>
    [1, 2, 3].map((k) => countCorrect(values([1, data.length], data), values([1], [label]), k).data[0]);
  expect(counts([5, 4, 4, 1], 0)).toEqual([1, 1, 1]);
  expect(counts([5, 4, 4, 1], 1)).toEqual([0, 1, 1]);
  expect(counts([5, 4, 4, 1], 2)).toEqual([0, 0, 1]);
  expect(counts([5, 4, 4, 1], -1)).toEqual([0, 0, 0]);
  expect(counts([5, 4, Number.NaN, 1], 0)).toEqual([0, 0, 0]);
});

/** Name, kind, slope, x, f(x) and f'(x), from tables of e and tanh. */
const points: readonly (readonly [string, number, number, number, number, number])[] = [
  ['sigmoid', 0, 0, 0, 0.5, 0.25],
  ['sigmoid', 0, 0, 1, 0.7310585786300049, 0.19661193324148185],
  ['scaledSigmoid', 1, 0, 1, 0.9242343145200195, 0.7864477329659274],
  ['tanh', 2, 0, 1, 0.7615941559557649, 0.41997434161402614],
  ['leakyTanh', 3, 0.25, 1, 0.7615941559557649, 0.41997434161402614],
  ['leakyTanh', 3, 0.25, -1, -0.1903985389889412, 0.10499358540350653],
  ['leakyTanh', 3, 0, -1, 0, 0],
  ['leakyTanh', 3, 0.5, 0, 0, 1],
  ['relu', 4, 0, -2, 0, 0],
  ['relu', 4, 0, 2, 2, 1],
  ['leakyRelu', 5, 0.25, -2, -0.5, 0.25],
  ['leakyRelu', 5, 0, -2, 0, 0],
  ['elu', 6, 1, -1, -0.6321205588285577, 0.36787944117144233],
  ['elu', 6, 2, -1e-9, -1.999999999e-9, 1.999999998],
  ['elu', 6, 0, -2, 0, 0],
  ['elu', 6, 0.5, 3, 3, 1],
  ['relu6', 7, 0, -1, 0, 0],
  ['relu6', 7, 0, 7, 6, 0],
  ['relu6', 7, 0, 2, 2, 1],
  // PyTorch's, in double precision.
  ['gelu', 8, 0, 1, 0.841344746068543, 1.0833154705876864],
  ['gelu', 8, 0, -2, -0.04550026389635842, -0.08523180107819692],
  ['silu', 9, 0, 1, 0.7310585786300049, 0.9276705118714869],
  ['silu', 9, 0, -2, -0.2384058440442351, -0.09078424878489547],
  ['hardSwish', 10, 0, 1, 0.6666666666666666, 0.8333333333333333],
  ['hardSwish', 10, 0, -2, -0.3333333333333333, -0.16666666666666663],
  ['hardSwish', 10, 0, -4, 0, 0],
];

test.each(points)('%s (%i) with slope %f at %f is %f, its derivative %f', (_, kind, slope, x, y, derivative) => {
  const at = activation(values([1], [x]), null, { kind, slope });
  expect(at.data[0]).toBeCloseTo(y, 14);
  const saved = needsInput({ kind }) ? values([1], [x]) : at;
  expect(derivativeFromSaved(saved, { kind, slope }).data[0]).toBeCloseTo(derivative, 14);
});
