/** --evaluate-every: what it means, and what a run prints and writes down. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseEvaluateEvery } from '../../lib/cli/options/run';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();

test('takes epochs, or steps', () => {
  expect(parseEvaluateEvery('5')).toEqual({ epochs: 5 });
  expect(parseEvaluateEvery('500steps')).toEqual({ steps: 500 });
  for (const wrong of ['0', '1.5', '0steps', '5epochs', ''])
    expect(() => parseEvaluateEvery(wrong), wrong).toThrow(/^Expected .* received/);
});

test('a run evaluates within its epochs, and a resumed one goes on so', async () => {
  const out = join(folder, 'run');
  const train = ['train', '--device', 'cpu', '--width', '0.05', '--batch', '16', '--limit', '48', '--out', out];
  const begun = await saturnn([...train, '--evaluate-every', '2steps', '--epochs', '1']);
  expect(begun).toMatchObject({ code: 0, stderr: '' });
  expect(begun.stdout).toMatch(
    /epoch 1\/1, step 2: train loss .*; test loss .*\nepoch 1\/1: train loss .*; test loss /,
  );
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(config).toMatchObject({ evaluateEvery: { steps: 2 }, given: { '--evaluate-every': '2steps' } });
  const resumed = await saturnn(['train', '--out', out, '--resume', '--epochs', '2']);
  expect(resumed).toMatchObject({ code: 0, stderr: '' });
  expect(resumed.stdout).toMatch(/epoch 2\/2, step 4: .*\nepoch 2\/2: .*; test loss/);
  const steps = readFileSync(join(out, 'epochs.csv'), 'utf8').trimEnd().split('\n').slice(1);
  expect(steps.map((row) => row.split(',').slice(0, 2).join())).toEqual(['1,2', '1,3', '2,4', '2,6']);
});
