/** --no-test and --validation: what is trained, written down and continued. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();
const small = ['train', '--device', 'cpu', '--width', '0.05', '--batch', '16', '--limit', '32'];
const configOf = (out: string) => JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
const ok = { code: 0, stderr: '' };

test('--no-test trains without a test set, and a resume does, too', async () => {
  const out = join(folder, 'none');
  const begun = await saturnn([...small, '--no-test', '--patience', '5', '--epochs', '1', '--out', out]);
  expect(begun).toMatchObject(ok);
  expect(begun.stdout).toMatch(/epoch 1\/1: train loss \d\.\d+, accuracy \d+\.\d\d %; \d+ images\/s\n/);
  expect(begun.stdout).toMatch(/train accuracy \d+\.\d\d % \(chance: 1\.00 %\)\n/);
  expect(configOf(out)).toMatchObject({ test: false, trainSet: { count: 32 }, given: { '--no-test': true } });
  expect(configOf(out)).not.toHaveProperty('testSet');
  expect(existsSync(join(out, 'best.checkpoint'))).toBe(true);
  expect(await saturnn(['train', '--out', out, '--resume', '--epochs', '2'])).toMatchObject(ok);
  expect((await readCheckpoint(join(out, 'last.checkpoint'))).info).toMatchObject({
    test: null,
    position: { epoch: 2 },
  });
});

test('--validation evaluates a part of the training set, which is written down', async () => {
  const out = join(folder, 'validation');
  const begun = await saturnn([...small, '--limit', '400', '--validation', '0.25:3', '--epochs', '1', '--out', out]);
  expect(begun).toMatchObject(ok);
  expect(begun.stdout).toMatch(/epoch 1\/1: .*; validation loss \d.*, validation accuracy \d.*\n/s);
  expect(begun.stdout).not.toMatch(/\btest\b/);
  const origin = { part: 'validation', share: 0.25, seed: 3 };
  expect(configOf(out)).toMatchObject({
    ...{ validation: { share: 0.25, seed: 3 }, trainSet: { count: 300 }, testSet: { count: 100, origin } },
  });
  const { info } = await readCheckpoint(join(out, 'last.checkpoint'));
  expect(info.test).toMatchObject({ count: 100, origin });
  const resume = ['train', '--out', out, '--resume', '--epochs', '2'];
  expect((await saturnn([...resume, '--validation', '0.25:4'])).stderr).toMatch(
    /belongs to another training set: origin/,
  );
  expect(await saturnn(resume)).toMatchObject(ok);
  const read = (name: string) => readFileSync(join(out, name), 'utf8');
  const events = read('metrics.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const reported = events.filter(({ event }) => event === 'epoch' || event === 'end');
  expect(reported.map(({ evaluated }) => evaluated)).toEqual(['validation', 'validation', 'validation']);
  expect(read('epochs.csv').match(/,(evaluated|validation)$/gm)).toEqual([',evaluated', ',validation', ',validation']);
  const report = read('report.html');
  for (const text of ['>validation accuracy<', '>Validation set<', 'validation accuracy '])
    expect(report).toContain(text);
  expect(report.replaceAll(/<script>[\s\S]*?<\/script>/g, '')).not.toMatch(/>test (loss|accuracy)|[Tt]est set/);
  const both = await saturnn([...small, '--validation', '0.1', '--no-test', '--out', join(folder, 'both')]);
  expect(both.stderr).toContain('--no-test does not apply beside --validation');
});
