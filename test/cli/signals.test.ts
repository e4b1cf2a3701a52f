/** Commands that have nothing to save end at a signal at once: with its exit code, a message, and nothing half done in their folder. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();
const out = (name: string) => join(folder, name);

test.each([
  [
    'variance',
    'SIGTERM',
    143,
    [
      '--activations',
      'relu',
      '--width',
      '0.1',
      '--batch',
      '8',
      '--limit',
      '64',
      '--draws',
      '1000',
      '--out',
      out('variance'),
    ],
  ],
  ['bench', 'SIGHUP', 129, ['step', '--smoke', '--rounds', '1000000', '--save', join(out('bench'), 'saved.json')]],
] as const)('%s at %s', async (command, signal, code, args) => {
  mkdirSync(out(command));
  const ended = await saturnn([command, '--device', 'cpu', ...args], { interrupt: /\n/, signal });
  expect(ended).toMatchObject({
    code,
    stderr: expect.stringMatching(/(^|\n)error \[ERR_INTERRUPTED\]: Interrupted\n$/),
  });
  expect(readdirSync(out(command))).toEqual([]);
});
