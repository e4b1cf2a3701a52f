import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../lib/files/safetensors';
import { inspectModel } from '../../lib/models/inspect';
import { version } from '../../lib/version';
import { branchedModel } from '../models/networks';
import { temporaryFolder } from '../temporary';
import { smallData, trainerOf } from '../train/support';
import { saturnn } from './support';

test.each([
  ['inception33', { convolutions: 69, longestPath: 33, parameters: 10345028, macs: 1645273088 }],
  ['subInception', { convolutions: 66, longestPath: 30, parameters: 10185956, macs: 1520811520 }],
  ['inceptionBn', { convolutions: 69, longestPath: 33, parameters: 11295240, macs: 2032600064 }],
])('inspect %s --json has the published totals, which are the sums of its layers', async (model, totals) => {
  // Counting needs no native library.
  const { code, stdout, stderr } = await saturnn(['inspect', model, '--json'], { env: { SATURNN_BINARY: '/nowhere' } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const summary = JSON.parse(stdout);
  expect(summary.totals).toEqual(totals);
  const sum = (key: string) => summary.layers.reduce((total: number, layer: never) => total + layer[key], 0);
  expect(sum('parameters')).toBe(totals.parameters);
  expect(sum('macs')).toBe(totals.macs);
  expect(Object.keys(summary.layers[0])).toEqual(['name', 'outputShape', 'parameters', 'macs']);
});

test('inspect prints a table', async () => {
  const { code, stdout } = await saturnn(['inspect', 'inception33', '--width', '0.25']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/3b\/d3x3b +28 x 28 x 32/);
  expect(stdout).toMatch(/69 convolutions, 33 on the longest path/);
});

test('inspect takes the size and the channels of the images', async () => {
  const words = ['inspect', 'subInception', '--width', '0.1', '--size', '48x65', '--channels', '1'];
  const { code, stdout } = await saturnn(words);
  expect(code).toBe(0);
  expect(stdout).toMatch(/3a\/pool +48 x 65 x 1/);
  expect(stdout).toMatch(/5b +12 x 17 x/);
});

test('inspect --lr-layers adds depth and rate', async () => {
  const words = ['inspect', 'inception33', '--width', '0.1', '--activation', 'sigmoid', '--lr-layers', 'gain'];
  const { code, stdout } = await saturnn(words);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^conv1 .* 33 +1$/m);
  expect(stdout).toMatch(/^5b\/3x3r .* 2 +weight 16, bias 1$/m);
  const refused = await saturnn(['inspect', 'inception33', '--lr-layers', 'lars']);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/--lr-layers.*"lars"/) });
});

describe('a file of a network that is not built in', () => {
  const folder = temporaryFolder();
  const [file, old] = [join(folder, 'model.safetensors'), join(folder, 'old.safetensors')];
  const make = () => branchedModel({ classes: 100, size: 28 });
  const named = ['--weights', file, '--device', 'cpu', '--data', 'generated', '--limit', '20'];

  beforeAll(async () => {
    const data = smallData(32, 20);
    const names = Array.from({ length: 100 }, (_, label) => `class ${label}`);
    using trainer = trainerOf({ model: make(), train: data.train.named(names), test: data.test });
    await trainer.fit({ epochs: 1 });
    await trainer.saveWeights(file);
  });

  test('inspect prints its card and its layers, without native code', async () => {
    const { code, stdout, stderr } = await saturnn(['inspect', file], { env: { SATURNN_BINARY: '/nowhere' } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const line of [
      /^network +branched$/m,
      /^images +28 x 28 x 3 of images 32 x 32 x 3$/m,
      /^normalised by +a mean per channel: [\d., ]+; scale [\d., ]+$/m,
      /^classes +100: class 0, class 1, .*, …$/m,
      new RegExp(`^written by +saturnn ${version.replaceAll('.', '\\.')}$`, 'm'),
      /^trained +2 steps on 32 images of 32 x 32 x 3, 100 classes \(fingerprint [0-9a-f]{12}\)$/m,
      /^metrics +epoch 1: train loss \d\.\d{4}, accuracy [\d.]+ ?%, test loss \d\.\d{4}, accuracy [\d.]+ ?%$/m,
      /^batch +16$/m,
      /^optimizer +\{"kind":"Sgd"/m,
      /^stem +28 x 28 x 16 +464 /m,
    ])
      expect(stdout).toMatch(line);
  });

  test('inspect --json prints everything', async () => {
    const { stdout } = await saturnn(['inspect', file, '--json']);
    const { graph, card, layers, totals, ...rest } = JSON.parse(stdout);
    const summary = inspectModel(make());
    expect({ layers, totals }).toEqual({ layers: summary.layers, totals: summary.totals });
    const { metadata } = readSafetensors(file);
    expect(graph).toEqual(JSON.parse(metadata.graph!));
    expect(card).toEqual(JSON.parse(metadata.card!));
    expect(rest).toMatchObject({ name: 'branched', classes: 100, inputShape: [28, 28, 3], imageShape: [32, 32, 3] });
    expect(rest.classNames).toHaveLength(100);
    expect(rest.normalisation.meanShape).toEqual([3]);
  });

  test('predict and evaluate take it', async () => {
    const predicted = await saturnn(['predict', ...named]);
    expect(predicted).toMatchObject({ code: 0, stderr: '' });
    expect(predicted.stdout).toMatch(/^20 images of 32x32, cropped to 28x28 at the centre, accuracy /m);
    const evaluated = await saturnn(['evaluate', ...named, '--json']);
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ count: 20, classes: 100 });
  });

  test('is refused where it is wrong; options of built-in models do not apply', async () => {
    const { tensors, metadata } = readSafetensors(file);
    const { graph: _, card: __, ...rest } = metadata;
    writeSafetensors(old, { tensors, metadata: rest });
    const stderr = async (...args: string[]) => (await saturnn(args)).stderr;
    expect(await stderr('inspect', old)).toMatch(
      /\[ERR_DATA\].*it has no graph \(it is of an earlier version\).*"branched"/,
    );
    expect(await stderr('inspect', join(folder, 'none.safetensors'))).toMatch(/\[ERR_DATA\]: Cannot read .*ENOENT/);
    expect(await stderr('inspect', 'inception34')).toMatch(/one of inception33, .* received "inception34"/);
    expect(await stderr('inspect', file, '--width', '0.5')).toMatch(/--width does not apply to a file/);
    const text = join(folder, 'text');
    writeFileSync(text, 'no model');
    expect(await stderr('inspect', text)).toMatch(/is not a valid safetensors file/);
  });
});
