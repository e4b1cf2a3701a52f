import { expect, test } from 'vitest';
import { testSeed } from '../random';
import { fuzz } from './fuzz';
import { targets } from './targets';

// Fixed seeds find again what they found; the fresh one, which a failure prints, may find more.
test.each([1, 2, 3, testSeed])(
  'mutated files, seed %i: a valid result or a SaturnnError, and no memory kept',
  async (seed) => {
    const { outcomes, rss } = await fuzz({ inputs: 5000, seed });
    expect(rss.at(-1)! - rss[0]!).toBeLessThan(64);
    for (const { name } of targets) {
      // It is no test of a reader if it accepts nothing, or refuses nothing.
      const { accepted = 0, ...refused } = outcomes[name]!;
      expect(accepted, name).toBeGreaterThan(0);
      expect(Object.keys(refused), name).not.toEqual([]);
    }
  },
);
