/** `saturnn table1` with short trainings. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Table1 } from '../../lib/experiments/table1/rows';
import { type Table1Event, type Table1Options, table1 } from '../../lib/experiments/table1/table1';
import { saturnn } from '../cli/support';
import { drawClasses } from '../data/pictures/draw';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();
const tiny = { preset: 'smoke', limit: 16, testLimit: 8, batch: 8, epochs: 1 } as const;
const flags = ['table1', '--limit', '16', '--test-limit', '8', '--batch', '8', '--epochs', '1'];
const out = join(folder, 'searched');
const searched: Table1Options = {
  ...{ ...tiny, out, activations: ['relu'], learningRate: 'auto' as const },
  search: { grid: [1e6, 0.01], limit: 8, epochs: 2 },
};

test('rates are searched, the table is made, and what is there is not trained again', async () => {
  const events: Table1Event[] = [];
  const onEvent = (event: Table1Event) => events.push(event);
  const table = await table1({ ...searched, onEvent });
  expect(events[0]).toMatchObject({ event: 'plan', trainings: 1, trainImages: 16, testImages: 8 });
  expect(events[0]).toMatchObject({ search: { trials: 2, share: 2 / 3 } });
  const ended = events.filter(({ event }) => event === 'ended');
  expect(ended).toMatchObject([{ phase: 'search' }, { phase: 'search' }, { phase: 'runs' }]);
  expect(table).toMatchObject({ complete: true, interrupted: false, out });
  const [search] = table.searches;
  expect(search).toMatchObject({ activation: 'relu', chosen: 0.01, trials: [{ status: { kind: 'diverged' } }, {}] });
  expect(table.rows).toMatchObject([{ activation: 'relu', rate: { rate: 0.01, how: 'search' }, ended: true }]);
  for (const name of ['table1.json', 'table.json', 'table.txt', 'report.html', 'figures/figure1.svg'])
    expect(existsSync(join(out, name)), name).toBe(true);
  expect(readFileSync(join(out, 'table.txt'), 'utf8')).toContain('0.01 (searched)');

  events.length = 0;
  expect((await table1({ ...searched, onEvent })).rows).toEqual(table.rows);
  expect(events.map(({ event }) => event)).toEqual(['plan', 'chosen']);
});

test('activations and seeds may be added to a folder, and nothing else', async () => {
  const abort = new AbortController();
  abort.abort();
  const more = { ...searched, activations: ['tanh'], seeds: 2, signal: abort.signal };
  const table = await table1(more);
  expect(table).toMatchObject({
    complete: false,
    interrupted: true,
    settings: { activations: ['relu', 'tanh'], seeds: 2 },
  });
  expect(table.rows.map(({ status }) => status)).toEqual([expect.stringMatching(/^1 .*, 1 missing$/), 'missing']);
  await expect(table1({ ...more, epochs: 2 })).rejects.toMatchObject({
    code: 'ERR_CHECKPOINT',
    message: expect.stringMatching(/other settings: epochs is 1 there and 2 here\. Choose another --out/),
  });
  await expect(table1({ ...more, limit: 17 })).rejects.toThrow('limit is 16 there and 17 here');
});

test('the command stops after its minutes, and at Ctrl-C, with the table so far and the command that goes on', async () => {
  const own = join(folder, 'two words');
  const args = [...flags, '--activations', 'tanh,sigmoid', '--lr', '0.01', '--out', own];
  const goOn = `saturnn ${args.slice(0, -1).join(' ')} '${own}'`;
  const timed = await saturnn([...args, '--minutes', '0.0001', '--json']);
  expect(timed.code).toBe(0);
  expect(timed.stderr).toContain('2 trainings (tanh, sigmoid) of 1 epoch\n');
  expect(timed.stderr.endsWith(`Stopped after 0.0001 minutes. To continue: ${goOn} --minutes 0.0001\n`)).toBe(true);
  const table: Table1 = JSON.parse(timed.stdout);
  expect(table).toMatchObject({ interrupted: true, rows: [{ activation: 'tanh' }, { activation: 'sigmoid' }] });
  const interrupted = await saturnn(args, { interrupt: /training 1/ });
  expect(interrupted).toMatchObject({
    code: 130,
    stderr: `error [ERR_INTERRUPTED]: Interrupted. To continue: ${goOn}\n`,
  });
  expect(interrupted.stdout).toMatch(/\ntanh +0\.01 \(given\) +.* s\n/);
});

test('pictures are decoded as for train, and the network, the augmentation and the pixels may be chosen', async () => {
  const photos = join(folder, 'photos');
  const own = join(folder, 'pictures');
  await drawClasses(photos, 4, ['circle', 'cross']);
  const args = [
    ...['table1', '--data', photos, '--activations', 'relu', '--epochs', '1', '--batch', '2', '--width', '0.1'],
    ...['--model', 'subInception'],
    ...['--size', '12x14', '--stored-size', '16', '--channels', '1', '--fit', 'stretch', '--test-share', '0.5'],
    ...['--cache-dir', join(folder, 'cache'), '--data-mode', 'streaming', '--mean', 'pixel', '--scale', 'none'],
    ...['--normalization', 'batch', '--dropout', '0.5', '--augment', 'crop,mirror', '--out', own],
  ];
  const made = await saturnn(args);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toContain(
    `${photos}: 4 training and 4 test images of 2 classes, decoded to 16x16; the test set is`,
  );
  const { fixed } = JSON.parse(readFileSync(join(own, 'table1.json'), 'utf8'));
  expect(fixed).toMatchObject({
    ...{ size: [12, 14], channels: 1, normalization: 'batch', dropout: 0.5, augmentation: 'crop:0,mirror:0.5' },
    statistics: { per: 'pixel', scale: 'none' },
  });
  const { settings } = JSON.parse(readFileSync(join(own, 'runs/relu-seed0/config.json'), 'utf8'));
  expect(settings).toMatchObject({ size: [12, 14], channels: 1, augmentation: 'crop:0,mirror:0.5' });
  // By default the network reads whole pictures, and the settings say so.
  const pictures = { cacheDir: join(folder, 'cache') };
  const whole = {
    ...tiny,
    model: 'subInception',
    out: join(folder, 'whole'),
    data: photos,
    pictures,
    activations: ['relu'],
    validation: { share: 0.25 },
  };
  const { settings: usual, report } = await table1({ ...whole, batch: 2, augmentation: 'none' });
  const validation = { share: 0.25, seed: 0 };
  expect(usual.fixed).toMatchObject({ size: [32, 32], augmentation: 'none', validation });
  expect(usual.fixed).not.toHaveProperty('channels');
  expect(readFileSync(join(folder, 'whole/table.txt'), 'utf8')).toContain('validation accuracy');
  const page = readFileSync(report, 'utf8').replaceAll(/<script>[\s\S]*?<\/script>/g, '');
  expect(page).not.toMatch(/[Tt]est accuracy/);
  const changed = table1({ ...whole, batch: 2, augmentation: 'mirror' });
  await expect(changed).rejects.toThrow('augmentation is none there and mirror:0.5 here');
  const two = { ...tiny, data: photos, pictures, channels: 2, out: join(folder, 'two') };
  await expect(table1(two)).rejects.toThrow('Expected 1, 3 or 4 for channels of pictures but received 2');
});

test.each([
  [
    'table1 --preset paper --device auto --data generated',
    /^error \[ERR_UNSUPPORTED\]: The preset paper is for a GPU.*--device cpu to train on the CPU nevertheless\n$/,
  ],
  [
    'table1 --activations relu,selu',
    /option '--activations <name\[:a\],\.\.\.>' argument 'relu,selu' is invalid.*selu/,
  ],
  ['table1 --lr fast', /option '--lr <auto\|x>'/],
])('saturnn %s is refused in one line', async (command, message) => {
  // The test must not use a GPU, even if this machine has one.
  const { code, stdout, stderr } = await saturnn(command.split(' '), { env: { CUDA_VISIBLE_DEVICES: '' } });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(message);
});
