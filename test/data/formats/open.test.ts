/** Tells the forms of data apart by the names of their files. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { openSource } from '../../../lib/data/openSource';
import { temporaryFolder } from '../../temporary';
import { drawShape, put } from '../pictures/draw';
import { archive, cifar10Files, endOfTar, type Files, tarEntry, writeFiles } from '../support';
import { idxBytes, npyBytes, zipBytes } from './arrays';
import { parquetBytes } from './writeParquet';

const images = Buffer.from(Array.from({ length: 40 }, (_, at) => at));
const labels = Buffer.from([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
const pair = {
  'X.npy': npyBytes({ shape: [10, 2, 2], data: images }),
  'y.npy': npyBytes({ shape: [10], data: labels }),
};

test.each<[string, () => string]>([
  ['npy', () => writeFiles(temporaryFolder(), pair)],
  ['npz', () => join(writeFiles(temporaryFolder(), { 'a.npz': zipBytes(pair) }), 'a.npz')],
  [
    'IDX',
    () =>
      writeFiles(temporaryFolder(), {
        'train-images-idx3-ubyte': idxBytes([10, 2, 2], images),
        'train-labels-idx1-ubyte': idxBytes([10], labels),
      }),
  ],
])('%s, divided into train and test', async (_, make) => {
  const { train, test, close } = await openSource({ data: make(), limit: 6 });
  expect([train.count, test.count, train.classes]).toEqual([6, 2, 2]);
  expect([...test.labels]).toEqual([0, 1]);
  await close();
  const chosen = await openSource({ data: make(), testShare: 0.4, testSeed: 1 });
  expect([chosen.train.count, chosen.test.count, chosen.split]).toEqual([6, 4, { share: 0.4, seed: 1 }]);
  const all = await openSource({ data: make(), test: false });
  expect([all.train.count, all.test]).toEqual([10, null]);
  await expect(openSource({ data: make(), testShare: 0 })).rejects.toThrow('--no-test trains without a test set');
});

test('data that have a test set of their own are not divided, and those that cannot be say so', async () => {
  const own = writeFiles(temporaryFolder(), {
    ...{ 'x_train.npy': pair['X.npy'], 'y_train.npy': pair['y.npy'] },
    ...{ 'x_test.npy': pair['X.npy'], 'y_test.npy': pair['y.npy'] },
  });
  for (const data of [own, 'generated', writeFiles(temporaryFolder(), cifar10Files())]) {
    const given = { data, testSeed: 3 };
    const message = `testSeed (--test-seed) does not apply to ${data}, which is divided already (received 3)`;
    await expect(openSource(given)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message });
  }
  const single = writeFiles(temporaryFolder(), {
    'X.npy': npyBytes({ shape: [2, 2, 2], data: images.subarray(0, 8) }),
    'y.npy': npyBytes({ shape: [2], data: Uint8Array.of(0, 1) }),
  });
  await expect(openSource({ data: single })).rejects.toThrow(/has too few images for a test set: no class has two/);
});

test('floats and channels first, as the options say', async () => {
  const floats = Float32Array.from(images, (byte) => byte / 255);
  const data = writeFiles(temporaryFolder(), {
    'X.npy': npyBytes({ shape: [10, 1, 2, 2], descr: '<f4', data: Buffer.from(floats.buffer) }),
    'y.npy': npyBytes({ shape: [10], data: labels }),
  });
  const { train } = await openSource({ data, pixelRange: '0..1', pixelLayout: 'NCHW' });
  expect(train.shape).toEqual([2, 2, 1]);
  const failure = { code: 'ERR_DATA', message: expect.stringMatching(/are floats: .*--pixel-range/) };
  await expect(openSource({ data, pixelLayout: 'NCHW' })).rejects.toMatchObject(failure);
});

describe('encoded pictures', () => {
  const root = temporaryFolder();
  const cacheDir = join(root, 'cache');
  const values = [0, 1, 0, 1, 0, 1, 0, 1];
  let pictures: Buffer[];
  beforeAll(async () => {
    pictures = await Promise.all(values.map((label, index) => drawShape(label === 0 ? 'circle' : 'cross', index)));
  });
  const tarOf = (first: number, last: number) =>
    Buffer.concat([
      ...pictures
        .slice(first, last)
        .flatMap((bytes, index) => [
          tarEntry(`${first + index}.png`, bytes),
          tarEntry(`${first + index}.cls`, Buffer.from(`${values[first + index]}`)),
        ]),
      endOfTar,
    ]);
  const write = (files: Files) => writeFiles(mkdtempSync(join(root, 'data-')), files);
  const labels = () => ({
    fine_label: { values, names: ['a', 'b'] },
    coarse_label: { values: values.map((value) => 1 - value), names: ['x', 'y'] },
  });
  const parquet = async () => parquetBytes({ images: pictures, labels: labels() });

  test.each<[string, () => Promise<string>]>([
    ['a Parquet file', async () => join(write({ 'a.parquet': await parquet() }), 'a.parquet')],
    [
      'a folder with Parquet files in data/, beside a picture',
      async () => {
        const folder = write({ 'README.md': Buffer.from('a'), 'logo.png': pictures[0]! });
        writeFiles(join(folder, 'data'), { 'train.parquet': await parquet() });
        return folder;
      },
    ],
    ['a shard', async () => join(write({ 'a.tar': tarOf(0, 8) }), 'a.tar')],
    ['a packed shard', async () => join(write({ 'a.tar.gz': gzipSync(tarOf(0, 8)) }), 'a.tar.gz')],
    ['a folder of shards', async () => write({ 'a.tar': tarOf(0, 3), 'b.tar': tarOf(3, 8) })],
    ['a range of shards', async () => join(write({ 'a-0.tar': tarOf(0, 3), 'a-1.tar': tarOf(3, 8) }), 'a-{0..1}.tar')],
    [
      'class folders',
      async () => {
        const folder = write({});
        for (const [index, bytes] of pictures.entries()) put(folder, `${values[index]}/${index}.png`, bytes);
        return folder;
      },
    ],
  ])('%s', async (_, path) => {
    const pictures = () => ({ cacheDir, size: 8 });
    const { train, test, close } = await openSource({ data: await path(), pictures, testShare: 0.5 });
    expect([train.count, test.count, train.classes]).toEqual([4, 4, 2]);
    await close();
  });

  test('labelColumn names the column of a Parquet file, and the member of .json in shards', async () => {
    const chosen = { labelColumn: 'coarse_label', testShare: 0.5, pictures: () => ({ cacheDir }) };
    const { train } = await openSource({ data: write({ 'a.parquet': await parquet() }), ...chosen });
    expect(train.classNames).toEqual(['x', 'y']);
    const json = Buffer.from('{"label":0,"coarse_label":"left"}');
    const other = Buffer.from('{"label":0,"coarse_label":"right"}');
    const shard = pictures.flatMap((bytes, index) => [
      tarEntry(`${index}.png`, bytes),
      tarEntry(`${index}.json`, index % 2 ? json : other),
    ]);
    const opened = await openSource({ data: write({ 'a.tar': Buffer.concat([...shard, endOfTar]) }), ...chosen });
    expect(opened.train.classNames).toEqual(['left', 'right']);
  });

  test('--labels coarse takes the column coarse_label', async () => {
    const data = write({ 'a.parquet': await parquet() });
    const { train } = await openSource({ data, labels: 'coarse', pictures: () => ({ cacheDir }) });
    expect(train.classNames).toEqual(['x', 'y']);
  });
});

test('an unknown form is refused, with the forms that are known', async () => {
  const folder = writeFiles(temporaryFolder(), { 'notes.txt': Buffer.from('a'), 'x.csv': Buffer.from('b') });
  const refused = (message: RegExp) => ({ code: 'ERR_DATA', message: expect.stringMatching(message) });
  const known = /class folders.*Parquet.*tar shards.*IDX.*NumPy.*CIFAR/;
  await expect(openSource({ data: folder })).rejects.toMatchObject(refused(known));
  await expect(openSource({ data: folder })).rejects.toMatchObject(refused(/Found "notes\.txt", "x\.csv"$/));
  await expect(openSource({ data: join(folder, 'x.csv') })).rejects.toMatchObject(refused(/Found the file "x\.csv"$/));
  await expect(openSource({ data: temporaryFolder() })).rejects.toMatchObject(refused(/Found an empty folder$/));
  await expect(openSource({ data: join(folder, 'none') })).rejects.toMatchObject(refused(/Found nothing$/));
});

test('CIFAR, as ever', async () => {
  const { train, test } = await openSource({ data: writeFiles(temporaryFolder(), cifar10Files(1)) });
  expect([train.count, test.count]).toEqual([5, 1]);
  const packed = writeFiles(temporaryFolder(), { 'a.tar.gz': archive('cifar-10-batches-bin', cifar10Files(1)) });
  expect((await openSource({ data: join(packed, 'a.tar.gz'), verify: false })).train.count).toBe(5);
});
