import { expect, test } from 'vitest';
import { testSeed } from '../random';
import { temporaryFolder } from '../temporary';
import { killAndResume } from './kill';

const folder = temporaryFolder();

// The long form of this test: npm run kill -- --kills 20.
test('a run that is killed at random moments and resumed ends as one that was not', async () => {
  const args = ['--device', 'cpu', '--width', '0.1', '--batch', '16', '--limit', '96', '--epochs', '2'];
  const rates = ['--schedule', 'cosine', '--checkpoint-steps', '2'];
  const report = await killAndResume({ args: [...args, ...rates], folder, kills: 3, seed: testSeed });
  expect(report).toMatchObject({ kills: 3, differences: [] });
}, 600_000);
