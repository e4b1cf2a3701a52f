import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readArchive, unpack } from '../../lib/data/archive';
import { endOfTar, seal, tarEntry } from './support';

const text = (value: string) => Buffer.from(value);
const pack = (...parts: Uint8Array[]) => gzipSync(Buffer.concat(parts), { level: 1 });
const read = (...parts: Uint8Array[]) => unpack(pack(...parts), 'a.tar');
const namesOf = async (...parts: Uint8Array[]) => [...(await read(...parts)).keys()];

/** A record of an extended header: its length, in decimal digits, counts itself. */
function record(value: string): string {
  const length = [...Array(10).keys()]
    .map((digits) => value.length + 1 + digits)
    .find((n) => `${n}`.length === n - value.length - 1);
  return `${length} ${value}`;
}

test('files of every size around a block, in order; folders and headers of times are passed over', async () => {
  const sizes = [0, 1, 511, 512, 513, 1024];
  const files = sizes.map((size) => tarEntry(`d/${size}`, Buffer.alloc(size, size % 251)));
  const folder = tarEntry('d/', Buffer.alloc(0), { type: '5' });
  const times = tarEntry('PaxHeaders/x', text('30 mtime=1700000000.123456789\n'), { type: 'x' });
  const found = await read(folder, times, ...files, endOfTar);
  expect([...found.keys()]).toEqual(sizes.map(String));
  for (const [name, bytes] of found) {
    expect(bytes.length).toBe(Number(name));
    expect(bytes.every((byte) => byte === Number(name) % 251)).toBe(true);
  }
});

test('names that do not fit into a header: in two parts, GNU’s, and in an extended header', async () => {
  const long = `${'folder/'.repeat(30)}${'n'.repeat(150)}`;
  const parts = tarEntry('b.bin', text('x'));
  parts.write('long/folder', 345);
  seal(parts);
  expect(await namesOf(parts, endOfTar)).toEqual(['b.bin']);
  const gnu = tarEntry('././@LongLink', text(`${long}\0`), { type: 'L' });
  const pax = tarEntry('x', text(record(`path=${long}\n`)), { type: 'x' });
  for (const before of [gnu, pax]) {
    expect(await namesOf(before, tarEntry('short', text('x')), endOfTar)).toEqual(['n'.repeat(150)]);
  }
});

test('files that nobody reads are passed over, and the next one is whole', async () => {
  const seen: string[] = [];
  const bytes = pack(
    tarEntry('a', Buffer.alloc(200_000)),
    tarEntry('b', text('abc')),
    tarEntry('c', text('')),
    endOfTar,
  );
  await readArchive(Readable.from([bytes]), 'a.tar', async (file) => {
    let size = 0;
    if (file.name !== 'a') for await (const part of file.bytes) size += part.length;
    seen.push(`${file.name} ${size}`);
  });
  expect(seen).toEqual(['a 0', 'b 3', 'c 0']);
});

test('an error of the reader of files comes out as it is, and ends the reading', async () => {
  const error = new Error('the disk is full');
  const bytes = pack(tarEntry('a', Buffer.alloc(200_000)), tarEntry('b', text('abc')), endOfTar);
  const reading = readArchive(Readable.from([bytes]), 'a.tar', async () => Promise.reject(error));
  await expect(reading).rejects.toBe(error);
});

