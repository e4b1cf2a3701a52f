import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type IdxOptions, idx } from '../../../lib/data/formats/idxFiles';
import { TestRandom, testSeed } from '../../random';
import { temporaryFolder } from '../../temporary';
import { type Files, writeFiles } from '../support';
import { idxBytes } from './arrays';

const random = new TestRandom(testSeed);
const draw = (length: number, most = 256) => Uint8Array.from({ length }, () => random.integer(most));
const images = draw(5 * 3 * 4);
const labels = Uint8Array.of(2, 0, 1, 2, 0);
const testImages = draw(2 * 3 * 4);
const mnist: Files = {
  'train-images-idx3-ubyte': idxBytes([5, 3, 4], images),
  'train-labels-idx1-ubyte': idxBytes([5], labels),
  't10k-images-idx3-ubyte': idxBytes([2, 3, 4], testImages),
  't10k-labels-idx1-ubyte': idxBytes([2], Uint8Array.of(1, 3)),
};
const folderOf = (files: Files) => writeFiles(temporaryFolder(), files);
const renamed = (files: Files, name: (old: string) => string, bytes = (old: Uint8Array): Uint8Array => old): Files =>
  Object.fromEntries(Object.entries(files).map(([old, content]) => [name(old), bytes(content)]));

describe('idx()', () => {
  test.each<[string, Files]>([
    ['plain', mnist],
    ['packed', renamed(mnist, (old) => `${old}.gz`, gzipSync)],
    ['with a dot', renamed(mnist, (old) => old.replace('-idx', '.idx'))],
    [
      'with a prefix, "test" and a file of something else',
      { ...renamed(mnist, (old) => `my-${old.replace('t10k', 'test')}`), 'my-mapping.txt': Buffer.from('0 48') },
    ],
  ])('reads files %s', async (_, files) => {
    const { train, test } = await idx(folderOf(files), { classNames: ['a', 'b', 'c', 'd'] });
    expect(train).toMatchObject({ shape: [3, 4, 1], images, labels: Int32Array.from(labels), classes: 4 });
    expect(test).toMatchObject({ images: testImages, labels: Int32Array.of(1, 3), classNames: ['a', 'b', 'c', 'd'] });
  });

  test('the number of classes is that of both sets; without test files, there is no test set; one file names its set', async () => {
    const folder = folderOf(mnist);
    expect((await idx(join(folder, 't10k-labels-idx1-ubyte'))).train.classes).toBe(4);
    const { 't10k-images-idx3-ubyte': _, 't10k-labels-idx1-ubyte': __, ...train } = mnist;
    expect(await idx(folderOf(train))).toMatchObject({ train: { classes: 3, classNames: null }, test: null });
  });

  test('EMNIST is turned; others only if asked for', async () => {
    const turned = Uint8Array.from(images, (_, at) => {
      const [row, column] = [Math.floor((at % 12) / 3), at % 3];
      return images[at - (at % 12) + column * 4 + row]!;
    });
    const emnist = folderOf(renamed(mnist, (old) => `emnist-letters-${old}`));
    const { train } = await idx(emnist);
    expect(train).toMatchObject({ shape: [4, 3, 1], images: turned });
    expect((await idx(emnist, { transpose: false })).train.images).toEqual(images);
    expect((await idx(folderOf(mnist), { transpose: true })).train.images).toEqual(turned);
  });

  test('of several data sets in a folder one is chosen', async () => {
    const folder = folderOf({ ...mnist, ...renamed(mnist, (old) => `k-${old}`) });
    await expect(idx(folder)).rejects.toMatchObject({
      message: expect.stringMatching(/several data sets.*\("", "k-"|"k-", ""/),
    });
    expect((await idx(folder, { prefix: 'k-' })).train.count).toBe(5);
    await expect(idx(folder, { prefix: 'l-' })).rejects.toMatchObject({
      message: expect.stringMatching(/prefix "l-".*"k-"/),
    });
  });

  test('images may have channels', async () => {
    const files = {
      ...mnist,
      'train-images-idx3-ubyte': idxBytes([5, 3, 2, 2], images),
      't10k-images-idx3-ubyte': idxBytes([2, 3, 2, 2], testImages),
    };
    expect((await idx(folderOf(files))).train).toMatchObject({ shape: [3, 2, 2], images });
  });

  const name = 'train-images-idx3-ubyte';
  const change = (bytes: Uint8Array, at = name): Files => ({ ...mnist, [at]: bytes });
  const packed = (bytes: Uint8Array): Files => {
    const { [name]: _, ...others } = mnist;
    return { ...others, [`${name}.gz`]: bytes };
  };
  const whole = Buffer.from(mnist[name]!);
  const said = /header says 5x3x4, which ends at byte 76, but the file has/;
  test.each<[string, Files, RegExp]>([
    ['a header and a length that disagree', change(whole.subarray(0, -1)), new RegExp(`${said.source} 75 bytes`)],
    [
      'bytes that are left over',
      change(Buffer.concat([whole, Buffer.alloc(3)])),
      new RegExp(`${said.source} 79 bytes`),
    ],
    ['the same, packed', packed(gzipSync(whole.subarray(0, -1))), new RegExp(`ubyte.gz.*${said.source} 75 bytes`)],
    [
      'more than the header says, packed',
      packed(gzipSync(Buffer.alloc(1e6, whole))),
      new RegExp(`${said.source} more bytes`),
    ],
    ['an archive that is cut off', packed(gzipSync(whole).subarray(0, -9)), /ubyte.gz is not a valid gzip file/],
    ['a file that is not packed', packed(whole), /not a valid gzip file/],
    ['a header that is cut off', change(whole.subarray(0, 9)), /ends at byte 9, within its header/],
    ['an empty file', change(Buffer.alloc(0)), /ends at byte 0/],
    ['an empty file, packed', packed(gzipSync('')), /ends at byte 0/],
    ['another kind of file', change(Buffer.from('\x89PNG\r\n')), /begins with the bytes 194 and 137/],
    ['floats', change(idxBytes([5], draw(20), 13)), /elements are floats \(byte 2\)/],
    ['an unknown type', change(idxBytes([5], draw(5), 77)), /unknown type 77/],
    ['five dimensions', change(idxBytes([1, 1, 1, 1, 1], draw(1))), /5 dimensions \(byte 3\)/],
    ['two dimensions', change(idxBytes([5, 12], images)), /\[count, height, width\].*shape 5x12/],
    ['no images', change(idxBytes([0, 3, 4], draw(0))), /shape 0x3x4/],
    [
      'a size beyond the memory',
      change(idxBytes([2 ** 32 - 1, 2 ** 32 - 1, 1], draw(4))),
      /header says 4294967295x4294967295x1/,
    ],
    ['too few labels', change(idxBytes([4], labels.subarray(1)), 'train-labels-idx1-ubyte'), /5 labels.*shape 4/],
    [
      'images of another size',
      change(idxBytes([2, 4, 3], testImages), 't10k-images-idx3-ubyte'),
      /3x4x1, as in .*train.*found 4x3x1/,
    ],
    [
      'no training labels',
      Object.fromEntries(Object.entries(mnist).filter(([own]) => !/train-l/.test(own))),
      /images and labels of the train set/,
    ],
    ['none of the files', { 'a.txt': Buffer.from('a') }, /Expected train-images-idx3-ubyte.*found none of them/],
  ])('refuses %s', async (_, files, message) => {
    await expect(idx(folderOf(files))).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: expect.stringMatching(message),
    });
  });

  test('refuses too few names, and paths that are none', async () => {
    const failure = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });
    const options: IdxOptions = { classNames: ['a'] };
    await expect(idx(folderOf(mnist), options)).rejects.toMatchObject(
      failure('ERR_INVALID_ARGUMENT', /at least 4 names/),
    );
    await expect(idx('')).rejects.toMatchObject(failure('ERR_INVALID_ARGUMENT', /a path/));
    await expect(idx('/none/such')).rejects.toMatchObject(failure('ERR_DATA', /\/none\/such/));
  });
});
