/** `saturnn variance` prints tables or one JSON object, and writes a folder with report and figures. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();

test('a chain: measured beside predicted, as text, JSON, report and figures', async () => {
  const out = join(folder, 'chain');
  const small = ['--model', 'chain', '--layers', '3', '--width', '16', '--draws', '4', '--device', 'cpu'];
  const chosen = ['--activations', 'sigmoid,relu', '--init', 'default', 'xavier:gaussian'];
  const { code, stdout, stderr } = await saturnn(['variance', ...small, ...chosen, '--out', out]);
  expect([code, stderr]).toEqual([0, '']);
  for (const title of ['Var[y], measured (z)', 'Var[dE/dy], measured (z)', 'Measured and predicted'])
    expect(stdout).toContain(title);
  const { chains, settings } = JSON.parse(readFileSync(join(out, 'variance.json'), 'utf8'));
  expect(settings).toMatchObject({ model: 'chain', layers: 3, width: 16, draws: 4 });
  expect(chains.map((chain: { magnitude: number }) => chain.magnitude)).toEqual([1, 1, 2, 3, 3, 3]);
  expect(readdirSync(join(out, 'figures')).sort()).toEqual(
    ['gradient', 'meanSquare', 'variance'].map((key) => `chain-${key}.svg`),
  );
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('Variances along a plain chain');
});

test('a network: every layer', async () => {
  const out = join(folder, 'network');
  const small = ['--model', 'subInception', '--width', '0.1', '--batch', '4', '--steps', '0', '--limit', '20'];
  const chosen = ['--activations', 'scaledSigmoid', '--device', 'cpu', '--out', out, '--json'];
  const { code, stdout } = await saturnn(['variance', ...small, ...chosen]);
  expect(code).toBe(0);
  const { runs, settings } = JSON.parse(stdout);
  expect(settings).toMatchObject({ model: 'subInception', steps: 0, batch: 4 });
  const [{ activation, moments }] = runs;
  expect([activation, moments.length, moments[0].layers.length]).toEqual(['scaledSigmoid', 1, 67]);
  expect(moments[0].layers.filter((layer: { onLongestPath: boolean }) => layer.onLongestPath).length).toBe(31);
  expect(existsSync(join(out, 'report.html'))).toBe(true);
});

test.each([
  ['--layers without a chain', ['--layers', '3'], /--layers does not apply to --model inception33 \(received 3\)/],
  [
    'LSUV with a chain',
    ['--model', 'chain', '--init', 'lsuv'],
    /--init lsuv does not apply to --model chain, .*use default, msra or xavier/,
  ],
])('%s is refused in one line', async (_, options, message) => {
  const { code, stderr } = await saturnn(['variance', ...options]);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n').length).toBe(1);
});
