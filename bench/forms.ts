/**
 * `npm run forms -- CIFAR OUT [--epochs N] [--only FORM] [--write-only]`: writes CIFAR-100 (a folder in the official binary layout), sorted by class, as class folders
 * of PNG, Parquet, tar shards and npy into OUT, opens each form twice (the second time from the cache), and trains a tiny network on each. Prints
 * a digest of the images and of the weights, which must be equal in all forms, and how fast each was opened.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { augmentations, cifar, imageFolder, npy, parquet, Trainer, webDataset } from '../lib';
import { type ImageSource, imageBytes } from '../lib/data/source';
import { type Form, forms, sortByClass, writeForms } from '../test/data/formats/writeForms';
import { tinyModel } from '../test/train/tinyModel';

interface Opened {
  readonly train: ImageSource;
  readonly test: ImageSource | null;
}

/** Images in a shard or a Parquet file. */
const perFile = 10_000;

function openers(cacheDir: string): Readonly<Record<Form, (path: string) => Promise<Opened>>> {
  return {
    binary: (path) => cifar(path),
    folder: (path) => imageFolder(path, { cacheDir }),
    parquet: (path) => parquet(path, { cacheDir }),
    tar: (path) => webDataset(path, { cacheDir }),
    npy: (path) => npy(path),
  };
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { epochs: { type: 'string', default: '1' }, only: { type: 'string' }, 'write-only': { type: 'boolean' } },
  });
  const [source, out] = positionals;
  if (source === undefined || out === undefined)
    throw new Error('Expected CIFAR OUT: a folder to read, and one to write');
  if (!existsSync(join(out, 'tar', 'classnames.txt'))) {
    const began = performance.now();
    const { train, test } = await cifar(source);
    mkdirSync(out, { recursive: true });
    await writeForms(out, sortByClass({ train, test }, train.classNames!), perFile);
    process.stdout.write(`written in ${seconds(began)} s\n`);
  }
  if (values['write-only']) return;
  for (const form of forms.filter((name) => (values.only ?? name) === name))
    process.stdout.write(`${await report(form, out, Number(values.epochs))}\n`);
}

const seconds = (began: number): string => ((performance.now() - began) / 1000).toFixed(1);

async function report(form: Form, out: string, epochs: number): Promise<string> {
  const open = () => openers(join(out, 'cache'))[form](join(out, form));
  const first = performance.now();
  await open();
  const cold = seconds(first);
  const second = performance.now();
  const { train, test } = await open();
  const warm = seconds(second);
  const images = await digestOf([train, test!]);
  const augmentation = [augmentations.crop(), augmentations.mirror()];
  const options = { batch: 128, learningRate: 0.1, seed: 1, augmentation };
  const trainer = new Trainer({ model: tinyModel(), train, test: test!, ...options });
  await trainer.fit({ epochs });
  const { loss, accuracy } = await trainer.evaluate('test');
  const weights = createHash('sha256').update(await trainer.state.readArena('parameters'));
  trainer.dispose();
  const text = weights.digest('hex').slice(0, 16);
  return `${form.padEnd(8)} opened in ${cold} s, again in ${warm} s; images ${images}, weights ${text}, test loss ${loss}, accuracy ${accuracy}`;
}

/** Returns a digest of all images and labels, in their order. */
async function digestOf(sources: readonly ImageSource[]): Promise<string> {
  const digest = createHash('sha256');
  for (const source of sources) {
    digest.update(source.labels);
    for (let at = 0; at < source.count; at += 1000) {
      const indices = Int32Array.from({ length: Math.min(1000, source.count - at) }, (_, index) => at + index);
      const target = new Uint8Array(indices.length * imageBytes(source));
      await source.read(indices, target);
      digest.update(target);
    }
  }
  return digest.digest('hex').slice(0, 16);
}

void main();
