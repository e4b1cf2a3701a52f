import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createModel } from '../../lib/models';
import { readSafetensors } from '../../lib/train/safetensors';
import { saturnn } from './support';

const folder = mkdtempSync(join(tmpdir(), 'saturnn-'));
afterAll(() => rmSync(folder, { recursive: true }));

const small = ['train', '--device', 'cpu', '--width', '0.1', '--batch', '16', '--limit', '40'];
const results = ['config.json', 'curves.svg', 'metrics.jsonl', 'model.safetensors', 'report.html'];

test('train writes settings, metrics, weights and curves, and ends with what they say', async () => {
  const out = join(folder, 'two-epochs');
  const { code, stdout, stderr } = await saturnn([...small, '--epochs', '2', '--activation', 'tanh', '--out', out]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readdirSync(out).sort()).toEqual(results);
  expect(stdout).toMatch(/epoch 1\/2: .*\nepoch 2\/2: /);
  expect(stdout).toMatch(/train accuracy \d+\.\d\d %, test accuracy \d+\.\d\d % \(chance: 1\.00 %\)\n\d+ images\/s/);
  expect(stdout).toMatch(/curves: .*curves\.svg\nreport: .*report\.html\n$/);

  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(config).toMatchObject({
    data: 'generated',
    model: 'inception33',
    width: 0.1,
    activation: 'tanh',
    device: 'cpu',
    precision: 'f32',
    batch: 16,
    epochs: 2,
    limit: 40,
    lr: 0.01,
    momentum: 0.9,
    weightDecay: 1e-4,
    seed: 0,
  });

  const events = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const epochs = events.filter(({ event }) => event === 'epoch');
  expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
  const keys = ['event', 'epoch', 'trainLoss', 'trainAccuracy', 'testLoss', 'testAccuracy', 'imagesPerSecond'];
  expect(Object.keys(epochs[0])).toEqual(keys);
  expect(events.at(-1)).toMatchObject({ event: 'end', steps: 6, epochs: 2 });

  const model = createModel('inception33', { width: 0.1 });
  const { tensors, metadata } = readSafetensors(join(out, 'model.safetensors'));
  expect(metadata).toEqual({
    model: 'inception33',
    width: '0.1',
    classes: '100',
    activation: 'tanh',
    normalization: 'none',
  });
  expect([...tensors.keys()]).toEqual(model.parameters.map(({ name }) => name));
  for (const parameter of model.parameters) expect(tensors.get(parameter.name)?.shape).toEqual([...parameter.shape]);
});

test('train --json prints every event, and where the results are', async () => {
  const out = join(folder, 'json');
  const { code, stdout } = await saturnn([...small, '--steps', '2', '--json', '--out', out]);
  expect(code).toBe(0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.slice(-3).map(({ event }) => event)).toEqual(['epoch', 'end', 'saved']);
  expect(events.at(-1)).toMatchObject({ out, curves: join(out, 'curves.svg') });
});

test('train --normalization batch --dropout keeps the running statistics with the weights', async () => {
  const out = join(folder, 'normalized');
  const settings = ['--steps', '2', '--normalization', 'batch', '--dropout', '0.2', '--out', out];
  const { code, stderr } = await saturnn([...small, ...settings]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(config).toMatchObject({ normalization: 'batch', dropout: 0.2, size: 28 });
  const { tensors, metadata } = readSafetensors(join(out, 'model.safetensors'));
  expect(metadata).toMatchObject({ normalization: 'batch' });
  const { parameters, buffers = [] } = createModel('inception33', { width: 0.1, normalization: 'batch' });
  expect([...tensors.keys()].sort()).toEqual([...parameters, ...buffers].map(({ name }) => name).sort());
  // After two steps: not what they began with.
  expect(tensors.get('conv1/runningVariance')?.data.every((value) => value > 0 && value !== 1)).toBe(true);
});

test('train --model inceptionBn wants images of its size, or another size', async () => {
  const bn = [...small, '--model', 'inceptionBn', '--steps', '1'];
  expect(await saturnn([...bn, '--out', join(folder, 'too-large')])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: .*224x224 \(its option "size"\) for image size of train.*32x32"\n$/),
  });
  expect((await saturnn([...bn, '--size', '33'])).stderr).toMatch(/a multiple of 32 for size but received 33/);
  expect(await saturnn([...bn, '--size', '32', '--out', join(folder, 'bn')])).toMatchObject({ code: 0, stderr: '' });
});

test('train keeps what was learned when it is interrupted', async () => {
  const out = join(folder, 'interrupted');
  const { code, stderr } = await saturnn([...small, '--epochs', '1000', '--json', '--out', out], {
    interrupt: /epoch":2/,
  });
  expect(code).toBe(130);
  expect(stderr).toMatch(/^error: Interrupted after step \d+\n$/);
  expect(readdirSync(out).sort()).toEqual(results);
});

test('train stops with one line where numbers are no longer finite', async () => {
  const out = join(folder, 'overflow');
  const settings = ['--activation', 'relu', '--lr', '1e6', '--epochs', '50', '--out', out];
  const { code, stderr } = await saturnn([...small, ...settings]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: Training stopped at step \d+: .*lower learning rate may help\.\n$/);
  expect(readdirSync(out).sort()).toEqual(results);
});
