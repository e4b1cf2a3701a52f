import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { cifar, cifar10, cifar100 } from '../../lib/data/cifar';
import { CifarFile } from '../../lib/data/cifarFile';
import { cifarFiles } from '../../lib/data/cifarFiles';
import { type LayoutName, layouts } from '../../lib/data/records';
import type { ImageSource } from '../../lib/data/source';
import { statisticsOf } from '../../lib/data/statistics';
import { temporaryFolder } from '../temporary';
import { archive, cifar10Files, cifar100Files, lines, md5, records, writeFiles } from './support';

const root = temporaryFolder();
let folders = 0;
const fresh = (files = {}) => writeFiles(join(root, String(folders++)), files);
const fails = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });

/** Checks image and label of an index against the bytes of its record, which this function reads in the simplest way. */
function expectRecord(
  source: ImageSource & { images: Uint8Array },
  index: number,
  bytes: Uint8Array,
  name: LayoutName,
) {
  const { labelBytes, bytes: size, labels } = layouts[name];
  const record = bytes.subarray(index * size, (index + 1) * size);
  expect(source.labels[index]).toBe(record[labels.fine!.byte]);
  const pixels = source.images.subarray(index * 3072, (index + 1) * 3072);
  for (let row = 0; row < 32; row++)
    for (let column = 0; column < 32; column++)
      for (let c = 0; c < 3; c++)
        if (pixels[(row * 32 + column) * 3 + c] !== record[labelBytes + c * 1024 + row * 32 + column])
          throw new Error(`record ${index}: pixel (${row}, ${column}, ${c}) differs`);
}

describe('reads', () => {
  const hundred = cifar100Files();
  const ten = cifar10Files();

  test('CIFAR-100 from its folder, from the folder above, and from an archive', async () => {
    const above = fresh();
    const inside = writeFiles(join(above, 'cifar-100-binary'), hundred);
    const packed = join(root, 'own.tar.gz');
    writeFileSync(packed, archive('cifar-100-binary', hundred));
    for (const read of [
      () => cifar100(inside),
      () => cifar100(above),
      () => cifar(above),
      () => cifar100(packed, { verify: false }),
      () => cifar(packed, { verify: false }),
    ]) {
      const { train, test: held } = await read();
      expect([train.count, train.classes, held.count, held.classes]).toEqual([7, 100, 3, 100]);
      expect(train.classNames?.[99]).toBe('fine 99');
      for (let index = 0; index < 7; index++) expectRecord(train, index, hundred['train.bin']!, 'cifar100');
      for (let index = 0; index < 3; index++) expectRecord(held, index, hundred['test.bin']!, 'cifar100');
    }
  });

  test('CIFAR-10: five files, one after the other', async () => {
    const folder = fresh(ten);
    const packed = join(root, 'ten.tgz');
    writeFileSync(packed, archive('.', ten));
    const all = Buffer.concat([1, 2, 3, 4, 5].map((n) => ten[`data_batch_${n}.bin`]!));
    for (const { train, test: held } of [await cifar10(folder), await cifar(packed, { verify: false })]) {
      expect([train.count, train.classes, held.count]).toEqual([20, 10, 4]);
      expect(train.classNames).toEqual(Array.from({ length: 10 }, (_, i) => `class ${i}`));
      for (let index = 0; index < 20; index++) expectRecord(train, index, all, 'cifar10');
      expectRecord(held, 3, ten['test_batch.bin']!, 'cifar10');
    }
  });

  test('coarse labels of CIFAR-100, with their names', async () => {
    const { train } = await cifar100(fresh(hundred), { labels: 'coarse' });
    expect([...train.labels]).toEqual(Array.from({ length: 7 }, (_, i) => hundred['train.bin']![i * 3074]));
    expect(train.classes).toBe(20);
    expect(train.classNames?.[19]).toBe('coarse 19');
  });

  test('archives that tar itself makes, in each of its formats', async () => {
    const above = fresh();
    writeFiles(join(above, 'cifar-100-binary'), hundred);
    for (const format of ['ustar', 'gnu', 'posix', 'v7']) {
      const packed = join(root, `${format}.tar.gz`);
      execFileSync('tar', [`--format=${format}`, '-czf', packed, '-C', above, 'cifar-100-binary']);
      const { train } = await cifar100(packed, { verify: false });
      expectRecord(train, 6, hundred['train.bin']!, 'cifar100');
    }
  });

  test('images one by one from the files: the same as in memory, in any order, again and again', async () => {
    for (const files of [hundred, ten]) {
      const folder = fresh(files);
      const memory = await cifar(folder);
      const { train, test: held } = await CifarFile.open(folder);
      expect(train).toMatchObject({ count: memory.train.count, classes: memory.train.classes, shape: [32, 32, 3] });
      expect(train.classNames).toEqual(memory.train.classNames);
      expect([...train.labels]).toEqual([...memory.train.labels]);
      const last = train.count - 1;
      const indices = Int32Array.of(last, 0, 3, 3, last, 1, 5, 2);
      for (const source of [train, held]) {
        const chosen = indices.map((index) => index % source.count);
        const [got, want] = [new Uint8Array(8 * 3072), new Uint8Array(8 * 3072)];
        await source.read(chosen, got);
        await (source === train ? memory.train : memory.test).read(chosen, want);
        expect(Buffer.compare(got, want)).toBe(0);
      }
      expect(await statisticsOf(train, { per: 'pixel' })).toEqual(memory.train.statistics({ per: 'pixel' }));
      await train.close();
      await held.close();
      await expect(train.read(indices, new Uint8Array(8 * 3072))).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    }
  });
});

