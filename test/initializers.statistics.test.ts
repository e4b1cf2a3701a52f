/**
 * Initialisers as distributions: compares mean, variance and shape of what they draw with formulas derived by hand. Seeds
 * are fixed, so that results never change; bounds are 4.5 standard deviations, which a correct generator exceeds with
 * probability 7e-6.
 */
import { describe, expect, test } from 'vitest';
import {
  type Distribution,
  defaultInitializer,
  type Factor,
  type FanOut,
  gaussian,
  type Initializer,
  msra,
  orthonormal,
  uniform,
  xavier,
} from '../lib/initial/initializers';
import { type Activation, elu, leakyRelu, leakyTanh, relu, sigmoid, tanh } from '../lib/ops/activations';
import { Philox } from '../lib/random';

const deviations = 4.5;

/** Cumulative distribution of N(0, 1), by Abramowitz and Stegun 7.1.26, with an error below 1.5e-7. */
function normal(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - p * Math.exp(-z * z);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

const shapes = {
  gaussian: { kurtosis: 3, cumulative: normal },
  uniform: { kurtosis: 9 / 5, cumulative: (x: number) => Math.min(1, Math.max(0, (1 + x / Math.sqrt(3)) / 2)) },
} as const;

/**
 * Describes how `values` differ from independent draws of a distribution with mean 0 and this variance; empty if they do
 * not.
 */
function faults(values: Float32Array, distribution: Distribution, variance: number): string[] {
  const { kurtosis, cumulative } = shapes[distribution];
  const scaled = Float64Array.from(values, (value) => value / Math.sqrt(variance));
  const { length } = scaled;
  const average = (f: (x: number, i: number) => number) => scaled.reduce((sum, x, i) => sum + f(x, i), 0) / length;
  const checks: readonly (readonly [name: string, error: number, deviation: number])[] = [
    ['mean', average((x) => x), Math.sqrt(1 / length)],
    ['variance', average((x) => x * x) - 1, Math.sqrt((kurtosis - 1) / length)],
    ['correlation of neighbours', average((x, i) => x * (scaled[i + 1] ?? 0)), Math.sqrt(1 / length)],
  ];
  const wrong = checks.filter(([, error, deviation]) => !(Math.abs(error) <= deviations * deviation));
  // Kolmogorov-Smirnov test: D sqrt(n) > 2.4 has probability 2e-5.
  const sorted = scaled.toSorted();
  const distance = sorted.reduce((most, x, i) => {
    const p = cumulative(x);
    return Math.max(most, (i + 1) / length - p, p - i / length);
  }, 0);
  const shape = distance * Math.sqrt(length) > 2.4 ? [`shape: distance ${distance}`] : [];
  return [...wrong.map(([name, error]) => `${name} is off by ${error}`), ...shape];
}

const draw = (initializer: Initializer, shape: readonly number[], seed = 1) => initializer(shape, new Philox(seed, 5));

/** Shapes of weights with their fans, derived by hand: fan in, and fan out by each rule. */
const weights = [
  { shape: [64, 3, 3, 128], fanIn: 1152, kernel: 576, channels: 64 },
  { shape: [96, 7, 1, 64], fanIn: 448, kernel: 672, channels: 96 },
  { shape: [100, 640], fanIn: 640, kernel: 100, channels: 100 },
] as const;

const variants = weights.flatMap(({ shape, fanIn, ...rules }) =>
  (['kernel', 'channels'] as const).flatMap((fanOut) => {
    const fans: Readonly<Record<Factor, number>> = {
      in: fanIn,
      out: rules[fanOut],
      avg: (fanIn + rules[fanOut]) / 2,
    };
    return Object.entries(fans).map(([factor, fan]) => ({ shape, fanOut, factor: factor as Factor, fan }));
  }),
);

describe.each(variants)('[$shape], factor $factor, fan out $fanOut', ({ shape, fanOut, factor, fan }) => {
  test.each([1, 2, 3])('xavier, magnitude %d: U(-s, s) and N(0, s²), s = sqrt(magnitude / fan)', (magnitude) => {
    const options = { magnitude, factor, fanOut };
    const flat = draw(xavier({ ...options, distribution: 'uniform' }), shape);
    expect(faults(flat, 'uniform', magnitude / fan / 3)).toEqual([]);
    const limit = Math.sqrt(magnitude / fan);
    const largest = flat.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(Math.fround(limit));
    expect(largest).toBeGreaterThan(0.999 * limit);
    const normally = draw(xavier({ ...options, distribution: 'gaussian' }), shape);
    expect(faults(normally, 'gaussian', magnitude / fan)).toEqual([]);
  });

  test.each([0, 0.25, 1])('msra, slope %d: N(0, 2 / ((1 + slope²) fan))', (slope) => {
    const values = draw(msra({ slope, factor, fanOut }), shape);
    expect(faults(values, 'gaussian', 2 / (1 + slope * slope) / fan)).toEqual([]);
  });
});

describe('defaults', () => {
  const [{ shape, fanIn }] = weights;
  test('xavier: uniform, magnitude 3, mean of the fans by the kernel rule', () => {
    expect(faults(draw(xavier(), shape), 'uniform', 1 / 864)).toEqual([]);
  });
  test('msra: gaussian, fan in, magnitude 2', () => {
    expect(faults(draw(msra(), shape), 'gaussian', 2 / fanIn)).toEqual([]);
  });
  test.each<[Activation, number]>([
    [tanh(), 1],
    [sigmoid(), 1],
    [relu(), 2],
    [leakyTanh(0.25), 2 / 1.0625],
    [leakyRelu(0.5), 1.6],
    [elu(), 1],
    [elu(0.5), 1.6],
  ])('for %o: gaussian, fan in, magnitude %d', (activation, magnitude) => {
    expect(faults(draw(defaultInitializer(activation), shape), 'gaussian', magnitude / fanIn)).toEqual([]);
  });
  test('gaussian and uniform as asked for', () => {
    expect(faults(draw(gaussian({ deviation: 0.2 }), shape), 'gaussian', 0.04)).toEqual([]);
    expect(faults(draw(uniform({ limit: 0.3 }), shape), 'uniform', 0.03)).toEqual([]);
  });
});

describe('the statistics see', () => {
  const shape = weights[0].shape;
  const rules: readonly FanOut[] = ['kernel', 'channels'];
  test.each(rules)('the other rule for the fan out (%s)', (fanOut) => {
    const [right, wrong] = fanOut === 'kernel' ? [864, 608] : [608, 864];
    const values = draw(xavier({ fanOut }), shape);
    expect(faults(values, 'uniform', 1 / right)).toEqual([]);
    expect(faults(values, 'uniform', 1 / wrong).join()).toMatch(/variance/);
  });
  test('a variance that is off by 3%', () => {
    expect(faults(draw(gaussian({ deviation: 1 }), shape), 'gaussian', 1.03).join()).toMatch(/variance/);
  });
  test('another distribution of the same variance', () => {
    expect(faults(draw(gaussian({ deviation: 1 }), shape), 'uniform', 1).join()).toMatch(/shape/);
    expect(faults(draw(uniform({ limit: Math.sqrt(3) }), shape), 'gaussian', 1).join()).toMatch(/shape/);
  });
  test('a mean, and neighbours that are alike', () => {
    const values = draw(gaussian({ deviation: 1 }), shape);
    expect(
      faults(
        values.map((value) => value + 0.03),
        'gaussian',
        1,
      ).join(),
    ).toMatch(/mean/);
    expect(
      faults(
        values.map((_, i) => values[i & ~1] as number),
        'gaussian',
        1,
      ).join(),
    ).toMatch(/neighbours/);
  });
});

test.each([
  ['xavier', xavier()],
  ['msra', msra()],
  ['orthonormal', orthonormal()],
])('%s: the seed decides', (_, initializer) => {
  const shape = [20, 3, 3, 16];
  expect(draw(initializer, shape, 1)).toEqual(draw(initializer, shape, 1));
  expect(draw(initializer, shape, 2)).not.toEqual(draw(initializer, shape, 1));
});

describe('orthonormal', () => {
  test.each([
    { shape: [320, 3, 3, 192], rows: 320, columns: 1728 }, // the largest of inception33
    { shape: [128, 128], rows: 128, columns: 128 },
    { shape: [192, 1, 1, 48], rows: 192, columns: 48 },
    { shape: [100, 7], rows: 100, columns: 7 },
    { shape: [1, 5, 5, 3], rows: 1, columns: 75 },
    { shape: [9, 1], rows: 9, columns: 1 },
  ])('$shape: rows, or columns if there are fewer, have products 0 and gain²', ({ shape, rows, columns }) => {
    const gain = 1.5;
    const values = draw(orthonormal({ gain }), shape);
    const byRow = rows <= columns;
    const [count, length] = byRow ? [rows, columns] : [columns, rows];
    const at = (i: number, k: number) => values[byRow ? i * columns + k : k * columns + i] as number;
    let worst = 0;
    for (let i = 0; i < count; i++) {
      for (let j = 0; j <= i; j++) {
        let product = 0;
        for (let k = 0; k < length; k++) product += at(i, k) * at(j, k);
        worst = Math.max(worst, Math.abs(product / gain ** 2 - (i === j ? 1 : 0)));
      }
    }
    expect(worst).toBeLessThan(1e-6);
  });

  test('are spread evenly: elements of a small part of a large matrix are gaussian', () => {
    const values = draw(orthonormal(), [60, 2000]);
    expect(faults(values, 'gaussian', 1 / 2000)).toEqual([]);
  });

  test('refuse a gain that is none', () => {
    expect(() => orthonormal({ gain: 0 })).toThrow(/positive number for gain.*0/);
    expect(() => xavier({ fanOut: 'both' as FanOut })).toThrow(/'kernel' or 'channels' for fanOut.*"both"/);
    expect(() => msra({ slope: Number.NaN })).toThrow(/slope.*NaN/);
  });
});
