/** One data set in every form trains to the same bits. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { augmentations, generated, imageFolder, npy, parquet, Trainer, webDataset } from '../../../lib';
import { cifar } from '../../../lib/data/cifar';
import type { ImageSource } from '../../../lib/data/source';
import { temporaryFolder } from '../../temporary';
import { tinyModel } from '../../train/tinyModel';
import { type Form, sortByClass, writeForms } from './writeForms';

const folder = temporaryFolder();
// In sorted order, as those of CIFAR-100: only so do class folders have the same numbers.
const names = Array.from({ length: 10 }, (_, index) => `class ${index}`);

interface Opened {
  readonly train: ImageSource;
  readonly test: ImageSource | null;
  readonly close?: () => Promise<void>;
}
const cacheDir = join(folder, 'cache');
const open: Readonly<Record<Form, (path: string) => Promise<Opened>>> = {
  binary: (path) => cifar(path),
  folder: (path) => imageFolder(path, { cacheDir }),
  parquet: (path) => parquet(path, { cacheDir }),
  tar: (path) => webDataset(path, { cacheDir, mode: 'streaming' }),
  npy: (path) => npy(path),
};

/** Trains two epochs, and returns a digest of all weights and the metrics. */
async function train({ train, test }: Opened): Promise<unknown> {
  // CIFAR's binary files are augmented by default, other data are not.
  const augmentation = [augmentations.crop(), augmentations.mirror()];
  const options = { batch: 32, learningRate: 0.1, seed: 3, augmentation };
  const trainer = new Trainer({ model: tinyModel(), train, test: test!, ...options });
  await trainer.fit({ epochs: 2 });
  const { loss, accuracy } = await trainer.evaluate('test');
  const weights = createHash('sha256')
    .update(await trainer.state.readArena('parameters'))
    .digest('hex');
  trainer.dispose();
  return { weights, loss, accuracy };
}

describe('the same images in every form', () => {
  let expected: unknown;
  beforeAll(async () => {
    await writeForms(folder, sortByClass(generated({ train: 300, test: 60, classes: 10 }), names), 130);
    expected = await train(await open.binary(join(folder, 'binary')));
  }, 60_000);

  test.each<Exclude<Form, 'binary'>>(['folder', 'parquet', 'tar', 'npy'])(
    '%s trains to the bits of the binary',
    async (form) => {
      const opened = await open[form](join(folder, form));
      expect([opened.train.count, opened.test?.count]).toEqual([300, 60]);
      if (form !== 'npy') expect(opened.train.classNames).toEqual(names);
      expect(await train(opened)).toEqual(expected);
      await opened.close?.();
    },
  );
});
