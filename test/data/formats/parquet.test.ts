import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodePicture, type ImageSource, type ParquetOptions, parquet } from '../../../lib';
import { checkPages } from '../../../lib/data/formats/parquet/pages';
import { temporaryFolder } from '../../temporary';
import { drawShape, put, shapes } from '../pictures/draw';
import { type ParquetParts, parquetBytes } from './writeParquet';

const root = temporaryFolder();
const cacheDir = join(root, 'cache');
let folders = 0;
const fresh = () => join(root, `${folders++}`);

let pictures: Buffer[];
let pixels: Uint8Array[];
beforeAll(async () => {
  pictures = await Promise.all(Array.from({ length: 10 }, (_, index) => drawShape(shapes[index % 5]!, index)));
  pixels = await Promise.all(pictures.map(async (bytes) => Uint8Array.from(await decodePicture(bytes, { size: 8 }))));
});

const values = [2, 0, 1, 2, 0, 1, 2, 0, 1, 1];
const names = ['one', 'two', 'three'];
const open = (path: string, options: ParquetOptions = {}) =>
  parquet(path, { size: 8, cacheDir, testShare: 0, ...options });

async function write(name: string, parts: Partial<ParquetParts> = {}, folder = fresh()): Promise<string> {
  put(folder, name, await parquetBytes({ images: pictures, labels: { label: { values, names } }, ...parts }));
  return folder;
}

async function pixelsOf(source: ImageSource): Promise<Uint8Array[]> {
  const target = new Uint8Array(source.count * 192);
  await source.read(Int32Array.from(source.labels.keys()), target);
  return Array.from({ length: source.count }, (_, index) => target.subarray(index * 192, (index + 1) * 192));
}

