import { expect, test } from 'vitest';
import { scan } from './scan';

// The long form of this test: npm run scan:convolutions.
test('convolutions stay within their memory and compute what loops compute, with every instruction set', async () => {
  const reports = await scan({ cases: 40, seed: 1, threads: [1, 2, 5] });
  expect(reports.length).toBeGreaterThan(0);
  for (const { instructions, launches, faults } of reports) {
    expect(faults, instructions).toEqual([]);
    expect(launches, instructions).toBeGreaterThanOrEqual(40 * 3 * 3 * 2);
  }
}, 600_000);