/** Both readers of folders, which must give the same errors. */
const folderReaders = [
  ['cifar', cifar],
  ['CifarFile.open', CifarFile.open],
] as const;

describe.each(folderReaders)('%s refuses', (_, read) => {
  const good = cifar100Files(3, 2);
  const refuses = async (files: object, message: RegExp, options = {}) => {
    const folder = fresh(files);
    await expect(read(folder, options)).rejects.toMatchObject(fails('ERR_DATA', message));
  };

  test('a path where nothing is, and a folder without the files', async () => {
    await expect(read(join(root, 'nowhere'))).rejects.toMatchObject(fails('ERR_DATA', /nowhere but found nothing/));
    await refuses({}, /train\.bin, test\.bin .*cifar-100-binary.*data_batch_5\.bin.* but found nothing$/);
    const partial = { 'train.bin': good['train.bin'], 'notes.txt': Buffer.from('x') };
    await refuses(partial, /Expected train\.bin, test\.bin .* but found notes\.txt, train\.bin$/);
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, Buffer.alloc(1)]));
    await refuses(many, / and 28 more$/);
  });

  test.each([
    ['truncated by a byte', 3 * 3074 - 1, /3074 bytes in .*train\.bin but received 9221: 2 records and 3073 bytes/],
    ['longer by a byte', 3 * 3074 + 1, /3074 bytes in .*train\.bin but received 9223: 3 records and 1 bytes/],
    ['shorter than a record', 3073, /received 3073: 0 records and 3073 bytes/],
    ['empty', 0, /positive multiple of 3074 bytes in .*train\.bin but received 0$/],
  ])('a file that is %s', async (_, size, message) => {
    const bytes = Buffer.concat([good['train.bin']!, Buffer.alloc(1)]).subarray(0, size);
    await refuses({ ...good, 'train.bin': bytes }, message);
  });

  test('a label out of range: record, value, byte', async () => {
    const bytes = good['test.bin']!.slice();
    bytes[3074 + 1] = 100;
    await refuses(
      { ...good, 'test.bin': bytes },
      /fine label from 0 to 99 in record 1 of .*test\.bin .*100 at byte 3075/,
    );
    bytes[3074] = 20;
    const coarse = /coarse label from 0 to 19 in record 1 of .*test\.bin but received 20 at byte 3074/;
    await refuses({ ...good, 'test.bin': bytes }, coarse, { labels: 'coarse' });
    const ten = cifar10Files(2);
    const batch = ten['data_batch_4.bin']!.slice();
    batch[3073] = 255;
    await refuses(
      { ...ten, 'data_batch_4.bin': batch },
      /a label from 0 to 9 in record 1 of .*data_batch_4\.bin but received 255 at byte 3073/,
    );
  });

  test('whole records that are not all of them, if it must be the official data', async () => {
    await refuses(good, /153700000 bytes \(the 50000 records of CIFAR-100\) in .*train\.bin but received 9222/, {
      verify: true,
    });
  });

  test('names that are not as many as classes', async () => {
    await refuses(
      { ...good, 'fine_label_names.txt': lines(99, 'x') },
      /100 class names in .*fine_label_names\.txt .* 99/,
    );
  });

  test('labels that the data set has not', async () => {
    const folder = fresh(cifar10Files(1));
    const wrong = fails('ERR_INVALID_ARGUMENT', /fine for labels|fine for cifar10|fine or coarse for labels/);
    await expect(read(folder, { labels: 'coarse' })).rejects.toMatchObject(wrong);
    await expect(read(folder, { labels: 'toString' as never })).rejects.toMatchObject(wrong);
    await expect(read('')).rejects.toMatchObject(fails('ERR_INVALID_ARGUMENT', /path/));
  });
});

