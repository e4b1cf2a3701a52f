/** `saturnn convert`, as a user runs it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSafetensors, writeSafetensors } from '../../lib';
import { program } from '../../lib/cli/program';
import { temporaryFolder } from '../temporary';
import { subInceptionTensors } from '../weights/network';
import { saturnn } from './support';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const model = ['--model', 'subInception', '--width', '0.01', '--size', '12', '--normalization', 'batch'];

test('weights of PyTorch become a file of saturnn, and go back; another name needs a map', async () => {
  const tensors = new Map(
    [...subInceptionTensors()].map(([name, tensor]) => [name.replace('classifier', 'head'), tensor]),
  );
  writeSafetensors(path('pt'), { tensors, metadata: { format: 'pt' } });
  const refused = await saturnn(['convert', path('pt'), path('ours'), '--to', 'saturnn', ...model]);
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain(
    '  "classifier/bias" [100]: there is no "classifier.bias". The nearest is "head.bias"',
  );
  expect(refused.stderr).toMatch(/^error \[ERR_DATA\]: .*pt does not have 2 of the network's 332 weights: .*\n$/);
  expect(existsSync(path('ours'))).toBe(false);

  writeFileSync(path('map.json'), JSON.stringify({ rules: [{ saturnn: 'classifier/*', pytorch: 'head.*' }] }));
  const map = ['--map', path('map.json')];
  const images = ['--image-mean', '0.5,0.5,0.5', '--image-std', '0.25,0.25,0.25'];
  const made = await saturnn(['convert', path('pt'), path('ours'), '--to', 'saturnn', ...model, ...map, ...images]);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toMatch(/^fitted: 332 weights \(\d+ in another order\)\nnot needed: 66\nwritten: /);

  const { metadata } = openSafetensors(path('ours'));
  expect(metadata).toMatchObject({ model: 'subInception', classes: '7', size: '12', mean: '[127.5,127.5,127.5]' });

  const back = ['convert', path('ours'), path('back'), '--to', 'pytorch', '--like', path('pt'), ...map, '--json'];
  const returned = await saturnn(back);
  expect(returned).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(returned.stdout)).toMatchObject({ missing: [], misfitting: [], leftOut: [], out: path('back') });
  expect(readFileSync(path('back')).equals(readFileSync(path('pt')))).toBe(true);
});

test('options that do not apply are refused', async () => {
  const refused = (...args: string[]) => program().parseAsync(['convert', 'a', 'b', ...args], { from: 'user' });
  await expect(refused('--to', 'saturnn', '--width', '0.5')).rejects.toThrow('--width does not apply without --model');
  await expect(refused('--to', 'pytorch', ...model)).rejects.toThrow('--model does not apply to --to pytorch');
});
