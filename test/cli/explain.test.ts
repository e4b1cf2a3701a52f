/** saturnn explain, inspect --filters and train --find-lr: pictures of what a network does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { imageFolder } from '../../lib/data/pictures/imageFolder';
import { createModel } from '../../lib/models';
import { Trainer } from '../../lib/train/trainer';
import { drawClasses, sharp } from '../data/pictures/draw';
import { temporaryFolder } from '../temporary';
import { cpu } from '../train/support';
import { type Outcome, saturnnLines } from './support';

const folder = temporaryFolder();
const [photos, weights, out] = ['photos', 'model.safetensors', 'out'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
let outcomes: Outcome[];

beforeAll(async () => {
  await drawClasses(photos, 2, ['circle', 'ring']);
  const { train } = await imageFolder(photos, { size: 20, testShare: 0, cacheDir: join(folder, 'cache') });
  const model = createModel('subInception', { width: 0.02, size: 16, classes: 2 });
  using trainer = new Trainer({ model, train, device: cpu(), batch: 2 });
  await trainer.fit({ steps: 1 });
  await trainer.saveWeights(weights);
  const explain = ['explain', join(photos, 'circle'), join(photos, 'ring', '000.png')];
  const rest = ['--weights', weights, '--device', 'cpu', '--out', out];
  const find = [
    'train',
    '--device',
    'cpu',
    '--width',
    '0.02',
    '--model',
    'subInception',
    '--limit',
    '8',
    '--batch',
    '4',
  ];
  outcomes = await saturnnLines([
    [...explain, ...rest, '--class', 'ring', '--layer', '3a', '--batch', '2'],
    ['explain', join(photos, 'ring', '000.png'), ...rest, '--json'],
    [...explain, ...rest, '--class', 'rnig'],
    ['inspect', weights, '--filters', join(folder, 'filters.png')],
    ['inspect', weights, '--filters', join(folder, 'filters.png'), '--layer', '3a/3x4'],
    ['inspect', 'lenet', '--filters', join(folder, 'filters.png')],
    ['inspect', weights, '--layer', '3a/3x3'],
    [...find, '--find-lr', '1e-4:1:10', '--accumulate', '2', '--out', join(folder, 'rates')],
    [...find, '--find-lr', '--lr', '0.1', '--out', join(folder, 'rates')],
    [...find, '--find-lr', '1:2:3:4', '--out', join(folder, 'rates')],
  ]);
});

test('explain draws a map over each picture, of any name', async () => {
  const [named, predicted, unknown] = outcomes as [Outcome, Outcome, Outcome];
  expect(named).toMatchObject({ code: 0, stderr: '' });
  const lines = named.stdout.trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/circle\/000\.png: ring [\d.]+ %, layer 3a: .*out\/000-gradcam\.png$/);
  expect(lines[2]).toMatch(/ring\/000\.png: ring .*out\/000-gradcam-2\.png$/);
  const { width, height, channels } = await sharp(join(out, '001-gradcam.png')).metadata();
  expect({ width, height, channels }).toEqual({ width: 220, height: 220, channels: 3 });
  expect(JSON.parse(predicted.stdout)).toMatchObject({ layer: '5b', picture: join(out, '000-gradcam.png') });
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toMatch(/the name of a class \(the nearest is "ring"\), or an index from 0 to 1 for --class/);
});

test('inspect --filters draws the filters of a convolution of a file', async () => {
  const [drawn, unknown, model, alone] = outcomes.slice(3) as [Outcome, Outcome, Outcome, Outcome];
  expect(drawn).toMatchObject({ code: 0, stderr: '' });
  expect(drawn.stdout).toContain(`filters of 3a/1x1: 16 of 1x1x3: ${join(folder, 'filters.png')}\n`);
  expect(await sharp(join(folder, 'filters.png')).metadata()).toMatchObject({ width: 106, height: 106 });
  expect(unknown.stderr).toMatch(/the name of a layer with a convolution \(the nearest is "3a\/3x3"\)/);
  expect(model.stderr).toMatch(/--filters does not apply to a model without a file/);
  expect(alone.stderr).toMatch(/--layer does not apply without --filters/);
});

test('train --find-lr suggests a rate, and draws the curve', () => {
  const [found, other, wrong] = outcomes.slice(7) as [Outcome, Outcome, Outcome];
  expect(found).toMatchObject({ code: 0, stderr: '' });
  expect(found.stdout).toMatch(/^\d+ steps, up to a learning rate of [\d.]+.*\n(suggested: --lr|the loss never fell)/);
  const read = (ending: string) => readFileSync(join(folder, 'rates', `learning-rates.${ending}`), 'utf8');
  expect(read('svg')).toContain('smoothed loss');
  const { points } = JSON.parse(read('json'));
  expect(read('csv').trim().split('\n')).toHaveLength(points.length + 1);
  expect(points[0]).toMatchObject({ step: 1, rate: 1e-4 });
  expect(other.stderr).toMatch(/--lr does not apply to --find-lr/);
  expect(wrong.stderr).toMatch(/Expected FROM:TO:STEPS/);
});
