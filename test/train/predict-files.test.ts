import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import * as compiling from '../../lib/compile/compile';
import { Dataset } from '../../lib/data/dataset';
import { imageFolder } from '../../lib/data/pictures/imageFolder';
import { firstClassesOf, firstOf } from '../../lib/data/source';
import { readSafetensors, writeSafetensors } from '../../lib/files/safetensors';
import { createModel } from '../../lib/models';
import { loadPredictor } from '../../lib/train/loadPredictor';
import { Trainer } from '../../lib/train/trainer';
import { drawClasses, drawPlain, drawShape, put } from '../data/pictures/draw';
import { temporaryFolder } from '../temporary';
import { cpu } from './support';

const folder = temporaryFolder();
const [photos, weights] = [join(folder, 'photos'), join(folder, 'model.safetensors')];
const names = ['circle', 'ring', 'square'];
const size = [20, 24] as const;
let images: Dataset;
let files: string[];

beforeAll(async () => {
  files = (await drawClasses(photos, 4, ['circle', 'ring', 'square'])).map((name) => join(photos, name));
  // Beside 24x32 pictures, "pad" leaves two rows of the background.
  const opened = await imageFolder(photos, {
    ...{ size, fit: 'pad', background: [10, 200, 30], testShare: 0, cacheDir: join(folder, 'cache') },
  });
  images = opened.train as Dataset;
  const model = createModel('subInception', { width: 0.02, size, classes: 3 });
  using trainer = new Trainer({ model, train: images, test: images, device: cpu(), batch: 4 });
  await trainer.fit({ steps: 3 });
  await trainer.saveWeights(weights);
});

describe('weights of a network that was trained on pictures', () => {
  test('say how the pictures were decoded, and what the classes are called', async () => {
    const { metadata } = readSafetensors(weights);
    expect(metadata).toMatchObject({ imageShape: '[20,24,3]', fit: 'pad', background: '[10,200,30]' });
    expect(JSON.parse(metadata.classNames!)).toEqual(names);
    using predictor = await loadPredictor(weights);
    expect(predictor).toMatchObject({ classNames: names, classes: 3, shape: [20, 24, 3], inputShape: [20, 24, 3] });
  });

  test('know it of every part of the data', () => {
    const { decoding } = images;
    expect(decoding).toEqual({ fit: 'pad', background: [10, 200, 30] });
    const parts = [
      ...[images.take(2), images.subset([1]), images.named(null), images.concat(images), images.split(0.5).test],
      ...[firstOf(images, 2), firstClassesOf(images, 2)],
    ];
    for (const part of parts) expect(part.decoding).toEqual(decoding);
    // What a function has made of the pixels is unknown.
    expect(images.map(({ pixels }) => pixels).decoding).toBeNull();
  });

  test('of an earlier version load, without names; damaged ones do not', async () => {
    const path = join(folder, 'changed.safetensors');
    const { tensors, metadata } = readSafetensors(weights);
    const changed = async (more: Record<string, string>) => {
      writeSafetensors(path, { tensors, metadata: { ...metadata, ...more } });
      return loadPredictor(path, { device: 'cpu' });
    };
    const { classNames: _, fit, background, ...old } = metadata;
    writeSafetensors(path, { tensors, metadata: old });
    using predictor = await loadPredictor(path, { device: 'cpu' });
    expect(predictor.classNames).toBeNull();
    const [prediction] = await predictor.predictFiles(files[0]!, { top: 1 });
    expect(prediction!.guesses[0]!.name).toBeNull();
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: 'ERR_DATA', message: expect.stringMatching(message) });
    await expect(changed({ classNames: '["a"]' })).rejects.toEqual(
      refused(/cannot be used: Expected 3 names for classNames/),
    );
    await expect(changed({ classNames: '{' })).rejects.toEqual(refused(/cannot be used/));
    await expect(changed({ fit: 'cover' })).rejects.toEqual(refused(/crop, pad or stretch/));
    await expect(changed({ background: '[1,2]' })).rejects.toEqual(refused(/\[red, green, blue\]/));
  });
});

