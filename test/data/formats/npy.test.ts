import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseNpy } from '../../../lib/data/formats/npy';
import { type NpyOptions, npy } from '../../../lib/data/formats/npyFiles';
import { TestRandom, testSeed } from '../../random';
import { temporaryFolder } from '../../temporary';
import { type Files, writeFiles } from '../support';
import { bytesOf, type NpyParts, npyBytes, zipBytes } from './arrays';

const random = new TestRandom(testSeed);
const draw = (length: number) => Uint8Array.from({ length }, () => random.integer(256));
const images = draw(3 * 24);
const pixels = { shape: [3, 4, 2, 3], data: images };
const labels = npyBytes({ descr: '<i8', shape: [3], data: bytesOf(BigInt64Array.of(2n, 0n, 1n)) });
const folderOf = (files: Files) => writeFiles(temporaryFolder(), files);
const pair = (parts: NpyParts, y: Uint8Array = labels): string => folderOf({ 'X.npy': npyBytes(parts), 'y.npy': y });
const swapped = (bytes: Buffer, size: 2 | 4 | 8) => bytes[`swap${8 * size}` as 'swap16']();

describe('parseNpy()', () => {
  test.each<[string, ArrayBufferView, 0 | 2 | 4 | 8]>([
    ['u1', Uint8Array.of(0, 7, 255), 0],
    ['i1', Int8Array.of(0, -7, 127), 0],
    ['u2', Uint16Array.of(0, 7, 65535), 2],
    ['i2', Int16Array.of(0, -7, 32767), 2],
    ['u4', Uint32Array.of(0, 7, 2 ** 32 - 1), 4],
    ['i4', Int32Array.of(0, -7, 2 ** 31 - 1), 4],
    ['u8', BigUint64Array.of(0n, 7n, 2n ** 64n - 1n), 8],
    ['i8', BigInt64Array.of(0n, -7n, 2n ** 62n), 8],
    ['f4', Float32Array.of(0, -7.5, 1e30), 4],
    ['f8', Float64Array.of(0, -7.5, 1e300), 8],
  ])('reads %s of both orders of bytes, and versions 1 to 3', (type, data, swap) => {
    for (const version of [1, 2, 3]) {
      const little = npyBytes({ descr: `<${type}`, shape: [3], data: bytesOf(data), version });
      expect(parseNpy(little, 'a').data).toEqual(data);
    }
    if (!swap) return;
    const big = npyBytes({ descr: `>${type}`, shape: [3], data: swapped(Buffer.from(bytesOf(data)), swap) });
    expect(parseNpy(big, 'a').data).toEqual(data);
  });

  test('reads halves of both orders of bytes: every one of their values', () => {
    // 1, -2, the largest, the smallest normal, both ends of the subnormal, -0, infinities, NaN; values of NumPy 1.24.
    const bits = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8000, 0x7c00, 0xfc00, 0x7e01, 0x3555];
    const values = [1, -2, 65504, 2 ** -14, 1023 * 2 ** -24, 2 ** -24, -0, Infinity, -Infinity, NaN, 0.333251953125];
    const little = bytesOf(Uint16Array.from(bits));
    for (const [order, data] of [
      ['<', little],
      ['>', swapped(Buffer.from(little), 2)],
    ] as const) {
      const array = parseNpy(npyBytes({ descr: `${order}f2`, shape: [bits.length], data }), 'a');
      expect(array.data).toEqual(Float32Array.from(values));
    }
  });

  test("Fortran's order becomes row-major", () => {
    // Element [i, j, k] of shape [2, 3, 4] is 12 i + 4 j + k; in the file the first index is the fastest.
    const data = Uint8Array.from(
      { length: 24 },
      (_, at) => 12 * (at % 2) + 4 * (Math.floor(at / 2) % 3) + Math.floor(at / 6),
    );
    const array = parseNpy(npyBytes({ shape: [2, 3, 4], data, fortran: true }), 'a');
    expect(array.data).toEqual(Uint8Array.from({ length: 24 }, (_, at) => at));
  });

  test('texts, a single number, and an empty array', () => {
    const text = Uint32Array.from([...'dogköln'].map((letter) => letter.codePointAt(0)!).toSpliced(3, 0, 0));
    const texts = npyBytes({ descr: '<U4', shape: [2], data: bytesOf(text) });
    expect(parseNpy(texts, 'a').data).toEqual(['dog', 'köln']);
    expect(parseNpy(npyBytes({ shape: [], data: Uint8Array.of(3) }), 'a')).toMatchObject({ shape: [] });
    expect(parseNpy(npyBytes({ descr: '<f4', shape: [2, 0], data: new Uint8Array(0) }), 'a').data).toHaveLength(0);
  });

  const header = (text: string) => npyBytes({ shape: [3], data: new Uint8Array(3), header: text });
  const good = npyBytes({ shape: [3], data: new Uint8Array(3) });
  test.each<[string, Uint8Array, RegExp]>([
    [
      'objects',
      npyBytes({ descr: '|O', shape: [3], data: new Uint8Array(24) }),
      /dtype is object \("\|O"\).*save numbers/,
    ],
    ['records', header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}"), /structured dtype/],
    [
      'complex numbers',
      npyBytes({ descr: '<c8', shape: [1], data: new Uint8Array(8) }),
      /dtype is "<c8", expected one of.* f4/,
    ],
    [
      'a length that disagrees',
      good.subarray(0, -1),
      /\|u1 of shape \[3\], which ends at byte 131, but it has 130 bytes/,
    ],
    ['another kind of file', Buffer.from('PK\x03\x04 and so on'), /does not begin with/],
    ['an empty file', Buffer.alloc(0), /does not begin with/],
    [
      'a later version',
      Buffer.concat([good.subarray(0, 6), Buffer.of(4), good.subarray(7)]),
      /version 4\.0, expected 1 to 3/,
    ],
    ['a header that is cut off', good.subarray(0, 40), /header would end at byte 128, but it has 40 bytes/],
    [
      'a huge header',
      npyBytes({ shape: [3], data: new Uint8Array(3), version: 2, header: ' '.repeat(70_000) }),
      /more than 65536/,
    ],
    ['a header that is no dict', header("('a',)"), /no Python dict/],
    ['a header with something behind', header("{'descr': '|u1'} + {}"), /expected the end at character 17/],
    ['a header that calls', header("{'descr': open('f')}"), /expected a literal of Python at character 10/],
    ['no shape', header("{'descr': '|u1', 'fortran_order': False}"), /shape nothing/],
    [
      'a negative size',
      header("{'descr': '|u1', 'fortran_order': False, 'shape': (-3,)}"),
      /a literal of Python at character 51/,
    ],
    [
      'a size that is no integer',
      header("{'descr': '|u1', 'fortran_order': False, 'shape': ('3',)}"),
      /the shape \["3"\]/,
    ],
    [
      'a huge size',
      header("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999999, 9999999999999999)}"),
      /shape/,
    ],
    [
      'an order that is no boolean',
      header("{'descr': '|u1', 'fortran_order': None, 'shape': (3,)}"),
      /fortran_order null/,
    ],
    ['deep nesting', header(`{'descr': ${'('.repeat(300)}`), /within each other/],
  ])('refuses %s', (_, bytes, message) => {
    const failure = expect.objectContaining({ code: 'ERR_DATA', message: expect.stringMatching(message) });
    expect(() => parseNpy(bytes, 'a.npy')).toThrow(failure);
  });
});