describe('parquet()', () => {
  test('reads the layout of Hugging Face: pictures, labels and class names', async () => {
    const { train, test, classNames, broken } = await open(join(await write('data.parquet'), 'data.parquet'));
    expect([train.count, train.classes, train.shape, test, broken]).toEqual([10, 3, [8, 8, 3], null, []]);
    expect([...train.labels]).toEqual(values);
    expect(classNames).toEqual(names);
    expect(await pixelsOf(train)).toEqual(pixels);
  });

  test('several files in data/, whose names say the split; streaming reads what resident does', async () => {
    const folder = fresh();
    for (const [name, first, last] of [
      ['train-00000-of-00002', 0, 4],
      ['train-00001-of-00002', 4, 7],
      ['validation-00000-of-00001', 7, 8],
      ['test-00000-of-00001', 8, 10],
    ] as const) {
      const labels = { label: { values: values.slice(first, last), names } };
      await write(`data/${name}.parquet`, { images: pictures.slice(first, last), labels }, folder);
    }
    put(folder, 'README.md', 'A data set');
    for (const mode of ['resident', 'streaming'] as const) {
      const { train, validation, test, split, close } = await open(folder, { mode, testShare: 0.5 });
      expect([train.count, validation?.count, test?.count, split]).toEqual([7, 1, 2, null]);
      expect([...train.labels, ...validation!.labels, ...test!.labels]).toEqual(values);
      const all = await Promise.all([train, validation!, test!].map(pixelsOf));
      expect(all.flat()).toEqual(pixels);
      await close();
    }
  });

  test('the layout of converted data sets, default/train/0000.parquet', async () => {
    const folder = await write('default/train/0000.parquet');
    await write('default/test/0000.parquet', {}, folder);
    expect(await open(folder)).toMatchObject({ train: { count: 10 }, test: { count: 10 } });
  });

  test('CIFAR-100: img, and two columns of labels', async () => {
    const coarse = values.map((value) => value % 2);
    const labels = { coarse_label: { values: coarse, names: ['even', 'odd'] }, fine_label: { values, names } };
    const path = await write('train.parquet', { image: 'img', labels });
    expect((await open(path)).classNames).toEqual(names);
    const other = await open(path, { label: 'coarse_label' });
    expect([[...other.train.labels], other.classNames]).toEqual([coarse, ['even', 'odd']]);
  });

  test.each<[string, Partial<ParquetParts>]>([
    ['without metadata', { isBare: true }],
    ['binary pictures', { isBinary: true, isBare: true }],
    ['not compressed', { codec: 'UNCOMPRESSED' }],
    ['one group of rows', { rowGroupSize: 100 }],
    ['a group for each row', { rowGroupSize: 1 }],
  ])('%s', async (_, parts) => {
    const { train, classNames } = await open(await write('a.parquet', parts));
    expect([...train.labels]).toEqual(values);
    expect(classNames).toEqual(parts.isBare ? null : names);
    expect(await pixelsOf(train)).toEqual(pixels);
  });

  test('labels that are texts become the sorted names', async () => {
    const labels = { category: { values: values.map((value) => names[value]!) } };
    const { train, classNames } = await open(await write('a.parquet', { labels }));
    expect(classNames).toEqual(['one', 'three', 'two']);
    expect([...train.labels]).toEqual(values.map((value) => [0, 2, 1][value]));
  });

  test('a file that is replaced is decoded anew, and labels follow the file', async () => {
    const folder = await write('a.parquet');
    await open(folder);
    const images = [...pictures.slice(5), ...pictures.slice(0, 5)];
    await write('a.parquet', { images, labels: { label: { values: [...values].reverse(), names } } }, folder);
    const { train } = await open(folder);
    expect(await pixelsOf(train)).toEqual([...pixels.slice(5), ...pixels.slice(0, 5)]);
    expect([...train.labels]).toEqual([...values].reverse());
  });

  test('rows without bytes, and broken pictures, are broken pictures', async () => {
    const images = pictures.map((bytes, index) => (index === 3 ? null : index === 4 ? bytes.subarray(0, 60) : bytes));
    const path = await write('a.parquet', { images });
    await expect(open(path)).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: expect.stringMatching(/a\.parquet: row 3: the row has no bytes, only the path "3\.png"/),
    });
    const { train, broken } = await open(path, { onBroken: 'skip' });
    expect([train.count, broken.map(({ name }) => name)]).toEqual([8, ['a.parquet: row 3', 'a.parquet: row 4']]);
  });

  test.each<[string, () => Promise<string>, RegExp]>([
    [
      'no column of pictures',
      noPictures,
      /Expected a column of pictures.*such as image, img.*a\.parquet but found "id" \(INT64\), "text" \(text\)/,
    ],
    [
      'no column of labels',
      () => write('a.parquet', { labels: {} }),
      /Expected a column of labels.*but found "image" \(a group\)$/,
    ],
    [
      'a label out of range',
      () => write('a.parquet', { labels: { label: { values: [...values.slice(0, 9), 3], names } } }),
      /label from 0 to 2 in row 9 of .*a\.parquet \(column label\) but found 3/,
    ],
    [
      'an unknown label',
      () => write('a.parquet', { labels: { label: { values: [-1, ...values.slice(1)], names } } }),
      /row 0 .* found -1 \(-1 stands for an unknown label\)/,
    ],
    [
      'no label',
      () => write('a.parquet', { labels: { label: { values: [...values.slice(0, 9), null] } } }),
      /row 9 .*found none/,
    ],
    [
      'no rows',
      () => write('a.parquet', { images: [], labels: { label: { values: [] } } }),
      /Expected pictures for training in .* but found no rows/,
    ],
    [
      'no files',
      async () => {
        const folder = fresh();
        put(folder, 'a.txt', 'a');
        return folder;
      },
      /Expected Parquet files in .* but found none/,
    ],
    [
      'another kind of file',
      async () => {
        const folder = fresh();
        put(folder, 'a.parquet', 'This is no Parquet file.');
        return folder;
      },
      /a\.parquet is not a Parquet file that can be read: /,
    ],
    [
      'a file that is cut off',
      async () => {
        const folder = await write('a.parquet');
        const path = join(folder, 'a.parquet');
        put(folder, 'a.parquet', readFileSync(path).subarray(0, -50));
        return folder;
      },
      /a\.parquet is not a Parquet file that can be read/,
    ],
    [
      'names with and without a split',
      async () => write('b.parquet', {}, await write('train.parquet')),
      /"train\.parquet" has it, "b\.parquet" has not/,
    ],
    [
      'only test files',
      async () => write('test-1.parquet', {}, await write('test-0.parquet')),
      /Expected files of the split train/,
    ],
    [
      'numbers and texts',
      async () =>
        write(
          'b.parquet',
          { labels: { label: { values: names[0] ? values.map(String) : [] } } },
          await write('a.parquet'),
        ),
      /are numbers and texts/,
    ],
  ])('refuses %s, and leaves nothing in the cache', async (_, path, message) => {
    const own = fresh();
    await expect(open(await path(), { cacheDir: own })).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: expect.stringMatching(message),
    });
    expect(() => readFileSync(own)).toThrow(/ENOENT/);
  });

  async function noPictures(): Promise<string> {
    const { parquetWriteBuffer } = await import('hyparquet-writer');
    const folder = fresh();
    const columnData = [
      { name: 'id', data: [1n, 2n], type: 'INT64' as const },
      { name: 'text', data: ['a', 'b'], type: 'STRING' as const },
    ];
    put(folder, 'a.parquet', new Uint8Array(parquetWriteBuffer({ columnData })));
    return folder;
  }

  test('refuses columns that are not there, and unknown options', async () => {
    const path = await write('a.parquet');
    const refused = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });
    await expect(open(path, { image: 'img' })).rejects.toMatchObject(
      refused('ERR_DATA', /the column "img" of pictures.*"image"/),
    );
    await expect(open(path, { label: 'image' })).rejects.toMatchObject(
      refused('ERR_DATA', /the column "image" of labels/),
    );
    await expect(open(path, { column: 'a' } as never)).rejects.toMatchObject(
      refused('ERR_INVALID_ARGUMENT', /"column"/),
    );
    await expect(open('')).rejects.toMatchObject(refused('ERR_INVALID_ARGUMENT', /a path/));
    await expect(open('/none/such.parquet')).rejects.toMatchObject(
      refused('ERR_DATA', /such\.parquet but found nothing/),
    );
    const aborted = { signal: AbortSignal.abort(new Error('stop')) };
    await expect(open(path, aborted)).rejects.toThrow('stop');
  });
});

