import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();

test('prints a row per rule and a verdict, and writes report and figures', async () => {
  const out = join(folder, 'equivalence');
  const small = ['--device', 'cpu', '--steps', '2', '--batch', '2', '--model', 'chain', '--padding'];
  const { code, stdout, stderr } = await saturnn(['equivalence', ...small, '--out', out]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^exact: preconditioned by J Jᵀ +\d\.\d{4} +(0\.0e\+0|\d\.\de-\d)/m);
  expect(stdout.match(/^factor (4|16) /gm)).toHaveLength(4);
  expect(stdout).toMatch(
    /The exact rule differs from the sigmoid\* run by at most (0\.0e\+0|\d\.\de-\d) with zero padding, within 0.0001\./,
  );
  expect(stdout).not.toMatch(/without padding/);
  for (const figure of ['outputs', 'parameters', 'loss'])
    expect(existsSync(join(out, 'figures', `${figure}-padding.svg`)), figure).toBe(true);
  const { settings, comparisons } = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  expect(settings).toMatchObject({ model: 'chain', steps: 2, learningRate: 0.03, precision: 'f32' });
  expect(comparisons[0].loss).toHaveLength(2);
});

test('a network that needs its padding is refused without it, in one line', async () => {
  const args = ['equivalence', '--device', 'cpu', '--model', 'inception33', '--no-padding'];
  const { code, stdout, stderr } = await saturnn(args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^error \[ERR_INVALID_ARGUMENT\]: Expected true for inception33.*for padding.*\n$/);
});
