/** Tells the forms of data apart by the names of their files. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSource } from '../../../lib/data/openSource';
import { temporaryFolder } from '../../temporary';
import { cifar10Files, writeFiles } from '../support';
import { idxBytes, npyBytes, zipBytes } from './arrays';

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
});

test('CIFAR, as ever', async () => {
  const { train, test } = await openSource({ data: writeFiles(temporaryFolder(), cifar10Files(1)) });
  expect([train.count, test.count]).toEqual([5, 1]);
});
