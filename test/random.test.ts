import { describe, expect, test } from 'vitest';
import { mulhi, Philox, philox4x32 } from '../lib/random';

describe('philox4x32', () => {
  // Known answers for ten rounds, published with Random123.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('counter %j, key %j', (counter, key, expected) => {
    expect(philox4x32(counter, key)).toEqual([...expected]);
  });

  test('mulhi is exact', () => {
    const random = new Philox(1, 2);
    for (let i = 0; i < 1000; i++) {
      const a = random.uint32();
      const b = random.uint32();
      expect(mulhi(a, b)).toBe(Number((BigInt(a) * BigInt(b)) >> 32n));
    }
    expect(mulhi(0xffffffff, 0xffffffff)).toBe(0xfffffffe);
  });
});

describe('Philox', () => {
  test('depends on seed, stream and substream, and on nothing else', () => {
    const first = (...key: [number, number, number?]) => {
      const random = new Philox(...key);
      return Array.from({ length: 9 }, () => random.uint32());
    };
    expect(first(1, 2, 3)).toEqual(first(1, 2, 3));
    for (const other of [first(2, 2, 3), first(1, 3, 3), first(1, 2, 4)]) expect(other).not.toEqual(first(1, 2, 3));
    expect(() => new Philox(-1, 0)).toThrow(/seed/);
    expect(() => new Philox(0, 2 ** 32)).toThrow(/stream/);
  });

  test('has the moments of its distributions', () => {
    const random = new Philox(7, 0);
    const count = 200_000;
    const moments = (next: () => number) => {
      const sums = [0, 0, 0, 0];
      for (let i = 0; i < count; i++) {
        const x = next();
        sums[0]! += x;
        sums[1]! += x * x;
        sums[2]! += x ** 3;
        sums[3]! += x ** 4;
      }
      return sums.map((sum) => sum / count);
    };
    const [mean, square] = moments(() => random.uniform());
    expect(mean).toBeCloseTo(1 / 2, 2);
    expect(square).toBeCloseTo(1 / 3, 2);
    const gauss = moments(() => random.gaussian());
    [0, 1, 0, 3].forEach((expected, power) => {
      expect(Math.abs(gauss[power]! - expected)).toBeLessThan(0.05);
    });
  });

  test('permutes', () => {
    const order = new Philox(3, 4).permutation(1000);
    expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    const fixed = order.filter((value, index) => value === index).length;
    expect(fixed).toBeLessThan(10);
  });
});
