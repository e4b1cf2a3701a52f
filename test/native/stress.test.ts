/** stress.cjs for a few seconds; `npm run sanitize` runs it for longer, and sees what a wrong result does not show. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { binaryPath } from '../../lib/runtime/locate';
import { Fakes } from './support';

const fakes = new Fakes();
afterAll(() => fakes.remove());

test('devices, plans and workers that come and go while steps run', () => {
  const script = join(__dirname, 'stress.cjs');
  const args = ['--expose-gc', script, binaryPath('saturnn.node'), fakes.backend(), '8'];
  const text = execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 100_000 });
  expect(text).toMatch(/^seed \d+: 24 rounds, \d{3,} runs, \d+ refused, 2 terminated\n$/);
});