describe('predictFiles()', () => {
  test('decodes files and folders as in the training', async () => {
    using predictor = await loadPredictor(weights, { device: 'cpu', batch: 5 });
    const { probabilities } = await predictor.predict(images);
    const predictions = await predictor.predictFiles(photos, { top: 3 });
    expect(predictions.map(({ path }) => path)).toEqual([...files].sort());
    // The cache has the pictures in the same order.
    predictions.forEach(({ guesses, broken }, row) => {
      expect(broken).toBeNull();
      const own = [0, 1, 2].map((label) => guesses.find((guess) => guess.label === label)!);
      own.forEach(({ name, probability }, label) => {
        expect(name).toBe(names[label]);
        expect(probability).toBeCloseTo(probabilities[3 * row + label]!, 5);
      });
      expect(guesses[0]!.probability).toBeGreaterThanOrEqual(guesses[1]!.probability);
    });
    const chosen = await predictor.predictFiles([files[5]!, files[0]!], { top: 1 });
    expect(chosen.map(({ path, guesses }) => [path, guesses.length])).toEqual([
      [files[5], 1],
      [files[0], 1],
    ]);
    expect(chosen[1]!.guesses[0]!.label).toBe(predictions[0]!.guesses[0]!.label);
  });

  test('refuses pictures of another size where they are not to be scaled', async () => {
    using predictor = await loadPredictor(weights, { device: 'cpu' });
    const right = join(folder, 'right.png');
    writeFileSync(right, await drawPlain({ width: 24, height: 20 }));
    expect(await predictor.predictFiles(right, { resize: false })).toHaveLength(1);
    await expect(predictor.predictFiles(files[0]!, { resize: false })).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: `Cannot predict ${files[0]}: it has 24x32 pixels in place of 20x24`,
    });
  });

  test('names files that are no pictures, or leaves them out', async () => {
    using predictor = await loadPredictor(weights, { device: 'cpu' });
    const [text, cut, missing] = ['text.jpg', 'cut.png', 'missing.png'].map((name) => join(folder, name)) as string[];
    writeFileSync(text!, 'no picture');
    writeFileSync(cut!, (await drawShape('ring', 1)).subarray(0, 90));
    const refused = (paths: unknown, message: string | RegExp, code = 'ERR_DATA') =>
      expect(predictor.predictFiles(paths as string)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    await refused([files[0], text], `^Cannot predict ${text}: it is not JPEG, PNG, WebP, TIFF, GIF or AVIF$`);
    await refused(cut, `^Cannot predict ${cut}: `);
    await refused(missing, `^Cannot read ${missing}: ENOENT`);
    mkdirSync(join(folder, 'empty'));
    put(folder, 'empty/notes.txt', 'nothing');
    await refused(join(folder, 'empty'), 'empty has no pictures$');
    await refused([], /at least one path for paths/, 'ERR_INVALID_ARGUMENT');
    await refused(3, /a path, or an array of paths for paths/, 'ERR_INVALID_ARGUMENT');

    const predictions = await predictor.predictFiles([text!, files[0]!], { onBroken: 'skip' });
    expect(predictions[0]).toEqual({ path: text, guesses: [], broken: expect.stringMatching(/^it is not JPEG/) });
    expect(predictions[1]!.guesses).toHaveLength(3);
    expect(await predictor.predictFiles(text!, { onBroken: 'skip' })).toHaveLength(1);
    await expect(predictor.predictFiles(files, { signal: AbortSignal.abort() })).rejects.toThrow(/aborted/);
  });
});

describe('a Predictor', () => {
  test('has a plan for each batch that is asked for, none larger than the images', async () => {
    const made = vi.spyOn(compiling, 'compile');
    using predictor = await loadPredictor(weights, { device: 'cpu', batch: 8 });
    expect(made).not.toHaveBeenCalled();
    const batches = async (count: number) => {
      made.mockClear();
      await predictor.predict(images.take(count));
      return made.mock.calls.map(([graph]) => graph.outputs.probabilities!.shape[0]);
    };
    expect(await batches(1)).toEqual([1]);
    expect(await batches(1)).toEqual([]);
    expect(await batches(3)).toEqual([2]);
    expect(await batches(7)).toEqual([4]);
    expect(await batches(12)).toEqual([8]);
    expect(await batches(8)).toEqual([]);
    made.mockRestore();
    const whole = await predictor.predict(images);
    for (const count of [1, 2, 3, 5]) {
      const { logits } = await predictor.predict(images.take(count));
      logits.forEach((value, place) => {
        expect(value).toBeCloseTo(whole.logits[place]!, 4);
      });
    }
    predictor.dispose();
    await expect(predictor.predict(images)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  test('evaluates what its Trainer evaluates', async () => {
    using predictor = await loadPredictor(weights, { device: 'cpu', batch: 4 });
    const evaluation = await predictor.evaluate(images, { mistakes: 3 });
    expect(evaluation).toMatchObject({ count: 12, classes: 3, classNames: names });
    const { probabilities } = await predictor.predict(images);
    const guesses = Array.from({ length: 12 }, (_, row) => {
      const own = [...probabilities.subarray(3 * row, 3 * row + 3)];
      return own.indexOf(Math.max(...own));
    });
    const right = guesses.filter((guess, row) => guess === images.labels[row]).length;
    expect(evaluation.accuracy).toBe(right / 12);
    await expect(predictor.evaluate(images.named(['circle', 'square', 'ring']))).rejects.toThrow(
      'the network\'s name "ring" (as for all of its classes) for class 1 of data but received "square"',
    );
    const { images: pixels, labels, shape } = images;
    const four = Dataset.from({ images: pixels, labels, shape, classes: 4 });
    await expect(predictor.evaluate(four)).rejects.toThrow(/at most the network's 3 classes for data but received 4/);
    await expect(predictor.evaluate(undefined as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
