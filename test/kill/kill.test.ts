import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testSeed } from '../random';
import { temporaryFolder } from '../temporary';
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
