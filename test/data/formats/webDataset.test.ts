import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodePicture, type ImageSource, type WebDatasetOptions, webDataset } from '../../../lib';
import { GzipReader } from '../../../lib/data/formats/byteReaders';
import { expandRange } from '../../../lib/data/formats/shardNames';
import { tarEntries } from '../../../lib/data/formats/tarIndex';
import { temporaryFolder } from '../../temporary';
import { drawShape, put, shapes } from '../pictures/draw';
import { endOfTar, seal, tarEntry } from '../support';

const root = temporaryFolder();
const cacheDir = join(root, 'cache');
let folders = 0;
const fresh = () => join(root, `${folders++}`);

let pictures: Buffer[];
let pixels: Uint8Array[];
beforeAll(async () => {
  pictures = await Promise.all(
    Array.from({ length: 10 }, (_, index) => drawShape(shapes[index % 5]!, index, index % 2 ? 'png' : 'jpeg')),
  );
  pixels = await Promise.all(pictures.map(async (bytes) => Uint8Array.from(await decodePicture(bytes, { size: 8 }))));
});

const values = [2, 0, 1, 2, 0, 1, 2, 0, 1, 1];
const open = (path: string, options: WebDatasetOptions = {}) =>
  webDataset(path, { size: 8, cacheDir, testShare: 0, ...options });

/** The files of samples: each a picture, and what `labelOf` returns of its label. */
type Files = readonly (readonly [name: string, content: Uint8Array | string])[];
const key = (index: number) => `${index}`.padStart(6, '0');
const samples = (
  first = 0,
  last = 10,
  label = (index: number): Files => [[`${key(index)}.cls`, `${values[index]}\n`]],
): Files =>
  Array.from({ length: last - first }, (_, at) => first + at).flatMap((index) => [
    [`${key(index)}.${index % 2 ? 'png' : 'jpg'}`, pictures[index]!] as const,
    ...label(index),
  ]);
const tarOf = (files: Files): Buffer =>
  Buffer.concat([...files.map(([name, content]) => tarEntry(name, Buffer.from(content))), endOfTar]);

function write(shards: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = fresh();
  for (const [name, content] of Object.entries(shards)) put(folder, name, content);
  return folder;
}

async function pixelsOf(source: ImageSource): Promise<Uint8Array[]> {
  const target = new Uint8Array(source.count * 192);
  await source.read(Int32Array.from(source.labels.keys()), target);
  return Array.from({ length: source.count }, (_, index) => target.subarray(index * 192, (index + 1) * 192));
}

async function expectAll(path: string, options: WebDatasetOptions = {}): Promise<void> {
  const { train, broken } = await open(path, options);
  expect([[...train.labels], broken]).toEqual([values, []]);
  expect(await pixelsOf(train)).toEqual(pixels);
}