describe('refused, with the reason:', () => {
  const first = tarEntry('first', Buffer.alloc(600, 1));
  const refuses = (message: RegExp, ...parts: Uint8Array[]) =>
    expect(read(first, ...parts)).rejects.toMatchObject({ code: 'ERR_DATA', message: expect.stringMatching(message) });

  test('an archive cut anywhere', async () => {
    const whole = Buffer.concat([first, tarEntry('second', Buffer.alloc(600, 1)), endOfTar]);
    for (let length = 0; length < whole.length - 512; length += 37) {
      await expect(unpack(pack(whole.subarray(0, length)), 'a.tar'), `${length} bytes`).rejects.toMatchObject({
        code: 'ERR_DATA',
        message: expect.stringMatching(/^a\.tar is not a valid tar archive: it ends at byte \d+, before its end mark/),
      });
    }
    await refuses(/it ends at byte 1536, before its end mark, after "first"/);
    await refuses(
      /it ends at byte 2147, before its end mark, after "cut"/,
      tarEntry('cut', Buffer.alloc(100)).subarray(0, 611),
    );
  });

  test('a gzip file that is cut, damaged, or none', async () => {
    const bytes = pack(first, endOfTar);
    const damaged = Buffer.from(bytes);
    damaged[bytes.length - 6]! ^= 1;
    for (const wrong of [bytes.subarray(0, -9), damaged, text('no gzip at all'), Buffer.alloc(0)]) {
      await expect(unpack(wrong, 'a.tar')).rejects.toMatchObject({
        code: 'ERR_DATA',
        message: expect.stringMatching(/^a\.tar is not a valid (gzip file|tar archive): /),
      });
    }
  });

  test('a header that was changed', async () => {
    const entry = tarEntry('name', text('x'));
    for (const at of [0, 124, 156, 511]) {
      const changed = Buffer.from(entry);
      changed[at]! ^= 1;
      await refuses(/Invalid tar header, after "first"/, changed, endOfTar);
    }
  });

  test.each(['zz', '-1', '99999999999', '77777777777'])('the size "%s"', async (size) => {
    const entry = tarEntry('name', text('x'));
    entry.fill(0, 124, 136);
    entry.write(size, 124);
    seal(entry);
    await refuses(/"name" has (no readable size|\d+ bytes, more than 1073741824)/, entry, endOfTar);
  });

  test('a size that is negative, or no number, in an extended header', async () => {
    for (const size of ['-512', 'many', '9'.repeat(30)]) {
      const header = tarEntry('x', text(record(`size=${size}\n`)), { type: 'x' });
      await refuses(/"name" has no readable size/, header, tarEntry('name', text('x')), endOfTar);
    }
  });

  test.each([
    ['a hard link', '1'],
    ['a symbolic link', '2'],
    ['a device', '3'],
    ['a pipe', '6'],
    ['a sparse file', 'S'],
  ])('%s', async (_, type) => {
    await refuses(/"name" is neither file nor folder/, tarEntry('name', text('x'), { type }), endOfTar);
  });

  test('a sparse file in an extended header, two files of one name, and a file without a name', async () => {
    const sparse = tarEntry('x', text(record('GNU.sparse.major=1\n')), { type: 'x' });
    await refuses(/"name" is a sparse file/, sparse, tarEntry('name', text('x')), endOfTar);
    await refuses(/contains two files named "first"/, tarEntry('other/first', text('x')), endOfTar);
    await refuses(/"" is no name of a file/, tarEntry('', text('x')), endOfTar);
  });
});

describe('bounded:', () => {
  const limits = { unpacked: 1_000_000, headers: 50_000, entries: 10 };
  const refuses = (message: RegExp, ...parts: Uint8Array[]) =>
    expect(unpack(pack(...parts), 'a.tar', { limits })).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: expect.stringMatching(message),
    });

  test('the bytes that it unpacks to', () =>
    refuses(
      /unpacks to more than 1000000 bytes/,
      ...[1, 2, 3].map((n) => tarEntry(`${n}`, Buffer.alloc(400_000))),
      endOfTar,
    ));

  test('the bytes between two files: long names, extended headers, empty blocks', async () => {
    const long = text(record(`path=${'x'.repeat(200_000)}\n`));
    for (const type of ['x', 'g', 'L'])
      await refuses(/more than 50000 bytes follow/, tarEntry('n', long, { type }), endOfTar);
    await refuses(/more than 50000 bytes follow "a"/, tarEntry('a', text('x')), Buffer.alloc(200_000));
  });

  test('the number of entries', () =>
    refuses(/more than 10 entries/, ...[...Array(11).keys()].map((n) => tarEntry(`${n}`, text(''))), endOfTar));

  test('a gzip file that unpacks to far more than it has: little of it is in memory at any time', async () => {
    const zeros = gzipSync(Buffer.alloc(2 ** 20), { level: 9 });
    // A gzip file may have many members: 1 MB of them unpacks to 1 GiB. This one has 64 MiB in one file.
    const bytes = Buffer.concat([
      pack(tarEntry('a', text(''), { size: 2 ** 26 })),
      ...Array(64).fill(zeros),
      pack(endOfTar),
    ]);
    let most = 0;
    await readArchive(Readable.from([bytes]), 'a.tar', async (file) => {
      for await (const _ of file.bytes) most = Math.max(most, process.memoryUsage().arrayBuffers);
    });
    expect(most).toBeLessThan(48 * 2 ** 20);
    expect((await unpack(bytes, 'a.tar', { isWanted: () => false })).get('a')).toHaveLength(0);
  });
});
