import { describe, expect, test } from 'vitest';
import {
  defaultInitializer,
  fans,
  gaussian,
  type Initializer,
  msra,
  uniform,
  xavier,
} from '../lib/initial/initializers';
import { elu, leakyRelu, leakyTanh, relu, scaledSigmoid, sigmoid, tanh } from '../lib/ops/activations';
import { Philox } from '../lib/random';

const shape = [64, 3, 3, 128];
const fanIn = 3 * 3 * 128;

function draw(initializer: Initializer) {
  const values = initializer(shape, new Philox(1, 2));
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return { mean, deviation, largest };
}

describe('initializers', () => {
  test('gaussian and uniform have the scale that was asked for', () => {
    const normal = draw(gaussian({ deviation: 0.2 }));
    expect(normal.deviation / 0.2).toBeCloseTo(1, 2);
    expect(Math.abs(normal.mean)).toBeLessThan(0.003);
    expect(normal.largest).toBeGreaterThan(0.6);
    const flat = draw(uniform({ limit: 0.2 }));
    expect((flat.deviation * Math.sqrt(3)) / 0.2).toBeCloseTo(1, 2);
    expect(flat.largest).toBeLessThanOrEqual(Math.fround(0.2));
    expect(flat.largest).toBeGreaterThan(0.199);
  });

  test('fans follow the layout [O, KH, KW, I]', () => {
    expect(fans(shape)).toEqual({ in: 1152, out: 576, avg: 864 });
    expect(fans([10, 20])).toEqual({ in: 20, out: 10, avg: 15 });
    expect(() => fans([3])).toThrow(/shape of a weight/);
  });

  test('xavier scales by sqrt(magnitude / fan)', () => {
    expect(draw(xavier()).largest).toBeCloseTo(Math.sqrt(3 / 864), 4);
    const normal = draw(xavier({ magnitude: 2, factor: 'out', distribution: 'gaussian' }));
    expect(normal.deviation / Math.sqrt(2 / 576)).toBeCloseTo(1, 2);
  });

  test.each([
    ['msra', msra(), 2],
    ['msra with slope', msra({ slope: 0.5 }), 1.6],
    ['no activation', defaultInitializer(), 1],
    ['tanh', defaultInitializer(tanh()), 1],
    ['sigmoid*', defaultInitializer(scaledSigmoid()), 1],
    // The gain is not 16, which would repair the failure that the paper shows.
    ['sigmoid', defaultInitializer(sigmoid()), 1],
    ['relu', defaultInitializer(relu()), 2],
    ['leakyTanh', defaultInitializer(leakyTanh(0.25)), 2 / 1.0625],
    ['leakyRelu', defaultInitializer(leakyRelu(0.5)), 2 / 1.25],
    ['elu', defaultInitializer(elu(0.5)), 2 / 1.25],
  ] as const)('%s: gaussian, fan in, its magnitude', (_, initializer, magnitude) => {
    expect(draw(initializer).deviation / Math.sqrt(magnitude / fanIn)).toBeCloseTo(1, 2);
  });

  test('refuse bad options', () => {
    expect(() => gaussian({ deviation: 0 })).toThrow(/deviation/);
    expect(() => xavier({ magnitude: Number.NaN })).toThrow(/magnitude/);
    expect(() => xavier({ factor: 'fan' as 'in' })).toThrow(/factor.*"fan"/);
    expect(() => xavier({ distribution: 'normal' as 'uniform' })).toThrow(/distribution/);
  });
});