describe('webDataset()', () => {
  test.each<[string, string, (tar: Buffer) => Uint8Array]>([
    ['plain', 'a.tar', (tar) => tar],
    ['packed', 'a.tar.gz', (tar) => gzipSync(tar)],
    ['packed, .tgz', 'a.tgz', (tar) => gzipSync(tar)],
  ])('a shard, %s', async (_, name, pack) => {
    await expectAll(join(write({ [name]: pack(tarOf(samples())) }), name));
  });

  test('shards of a folder, and a range, in the order of their names', async () => {
    const shards = {
      'shard-000.tar': tarOf(samples(0, 4)),
      'shard-001.tar': tarOf(samples(4, 7)),
      'shard-002.tar': tarOf(samples(7)),
    };
    const folder = write({ ...shards, 'README.md': 'A data set', 'sizes.json': '{}' });
    await expectAll(folder);
    await expectAll(join(folder, 'shard-{000..002}.tar'));
    const { train } = await open(join(folder, 'shard-{001..002}.tar'));
    expect([...train.labels]).toEqual(values.slice(4));
    await expect(open(join(folder, 'shard-{001..003}.tar'))).rejects.toMatchObject({
      message: expect.stringMatching(/shard-003\.tar but found nothing/),
    });
  });

  test('splits by folder, with class names in classnames.txt', async () => {
    // No picture is of the class "bee".
    const classnames = 'cat\ndog\nowl\nbee\n';
    const shards = { 'train/0.tar': tarOf(samples(0, 8)), 'test/0.tar': tarOf(samples(8)) };
    const { train, test } = await open(write({ ...shards, 'classnames.txt': classnames }));
    expect([train.count, test?.count, train.classNames]).toEqual([8, 2, ['cat', 'dog', 'owl', 'bee']]);
    expect(await pixelsOf(test!)).toEqual(pixels.slice(8));
  });

  test.each<[string, (index: number) => Files, WebDatasetOptions]>([
    ['.json with label', (index) => [[`${key(index)}.json`, JSON.stringify({ id: 9, label: values[index] })]], {}],
    [
      '.json with another member',
      (index) => [[`${key(index)}.json`, JSON.stringify({ label: 'x', target: values[index] })]],
      { label: 'target' },
    ],
    ['.json that is a number', (index) => [[`${key(index)}.json`, `${values[index]}`]], {}],
    ['.txt', (index) => [[`${key(index)}.txt`, `${values[index]}`]], {}],
    [
      '.cls, .json without label, and others',
      (index) => [
        [`${key(index)}.json`, '{"width": 3}'],
        [`${key(index)}.cls`, `${values[index]}`],
        [`${key(index)}.bbox.npy`, 'x'],
      ],
      {},
    ],
    ['.cls before the picture', (index) => [[`${key(index + 1)}.cls`, `${values[index + 1]}`]], {}],
  ])('labels in %s', async (name, label, options) => {
    const first: Files = name.includes('before') ? [[`${key(0)}.cls`, `${values[0]}`]] : [];
    await expectAll(
      write({ 'a.tar': tarOf([...first, ...samples(0, 10, label).filter(([own]) => own !== '000010.cls')]) }),
      options,
    );
  });

  test('labels that are texts become the sorted names', async () => {
    const names = ['owl', 'cat', 'dog'];
    const { train, classNames, ignored } = await open(
      write({
        'a.tar': tarOf([
          ...samples(0, 10, (index) => [[`${key(index)}.cls`, names[values[index]!]!]]),
          ['notes.md', 'a'],
        ]),
      }),
    );
    expect([classNames, [...train.labels]]).toEqual([['cat', 'dog', 'owl'], values.map((value) => [2, 0, 1][value])]);
    expect(ignored).toEqual(['a.tar: notes.md']);
  });

  test('only what is missing is read again after a change; names may be repeated', async () => {
    const folder = write({ 'a.tar': tarOf(samples(0, 5)), 'b.tar': tarOf(samples(5)) });
    await open(folder);
    put(folder, 'b.tar', tarOf(samples(0, 5).concat(samples(5))).subarray(0));
    const { train } = await open(folder);
    expect(await pixelsOf(train)).toEqual([...pixels.slice(0, 5), ...pixels]);
    const twice = tarOf([...samples(0, 1), ...samples(1, 2), ['000000.jpg', pictures[2]!], ['000000.cls', '1']]);
    expect(await pixelsOf((await open(write({ 'a.tar': twice }))).train)).toEqual(
      [0, 1, 2].map((index) => pixels[index]),
    );
  });

  test.skipIf(!hasTar())('archives of GNU tar in its three formats, with names of any length', async () => {
    const folder = fresh();
    const long = 'a'.repeat(70);
    for (const [name, content] of samples()) put(folder, `${long}/${long}/${name}`, content);
    for (const format of ['gnu', 'pax', 'ustar']) {
      const path = join(root, `${format}.tar`);
      execFileSync('tar', ['-cf', path, `--format=${format}`, '--sort=name', '-C', folder, '.']);
      await expectAll(path);
    }
  });

  const whole = () => tarOf(samples());
  test.each<[string, () => string, RegExp]>([
    [
      'a shard that is cut off within a file',
      () => write({ 'a.tar': whole().subarray(0, 700) }),
      /a\.tar is not a valid tar archive: it ends at byte 700, within "000000\.jpg", which would end at byte \d+/,
    ],
    [
      'a shard that is cut off between files',
      () => write({ 'a.tar': whole().subarray(0, whole().length - 1024) }),
      /ends at byte \d+, before its end mark, after "000009\.cls"/,
    ],
    [
      'a packed shard that is cut off',
      () => write({ 'a.tar.gz': gzipSync(whole()).subarray(0, 1500) }),
      /a\.tar\.gz is not a valid gzip file \(after \d+ unpacked bytes\)/,
    ],
    [
      'a packed shard whose archive is cut off',
      () => write({ 'a.tgz': gzipSync(whole().subarray(0, 700)) }),
      /a\.tgz is not a valid tar archive: it ends at byte 700/,
    ],
    ['an empty shard', () => write({ 'a.tar': '' }), /ends at byte 0, before its end mark, after its beginning/],
    [
      'another kind of file',
      () => write({ 'a.tar': 'x'.repeat(1000) }),
      /header at byte 0, after its beginning, has a wrong checksum/,
    ],
    [
      'a picture without label',
      () => write({ 'a.tar': tarOf([...samples(0, 3), ['000003.png', pictures[3]!], ...samples(4)]) }),
      /Expected 000003\.cls \(or \.json, \.txt\) beside "000003\.png" in .*a\.tar/,
    ],
    [
      'a label out of range',
      () => write({ 'a.tar': tarOf(samples()), 'classnames.txt': 'a\nb' }),
      /label from 0 to 1 for "000000\.jpg" in .*a\.tar but found 2/,
    ],
    [
      'a label that is no integer',
      () => write({ 'a.tar': tarOf(samples(0, 10, (index) => [[`${key(index)}.cls`, index === 4 ? '1.5' : '1']])) }),
      /for "000004\.jpg" in .* but found 1\.5/,
    ],
    [
      'a negative label',
      () => write({ 'a.tar': tarOf(samples(0, 10, (index) => [[`${key(index)}.cls`, `${index - 1}`]])) }),
      /for "000000\.jpg" .* found -1/,
    ],
    [
      'a .json that is none',
      () => write({ 'a.tar': tarOf(samples(0, 1, () => [['000000.json', '{']])) }),
      /"000000\.json" in .*a\.tar is not JSON/,
    ],
    [
      'no pictures',
      () =>
        write({
          'a.tar': tarOf([
            ['a.md', 'a'],
            ['000.cls', '1'],
          ]),
        }),
      /Expected pictures with labels \(000000\.jpg and 000000\.cls\) in .*found "a\.md"/,
    ],
    ['no shards', () => write({ 'a.txt': 'a' }), /Expected tar shards in .* but found none/],
    [
      'a sparse file',
      () =>
        write({
          'a.tar': Buffer.concat([tarEntry('x', Buffer.from('22 GNU.sparse.major=1\n'), { type: 'x' }), whole()]),
        }),
      /sparse file/,
    ],
    [
      'a size that is none',
      () => write({ 'a.tar': changed((header) => header.write('zzz', 124)) }),
      /header at byte 0, after its beginning, has no readable size/,
    ],
    [
      'a huge size',
      () => write({ 'a.tar': changed((header) => header.write('77777777777', 124)) }),
      /"000000\.jpg" has 8589934591 bytes/,
    ],
  ])('refuses %s, and leaves nothing in the cache', async (_, path, message) => {
    const own = fresh();
    await expect(open(path(), { cacheDir: own })).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: expect.stringMatching(message),
    });
    expect(existsSync(own)).toBe(false);
  });

  function changed(change: (header: Buffer) => void): Buffer {
    const bytes = whole();
    change(bytes);
    seal(bytes);
    return bytes;
  }

  test('a broken picture is named, or skipped', async () => {
    const path = write({
      'a.tar': tarOf([['000099.png', pictures[1]!.subarray(0, 50)], ['000099.cls', '0'], ...samples()]),
    });
    await expect(open(path)).rejects.toMatchObject({ message: expect.stringMatching(/a\.tar: 000099\.png: /) });
    expect(await open(path, { onBroken: 'skip' })).toMatchObject({
      train: { count: 10 },
      broken: [{ name: 'a.tar: 000099.png' }],
    });
  });

  test('refuses unknown options, ranges of nothing, and can be aborted', async () => {
    const path = write({ 'a.tar': whole() });
    await expect(open(path, { labels: 'a' } as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(open('a-{5..4}.tar')).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/range/),
    });
    await expect(open(path, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
  });
});

test('ranges keep the digits of their beginning', () => {
  expect(expandRange('a-{08..11}.tar')).toEqual(['a-08.tar', 'a-09.tar', 'a-10.tar', 'a-11.tar']);
  expect(expandRange('{0..1}/{1..2}')).toEqual(['0/1', '0/2', '1/1', '1/2']);
  expect(expandRange('a{b}.tar')).toEqual(['a{b}.tar']);
  expect(() => expandRange('{0..999}{0..999}')).toThrow(/range of 1 to 100000 files/);
});

test('entries carry the place of their bytes in the unpacked archive', async () => {
  const tar = tarOf([
    ['./a/b.txt', 'hello'],
    ['c', ''],
  ]);
  const reader = new GzipReader(Readable.from([gzipSync(tar)]), 'memory');
  const entries = [];
  for await (const entry of tarEntries(reader, 'memory')) entries.push(entry);
  expect(entries).toEqual([
    { name: 'a/b.txt', at: 512, size: 5 },
    { name: 'c', at: 1536, size: 0 },
  ]);
  expect(tar.toString('utf8', 512, 517)).toBe('hello');
});

function hasTar(): boolean {
  try {
    return /GNU tar/.test(execFileSync('tar', ['--version'], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}
