import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testSeed } from '../random';
import { temporaryFolder } from '../temporary';
import { killDecoding } from './decoding';
import { killAndResume, smallArguments } from './kill';

const folder = temporaryFolder();

// The long form of this test: npm run kill -- --kills 200.
test.each(['train', 'table1'] as const)(
  '%s that is killed, stopped, started twice, copied and cut off, and continued, ends as without that',
  async (command) => {
    const report = await killAndResume({
      command,
      args: smallArguments[command].split(' '),
      folder: join(folder, command),
      kills: 2,
      seed: testSeed,
    });
    expect(report.faults).toEqual([]);
    expect(report.kills).toBeGreaterThanOrEqual(2);
  },
  600_000,
);

// The long form: npm run kill -- --command decoding --kills 20.
test('a decoding of pictures that is killed, and continued, ends with the same cache', async () => {
  const report = await killDecoding({ folder: join(folder, 'decoding'), kills: 4, seed: testSeed, perClass: 40 });
  expect(report.faults).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(4);
}, 300_000);