test('CifarFile refuses archives, and files that become shorter while they are used', async () => {
  const packed = join(root, 'packed.tar.gz');
  writeFileSync(packed, archive('cifar-100-binary', cifar100Files(1, 1)));
  await expect(CifarFile.open(packed)).rejects.toMatchObject(fails('ERR_INVALID_ARGUMENT', /unpacked/));
  const folder = fresh(cifar100Files(3, 1));
  const { train, test: held } = await CifarFile.open(folder);
  truncateSync(join(folder, 'train.bin'), 7000);
  const target = new Uint8Array(3 * 3072);
  const reading = train.read(Int32Array.of(0, 1, 2), target);
  await expect(reading).rejects.toMatchObject(fails('ERR_DATA', /train\.bin: it ends at byte 7000/));
  const outside = train.read(Int32Array.of(0, 3), target);
  await expect(outside).rejects.toMatchObject(fails('ERR_INVALID_ARGUMENT', /0 to 2 for indices\[1\] but received 3/));
  const small = train.read(Int32Array.of(0), target.subarray(1, 3072));
  await expect(small).rejects.toMatchObject(fails('ERR_INVALID_ARGUMENT', /3072 bytes for target but received 3071/));
  await train.close();
  await held.close();
});

describe('an archive', () => {
  const files = cifar100Files(2, 1);

  test('must be the official one, unless it need not: the error names both sums', async () => {
    const packed = join(root, cifarFiles.cifar100.archive.name);
    writeFileSync(packed, archive('cifar-100-binary', files));
    const both = fails(
      'ERR_DATA',
      new RegExp(`03b5dce01913d631647c71ecec9e9cb8.*\\.tar\\.gz.*${md5(readFileSync(packed))}`),
    );
    await expect(cifar100(packed)).rejects.toMatchObject(both);
    await expect(cifar(packed)).rejects.toMatchObject(both);
    const ten = fails('ERR_DATA', /c32a1d4ab5d03f1284b67883e8d87530/);
    await expect(cifar10(packed)).rejects.toMatchObject(ten);
    expect((await cifar100(packed, { verify: false })).train.count).toBe(2);
  });

  test('that is cut, is no gzip, or holds other files, is refused by name', async () => {
    const whole = archive('cifar-100-binary', files);
    const refuses = async (bytes: Uint8Array, message: RegExp) => {
      const packed = join(root, 'broken.tar.gz');
      writeFileSync(packed, bytes);
      await expect(cifar(packed, { verify: false })).rejects.toMatchObject(fails('ERR_DATA', message));
    };
    await refuses(whole.subarray(0, whole.length / 2), /broken\.tar\.gz is not a valid gzip file: unexpected end/);
    await refuses(Buffer.from('<html>'), /broken\.tar\.gz is not a valid gzip file: incorrect header/);
    await refuses(Buffer.alloc(0), /broken\.tar\.gz is not a valid gzip file/);
    await refuses(gzipSync('x'), /broken\.tar\.gz is not a valid tar archive: it ends at byte 1/);
    await refuses(archive('x', { 'train.bin': files['train.bin']! }), /Expected .*test\.bin.* in .*found train\.bin$/);
    await refuses(archive('x', { 'a/train.bin': Buffer.alloc(1), 'train.bin': Buffer.alloc(1) }), /two files named/);
    const short = { ...files, 'test.bin': records('cifar100', 1).subarray(5) };
    await refuses(archive('x', short), /3074 bytes in .*broken\.tar\.gz\/test\.bin but received 3069/);
  });
});

test('files that cannot be read are named', async () => {
  const folder = fresh(cifar100Files(1, 1));
  // A folder with the name of the file exists but cannot be read.
  writeFiles(join(fresh(), 'x'), {});
  const broken = fresh({ 'test.bin': readFileSync(join(folder, 'test.bin')) });
  writeFiles(join(broken, 'train.bin'), {});
  for (const [, read] of folderReaders) {
    await expect(read(broken)).rejects.toMatchObject(fails('ERR_DATA', /train\.bin/));
  }
});
