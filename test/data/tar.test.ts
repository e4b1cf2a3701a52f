import { describe, expect, test } from 'vitest';
import { readTar } from '../../lib/data/tar';
import { endOfTar, seal, tarEntry } from './support';

const text = (value: string) => Buffer.from(value);
const read = (...parts: Uint8Array[]) => readTar(Buffer.concat(parts), 'a.tar');

test('files of every size around a block, in order; folders and headers of times are passed over', () => {
  const sizes = [0, 1, 511, 512, 513, 1024];
  const files = sizes.map((size) => tarEntry(`d/${size}`, Buffer.alloc(size, size % 251)));
  const folder = tarEntry('d/', Buffer.alloc(0), { type: '5' });
  const times = tarEntry('PaxHeaders/x', text('30 mtime=1700000000.123456789\n'), { type: 'x' });
  const found = read(folder, times, ...files, endOfTar);
  expect(found.map(({ name }) => name)).toEqual(sizes.map((size) => `d/${size}`));
  found.forEach(({ bytes }, index) => {
    expect(bytes.length).toBe(sizes[index]);
    expect(bytes.every((byte) => byte === sizes[index]! % 251)).toBe(true);
  });
});

test('a name in two parts, and none where the format is GNU’s', () => {
  const entry = tarEntry('b.bin', text('x'));
  entry.write('long/folder', 345);
  seal(entry);
  expect(read(entry, endOfTar)[0]?.name).toBe('long/folder/b.bin');
  entry.write('ustar  \0', 257, 'latin1');
  seal(entry);
  expect(read(entry, endOfTar)[0]?.name).toBe('b.bin');
});

describe('refused, by name and byte:', () => {
  const first = tarEntry('first', Buffer.alloc(600));
  const refuses = (message: RegExp, ...parts: Uint8Array[]) => {
    const failure = { code: 'ERR_DATA', message: expect.stringMatching(message) };
    expect(() => read(first, ...parts)).toThrow(expect.objectContaining(failure));
  };

  test('an archive cut anywhere', () => {
    const whole = Buffer.concat([first, tarEntry('second', Buffer.alloc(600, 1)), endOfTar]);
    for (let length = 0; length < whole.length - 512; length++) {
      expect(() => readTar(whole.subarray(0, length), 'a.tar'), `${length} bytes`).toThrow(
        /^a\.tar is not a valid tar/,
      );
    }
    refuses(/it ends at byte 1536, before its end mark/);
    refuses(/"cut" at byte 1536 has 100 bytes, but 99 are there/, tarEntry('cut', Buffer.alloc(100)).subarray(0, 611));
  });

  test('a header that was changed', () => {
    const entry = tarEntry('name', text('x'));
    for (const at of [0, 124, 156, 511]) {
      const changed = Buffer.from(entry);
      changed[at]! ^= 1;
      refuses(/header at byte 1536 has a wrong checksum/, changed, endOfTar);
    }
  });

  test.each(['', 'zz', '-1', '99999999999', '77777777777'])('the size "%s"', (size) => {
    const entry = tarEntry('name', text('x'));
    entry.fill(0, 124, 136);
    entry.write(size, 124);
    seal(entry);
    refuses(/"name" at byte 1536 has (no readable size|8589934591 bytes, but)/, entry, endOfTar);
  });

  test.each([
    ['a hard link', '1'],
    ['a symbolic link', '2'],
    ['a device', '3'],
    ['GNU’s long name', 'L'],
    ['a sparse file', 'S'],
  ])('%s', (_, type) => {
    refuses(/"name" at byte 1536 is neither file nor folder/, tarEntry('name', text('x'), { type }), endOfTar);
  });

  test.each(['14 size=123456\n', '20 path=/etc/passwd\n', '9 mtime=1\n18 linkpath=x/y/z\n', '22 GNU.sparse.major=1\n'])(
    'an extended header with %j',
    (records) => {
      refuses(/"name" at byte 1536 has an extended header/, tarEntry('name', text(records), { type: 'x' }), endOfTar);
    },
  );
});
