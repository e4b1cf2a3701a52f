/** --augment: what a run records, what is said if it is not given, and the page that shows what the network sees. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { augmentationFrom } from '../../lib/cli/options/augment';
import { crop, mirror, paperAugmentation } from '../../lib/data/augmentation/kinds';
import { Dataset } from '../../lib/data/dataset';
import { augmentedSamples } from '../../lib/train/augmentedSamples';
import { temporaryFolder } from '../temporary';
import { smallData } from '../train/support';
import { saturnn } from './support';

const folder = temporaryFolder();
const { train } = smallData(6, 2);
const { images, labels, shape, classes } = train;
const own = Dataset.from({ images, labels, shape, classes });

test('without --augment, the data set says; a line says so if images are not augmented', () => {
  expect(augmentationFrom(undefined, train)).toEqual({ augmentation: paperAugmentation, note: null });
  expect(augmentationFrom(undefined, own)).toEqual({
    augmentation: [],
    note: expect.stringMatching(/^Training images are not augmented .*--augment crop:4,mirror$/),
  });
  expect(augmentationFrom([], own).note).toBeNull();
  expect(augmentationFrom([mirror()], own)).toEqual({ augmentation: [mirror()], note: null });
});

test("samples are what a training gets: images of the network's size, and the mean outside of them", async () => {
  const mean = Float32Array.of(10, 20, 30);
  const how = { augmentation: [crop({ padding: 32 })], seed: 3, size: [32, 32] as const, mean, device: 'cpu' };
  const [first, again, next] = await Promise.all([0, 0, 1].map((epoch) => augmentedSamples(own, epoch, how)));
  expect(first!.length).toBe(6 * 32 * 32 * 3);
  expect(again).toEqual(first);
  expect(next).not.toEqual(first);
  const outside = (pixels: Uint8Array) =>
    pixels.some((value, i) => i % 3 === 0 && value === 10 && pixels[i + 1] === 20 && pixels[i + 2] === 30);
  expect(outside(first!)).toBe(true);
});

test('the command draws them on a page, and a run records the list', async () => {
  const page = join(folder, 'page.html');
  const show = ['data', 'show', 'generated', '--page', page, '--augment', 'mirror:1,cutmix'];
  expect(await saturnn(show)).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(page, 'utf8')).toContain('What the network sees: mirror:1,cutmix:1');
  const alone = await saturnn(['data', 'show', 'generated', '--augment', 'mirror']);
  expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining('--augment does not apply without --page')]);

  const out = join(folder, 'run');
  const options = ['--device', 'cpu', '--width', '0.05', '--batch', '16', '--limit', '32', '--epochs', '1'];
  const trained = await saturnn(['train', ...options, '--augment', 'crop,erasing:0.2', '--out', out]);
  expect(trained).toMatchObject({ code: 0, stderr: '' });
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(config.augmentation).toBe('crop:0,erasing:0.2:0.02:0.33:0.3:3.3');
  const wrong = await saturnn(['train', '--augment', 'mirorr']);
  expect(wrong.stderr).toMatch(/--augment <list>.*none, paper, or crop\[:PADDING\]/s);
});
