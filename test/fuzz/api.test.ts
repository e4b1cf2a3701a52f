/** The fuzzer of the public API, bounded; `npm run fuzz:api` is its long form. It needs dist/. */
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('calls with values of every kind end with a result or an error with a code', { timeout: 120_000 }, async () => {
  const { fuzzApi } = await import('./api/run.mjs' as string);
  expect(await fuzzApi({ dist: join(__dirname, '../../dist'), calls: 600, seed: 1 })).toEqual([]);
});