test('a page that claims a billion levels is an error that names the file', async () => {
  const labels = { label: { values: [0, 1, 0, 1] } };
  const bytes = Buffer.from(await parquetBytes({ images: pictures.slice(0, 4), labels, codec: 'UNCOMPRESSED' }));
  // The end of a header, which says that levels take three bytes, and these: a run of bits. hyparquet would write until the memory is full.
  const at = bytes.indexOf(Buffer.of(0x15, 6, 0x15, 0, 0, 0, 3, 0xaa, 0));
  Buffer.of(0x15, 14, 0x15, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x07, 1).copy(bytes, at);
  const folder = fresh();
  put(folder, 'a.parquet', bytes);
  await expect(open(folder)).rejects.toMatchObject({
    code: 'ERR_DATA',
    message: expect.stringMatching(/a\.parquet is not a Parquet file .*claims 1073741823 of them, but 4 are left/),
  });
});

describe('checkPages()', () => {
  /** The header of a page: its type, its sizes unpacked and packed (Thrift's compact protocol), and the end of the struct. */
  const zigZag = (value: number) => (value < 0 ? -2 * value - 1 : 2 * value);
  const sizes = (unpacked: number, packed: number) => [0x15, zigZag(unpacked), 0x15, zigZag(packed)];
  const header = (unpacked: number, packed: number) => [0x15, 0, ...sizes(unpacked, packed), 0];
  /** Statistics of a page: its largest and its smallest value, texts of a byte. */
  const statistics = [0x1c, 0x18, 1, 98, 0x18, 1, 97, 0];
  /** A page of values: the header's first two fields are the number of values and the encoding. */
  const page = (bytes: readonly number[], count: number, encoding: number) => [
    ...[0x15, 0, ...sizes(bytes.length, bytes.length)],
    ...[0x2c, 0x15, zigZag(count), 0x15, zigZag(encoding), 0x15, 0, 0x15, 0, ...statistics, 0, 0],
    ...bytes,
  ];
  const dictionary = (count: number) => [0x15, zigZag(2), ...sizes(1, 1), 0x4c, 0x15, zigZag(count), 0, 0, 9];
  /** A page of version 2: values, none of them missing, rows, encoding, and bytes of levels. */
  const page2 = (bytes: readonly number[], count: number, encoding: number) => [
    ...[0x15, zigZag(3), ...sizes(bytes.length, bytes.length), 0x5c],
    ...[0x15, zigZag(count), 0x15, 0, 0x15, zigZag(count), 0x15, zigZag(encoding), 0x15, 0, 0x15, 0, 0, 0],
    ...bytes,
  ];
  const column = { rows: 6, definition: 0, unpack: (packed: Uint8Array) => packed };
  const check = (bytes: readonly number[], definition = 0) =>
    checkPages(Uint8Array.from(bytes), { ...column, definition });
  /** 2^30 - 1 equal integers, as a run of six bytes. */
  const endless = [0xfe, 0xff, 0xff, 0xff, 0x07, 1];

  test('accepts pages that fill their column', () => {
    check([...page([1, 2], 2, 0), ...dictionary(1), ...page([1, 4, 1], 2, 8), ...page2([1, 3, 1], 2, 8)]);
    check([]);
    // Levels: four bytes of length, then a run of bits in which two of three values are there.
    check(page([2, 0, 0, 0, 3, 0b101, 7, 7], 3, 0), 1);
    // Differences: blocks of 128 in 4 parts, 2 values, the first one, the least difference, and the bits of the parts.
    check(page([0x80, 1, 4, 2, 0, 0, 0, 0, 0, 0], 2, 5));
  });

  test.each<[string, number[], RegExp]>([
    ['a negative size', [...header(3, -7), 1, 2], /page at byte 0 of its column claims -7 bytes, but 2 follow/],
    [
      'a size beyond the column',
      [...dictionary(1), ...header(3, 4), 1],
      /page at byte 12 of its column claims 4 bytes, but 1 follow/,
    ],
    ['a header without sizes', [0x15, 0, 0, 1], /claims an unknown number of bytes/],
    ['a header that is cut off', [0x15, 0x80], /ends too early/],
    ['deep nesting', new Array(40).fill(0x1c), /nested too deeply/],
    ['a list that is too long', [0x19, 0xf5, 0xff, 0xff, 0x7f, 0], /list that is too long/],
    ['a number without end', [0x15, ...new Array(12).fill(0xff)], /number without end/],
    ['more values than rows', page([1], 7, 0), /at byte 0 .* claims 7 values, of which there can be 6/],
    ['more values in a dictionary than bits', dictionary(9), /claims 9 values, of which there can be 8/],
    ['an endless run of indices', page([1, ...endless], 6, 8), /claims 1073741823 of them, but 6 are left/],
    ['the same in version 2', page2([0, ...endless], 6, 8), /claims 1073741823 of them, but 6 are left/],
    ['an endless run of bits', page([0, 0xff, 0xff, 0xff, 0xff, 0x0f], 6, 8), /claims 17179869176 of them/],
    ['an empty run', page([1, 0, 1], 6, 2), /claims 0 of them/],
    ['a run that is cut off', page([8, 12], 6, 8), /a run of integers ends too early/],
    ['indices of 33 bits', page([33, 12], 6, 8), /its indices have 33 bits/],
    ['blocks without values', page([0, 0, 6, 0], 6, 5), /claims 0 values in 0 parts/],
    ['blocks that would go back', page([0x80, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], 6, 5), /in 4294967295 parts/],
    ['lengths that are cut off', page([0x80, 1, 4, 6, 0, 0, 8, 8, 8, 8, 1], 6, 6), /ends too early/],
    ['an unknown encoding', page([1], 1, 10), /the encoding 10, which is not read/],
    ['an unknown type', [0x15, 8, ...sizes(1, 1), 0, 9], /the unknown type 4/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => check(bytes)).toThrow(message);
  });
});