describe('npy()', () => {
  const both = {
    train_images: npyBytes(pixels),
    train_labels: labels,
    test_images: npyBytes({ shape: [1, 4, 2, 3], data: images.subarray(0, 24) }),
    test_labels: npyBytes({ shape: [1, 1], data: Uint8Array.of(4) }),
    val_images: Buffer.from('not read'),
  };
  const named = (rename = (name: string) => name): Files =>
    Object.fromEntries(Object.entries(both).map(([name, bytes]) => [`${rename(name)}.npy`, bytes]));

  test.each<[string, () => string]>([
    ['a folder', () => folderOf(named())],
    ['one of the files', () => join(folderOf(named()), 'train_labels.npy')],
    [
      'x_train and y_train',
      () =>
        folderOf(
          named((name) => name.replace(/(.*)_(i|l).*/, (_, split, kind) => `${kind === 'i' ? 'X' : 'y'}_${split}`)),
        ),
    ],
    ['an archive', () => join(folderOf({ 'a.npz': zipBytes(named()) }), 'a.npz')],
    [
      'an archive that is not packed',
      () => join(folderOf({ 'a.npz': zipBytes(named(), { deflate: false }) }), 'a.npz'),
    ],
  ])('reads %s', async (_, path) => {
    const { train, test } = await npy(path());
    expect(train).toMatchObject({ shape: [4, 2, 3], images, labels: Int32Array.of(2, 0, 1), classes: 5 });
    expect(test).toMatchObject({ images: images.subarray(0, 24), labels: Int32Array.of(4), classes: 5 });
  });

  test('without test arrays there is no test set; labels may be texts', async () => {
    const texts = npyBytes({
      descr: '<U1',
      shape: [3],
      data: bytesOf(Uint32Array.from('bab', (letter) => letter.charCodeAt(0))),
    });
    const { train, test } = await npy(pair(pixels, texts));
    expect(test).toBe(null);
    expect(train).toMatchObject({ labels: Int32Array.of(1, 0, 1), classNames: ['a', 'b'] });
    expect((await npy(pair(pixels), { classNames: ['a', 'b', 'c', 'd'] })).train).toMatchObject({ classes: 4 });
  });

  test('floats of a range, integers of any size, and channels first give the same bytes', async () => {
    const same = async (parts: NpyParts, options?: NpyOptions) =>
      expect((await npy(pair(parts), options)).train).toMatchObject({ shape: [4, 2, 3], images });
    const { shape } = pixels;
    await same(
      { shape, descr: '<f4', data: bytesOf(Float32Array.from(images, (byte) => byte / 255)) },
      { range: '0..1' },
    );
    await same({ shape, descr: '<f8', data: bytesOf(Float64Array.from(images)) }, { range: '0..255' });
    await same({ shape, descr: '<i8', data: bytesOf(BigInt64Array.from([...images].map(BigInt))) });
    await same({ shape, descr: '>u2', data: swapped(bytesOf(Uint16Array.from(images)), 2) });
    const planes = new Uint8Array(72);
    images.forEach((byte, at) => {
      planes[at - (at % 24) + (at % 3) * 8 + Math.floor((at % 24) / 3)] = byte;
    });
    await same({ shape: [3, 3, 4, 2], data: planes }, { layout: 'NCHW' });
    expect((await npy(pair({ shape: [3, 4, 6], data: images }))).train).toMatchObject({ shape: [4, 6, 1], images });
  });

  const y = (descr: string, data: ArrayBufferView, shape = [3]) => npyBytes({ descr, shape, data: bytesOf(data) });
  test.each<[string, () => string, RegExp]>([
    [
      'floats without range',
      () => pair({ shape: [3, 2, 2], descr: '<f4', data: new Uint8Array(48) }),
      /X\.npy are floats: say their range by option range/,
    ],
    [
      'an integer above 255',
      () =>
        pair({
          shape: [3, 2, 2],
          descr: '<u2',
          data: bytesOf(Uint16Array.from({ length: 12 }, (_, at) => (at === 7 ? 256 : 0))),
        }),
      /an integer from 0 to 255 at \[1, 1, 1\] of .*X\.npy but found 256/,
    ],
    [
      'channels first without saying so',
      () => pair({ shape: [3, 3, 8, 9], data: new Uint8Array(648) }),
      /shape 3x3x8x9\. Option layout: 'NCHW' \(--pixel-layout NCHW\)/,
    ],
    ['rows of pixels', () => pair({ shape: [3, 24], data: images }), /shape 3x24$/],
    [
      'no images',
      () => pair({ shape: [0, 4, 2], data: new Uint8Array(0) }, y('|u1', new Uint8Array(0), [0])),
      /shape 0x4x2/,
    ],
    [
      'texts as pixels',
      () => pair({ shape: [3, 1, 1], descr: '<U1', data: new Uint8Array(12) }),
      /Expected pixels in .*found texts/,
    ],
    [
      'labels that are no integers',
      () => pair(pixels, y('<f8', Float64Array.of(0, 1.5, 2))),
      /as label 1 of .*y\.npy but found 1\.5/,
    ],
    ['negative labels', () => pair(pixels, y('|i1', Int8Array.of(0, 1, -1))), /as label 2 of .*found -1/],
    [
      'a label that is damaged',
      () => pair(pixels, y('<u4', Uint32Array.of(0, 1, 2 ** 31))),
      /from 0 to 1048575 as label 2/,
    ],
    [
      'one-hot labels',
      () => pair(pixels, y('|u1', new Uint8Array(15), [3, 5])),
      /3 labels, one per image, in .*shape 3x5/,
    ],
    ['objects as labels', () => pair(pixels, y('|O', new Uint8Array(24))), /y\.npy.*object/],
    [
      'texts and numbers',
      () => folderOf({ ...named(), 'test_labels.npy': y('<U1', Uint32Array.of(98), [1]) }),
      /one split are texts/,
    ],
    [
      'a folder without arrays',
      () => folderOf({ 'Z.npy': labels }),
      /Expected the arrays x_train and y_train.*found "Z\.npy"/,
    ],
    [
      'an archive without arrays',
      () => join(folderOf({ 'a.npz': zipBytes({ 'a.txt': images }) }), 'a.npz'),
      /a\.npz but found none/,
    ],
    [
      'an archive that is cut off',
      () => join(folderOf({ 'a.npz': zipBytes(named()).subarray(0, -9) }), 'a.npz'),
      /a\.npz is not a zip archive.*was cut off/,
    ],
    [
      'an archive that is damaged',
      () => join(folderOf({ 'a.npz': damaged() }), 'a.npz'),
      /"train_images\.npy" is damaged: its checksum/,
    ],
  ])('refuses %s', async (_, path, message) => {
    await expect(npy(path())).rejects.toMatchObject({ code: 'ERR_DATA', message: expect.stringMatching(message) });
  });

  function damaged(): Buffer {
    const bytes = zipBytes(named(), { deflate: false });
    bytes[200]! ^= 1;
    return bytes;
  }
});
