/** Compares predictions of variances with sums over a fine grid, with closed forms, and with the limit of equations 4 and 6. */
import { describe, expect, test } from 'vitest';
import { predictChain } from '../../lib/experiments/prediction/chain';
import {
  expectedSquare,
  expectedSquaredDifference,
  expectedSquaredSlope,
} from '../../lib/experiments/prediction/prediction';
import {
  type Activation,
  elu,
  leakyRelu,
  leakyTanh,
  relu,
  rrelu,
  scaledSigmoid,
  sigmoid,
  tanh,
} from '../../lib/ops/activations';
import { TestRandom, testSeed } from '../random';

const random = new TestRandom(testSeed, 1);
const q = 10 ** (3 * random.uniform() - 2);

const functions: [string, Activation, (x: number) => number][] = [
  ['sigmoid', sigmoid(), (x) => 1 / (1 + Math.exp(-x))],
  ['sigmoid*', scaledSigmoid(), (x) => 4 / (1 + Math.exp(-x)) - 2],
  ['tanh', tanh(), (x) => 1 - 2 / (Math.exp(2 * x) + 1)],
  ['leakyTanh', leakyTanh(0.3), (x) => (x < 0 ? 0.3 : 1) * Math.tanh(x)],
  ['relu', relu(), (x) => Math.max(0, x)],
  ['leakyRelu', leakyRelu(0.2), (x) => (x < 0 ? 0.2 * x : x)],
  ['rrelu', rrelu({ lower: 0.1, upper: 0.3 }), (x) => (x < 0 ? 0.2 * x : x)],
  ['elu', elu(1), (x) => (x < 0 ? Math.exp(x) - 1 : x)],
];

/** Integrates g over a gaussian by the midpoint rule, which is accurate enough with so many points. */
function grid(g: (x: number) => number, variance: number, points = 40_000): number {
  const step = 20 / points;
  let sum = 0;
  for (let i = 0; i < points; i++) {
    const z = -10 + (i + 0.5) * step;
    sum += g(Math.sqrt(variance) * z) * Math.exp((-z * z) / 2) * step;
  }
  return sum / Math.sqrt(2 * Math.PI);
}

const relative = (value: number, expected: number) => Math.abs(value / expected - 1);

describe.each(functions)('%s', (_, activation, f) => {
  test(`expectations at q = ${q.toPrecision(3)}`, () => {
    const slope = (x: number) => (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
    expect(
      relative(
        expectedSquare(activation, q),
        grid((x) => f(x) ** 2, q),
      ),
    ).toBeLessThan(1e-7);
    expect(
      relative(
        expectedSquaredSlope(activation, q),
        grid((x) => slope(x) ** 2, q),
      ),
    ).toBeLessThan(1e-5);
  });

  test('two inputs: independent, half alike, nearly the same', () => {
    const square = expectedSquare(activation, q);
    const mean = grid(f, q);
    expect(relative(expectedSquaredDifference(activation, q, q), square - mean * mean)).toBeLessThan(1e-6);
    const half = grid((s) => grid((t) => (f(s + t) - f(s - t)) ** 2, q / 4, 400), (3 * q) / 4, 400) / 2;
    expect(relative(expectedSquaredDifference(activation, q, q / 2), half)).toBeLessThan(2e-3);
    for (const d of [1e-5 * q, 1e-9 * q, 1e-20 * q])
      expect(
        relative(expectedSquaredDifference(activation, q, d) / d, expectedSquaredSlope(activation, q)),
      ).toBeLessThan(Math.max(1e-6, 3 * Math.sqrt(d / q)));
  });
});

test('relu: the arc-cosine kernel (Cho and Saul 2009)', () => {
  const correlation = 2 * random.uniform() - 1;
  const angle = Math.acos(correlation);
  const kernel = (Math.sin(angle) + (Math.PI - angle) * correlation) / (2 * Math.PI);
  const d = q * (1 - correlation);
  if (d <= q) expect(relative(expectedSquaredDifference(relu(), q, d), q * (0.5 - kernel))).toBeLessThan(1e-6);
});

describe('a chain', () => {
  const last = <T>(list: readonly T[]): T => list[list.length - 1]!;

  test.each([
    ['tanh', tanh(), false],
    ['sigmoid*', scaledSigmoid(), false],
    ['sigmoid, centred', sigmoid(), true],
  ])('%s: small signals follow equations 4 and 6', (_, activation, centred) => {
    const layers = predictChain({ layers: 10, activation, centred, inputVariance: 1e-4 });
    for (const { variance, meanSquare, gradient, linear } of layers) {
      expect(relative(variance, linear.variance)).toBeLessThan(2e-3);
      expect(relative(meanSquare, linear.variance)).toBeLessThan(2e-3);
      expect(relative(gradient, linear.gradient)).toBeLessThan(2e-3);
    }
    expect(layers[0]!.linear.gradient).toBeCloseTo(centred ? 16 ** -9 : 1, 14);
  });

  test.each([
    ['relu', relu()],
    ['leakyRelu', leakyRelu()],
  ])('%s: mean square and gradient stay, at any width; what inputs differ by does not', (_, activation) => {
    const layers = predictChain({ layers: 10, activation, width: 50 });
    for (const layer of layers) {
      expect(relative(layer.meanSquare, layers[0]!.meanSquare)).toBeLessThan(1e-6);
      expect(relative(layer.gradient, 1)).toBeLessThan(1e-6);
    }
    expect(last(layers).variance).toBeLessThan(0.6 * layers[0]!.variance);
  });

  test('sigmoid loses what tells inputs apart, and sigmoid* does not', () => {
    const chain = (activation: Activation) => predictChain({ layers: 20, activation });
    expect(last(chain(sigmoid())).variance).toBeLessThan(1e-23);
    expect(chain(sigmoid())[0]!.gradient).toBeLessThan(1e-23);
    expect(last(chain(scaledSigmoid())).variance).toBeGreaterThan(0.05);
    expect(chain(scaledSigmoid())[0]!.gradient).toBeGreaterThan(0.05);
  });

  test('corrections vanish as 1 / width', () => {
    const at = (width?: number) => last(predictChain({ layers: 6, activation: leakyTanh(), width })).variance;
    const [small, large] = [at(1000) - at(), at(2000) - at()];
    expect(small / large).toBeCloseTo(2, 1);
  });

  test('bad options are refused', () => {
    expect(() => predictChain({ layers: 0, activation: tanh() })).toThrow(/integer from 1 to 10000 for layers/);
    expect(() => predictChain({ layers: 2, activation: { kind: 'mish' as 'tanh', slope: 0 } })).toThrow(
      /one of sigmoid/,
    );
    expect(() => expectedSquaredSlope(tanh(), -1)).toThrow(/for q but received -1/);
  });
});
