/** Safetensors files of which only what is asked for is read: single files, shards with an index, folders. */
import { appendFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openSafetensors, readSafetensors, toFloat32, writeSafetensors } from '../../lib';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const refused = (message: string | RegExp) =>
  expect.objectContaining({
    code: 'ERR_DATA',
    message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  });

const one = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4), dtype: 'F32' } as const;
const two = { shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 1), dtype: 'F16' } as const;

describe('openSafetensors()', () => {
  test('reads the header, and tensors one by one', () => {
    const file = path('model.safetensors');
    writeSafetensors(file, {
      tensors: new Map<string, typeof one | typeof two>([
        ['a', one],
        ['b', two],
      ]),
      metadata: { x: 'y' },
    });
    const opened = openSafetensors(file);
    expect(opened.metadata).toEqual({ x: 'y' });
    expect(opened.tensors).toEqual(
      new Map([
        ['a', { dtype: 'F32', shape: [2, 2], file }],
        ['b', { dtype: 'F16', shape: [3], file }],
      ]),
    );
    expect(opened.read('b')).toEqual(two);
    expect(opened.read('a')).toEqual(one);
    expect(() => opened.read('A')).toThrow(
      'Expected the name of one of the 2 tensors, such as "a", for name but received "A"',
    );
    expect(() => opened.read(7 as never)).toThrow(/the name of one of the 2 tensors for name but received 7/);
  });

  test('notices that a file has changed', () => {
    writeSafetensors(path('changed'), { tensors: new Map([['a', one]]), metadata: {} });
    const opened = openSafetensors(path('changed'));
    utimesSync(path('changed'), 1, 1);
    expect(() => opened.read('a')).toThrow(refused(`Cannot read ${path('changed')}: it was changed after`));
  });

  test('reads shards by their index, by path or by folder', () => {
    const at = (name: string) => join(path('sharded'), name);
    mkdirSync(path('sharded'));
    writeSafetensors(at('m-1-of-2.safetensors'), {
      tensors: new Map([
        ['a', one],
        ['unlisted', one],
      ]),
      metadata: { format: 'pt' },
    });
    writeSafetensors(at('m-2-of-2.safetensors'), { tensors: new Map([['b', two]]), metadata: {} });
    const index = at('m.safetensors.index.json');
    const write = (weight_map: unknown) => writeFileSync(index, JSON.stringify({ metadata: {}, weight_map }));
    write({ a: 'm-1-of-2.safetensors', b: 'm-2-of-2.safetensors' });
    for (const opened of [openSafetensors(index), openSafetensors(path('sharded'))]) {
      expect([...opened.tensors.keys()]).toEqual(['a', 'b']);
      expect(opened.metadata).toEqual({ format: 'pt' });
      expect([opened.read('a'), opened.read('b')]).toEqual([one, two]);
    }
    write({ a: 'm-2-of-2.safetensors' });
    expect(() => openSafetensors(index)).toThrow(
      refused(/m-2-of-2.safetensors has no tensor "a", which .* says it has/),
    );
    write({ a: 'm-3-of-2.safetensors' });
    expect(() => openSafetensors(index)).toThrow(refused(/Cannot read .*m-3-of-2.safetensors: ENOENT/));
    for (const file of ['../m.safetensors', '/etc/passwd', 'a\\b', '..', '', 3]) {
      write({ a: file });
      expect(() => openSafetensors(index), String(file)).toThrow(refused('the name of a file beside it for "a"'));
    }
    write({ a: 'pytorch_model-1.bin' });
    expect(() => openSafetensors(index)).toThrow(refused('pytorch_model-1.bin is a file of torch.save()'));
    writeFileSync(index, '{"weight_map": []}');
    expect(() => openSafetensors(index)).toThrow(refused('it has no object "weight_map"'));
    writeFileSync(index, '['.repeat(100_000));
    expect(() => openSafetensors(index)).toThrow(refused('nested more than 200 levels'));
  });

  test('of a folder needs one file, or one index', () => {
    mkdirSync(path('some'));
    expect(() => openSafetensors(path('some'))).toThrow(refused('the folder holds no safetensors file'));
    writeSafetensors(join(path('some'), 'b.safetensors'), { tensors: new Map([['a', one]]), metadata: {} });
    expect(openSafetensors(path('some')).path).toBe(join(path('some'), 'b.safetensors'));
    writeSafetensors(join(path('some'), 'a.safetensors'), { tensors: new Map([['a', one]]), metadata: {} });
    expect(() => openSafetensors(path('some'))).toThrow(refused('such as a.safetensors and b.safetensors: name one'));
    expect(() => openSafetensors(path('nowhere'))).toThrow(refused(/Cannot read .*nowhere: ENOENT/));
  });
});

test.each([
  ['of a zip archive', [0x50, 0x4b, 3, 4]],
  ['of an old pickle', [0x80, 2, 0x8a, 10]],
])('a file of torch.save() is refused with the command that converts it: %s', (_, bytes) => {
  const file = path("it's a model.pt");
  writeFileSync(file, Buffer.from(bytes));
  appendFileSync(file, Buffer.alloc(100));
  for (const read of [openSafetensors, readSafetensors]) {
    expect(() => read(file)).toThrow(
      refused(
        / runs programs when it is read\. .* python3 -c 'import sys, torch; .*' '.*it'\\''s a model.pt' '.*it'\\''s a model.safetensors'$/,
      ),
    );
  }
});

test('a file whose header is as long as a pickle begins is read', () => {
  const file = path('length.safetensors');
  for (const length of [0x280, 0x380, 0x480, 0x580]) {
    // The header without this text has 96 bytes at most, and is filled up to a multiple of 8.
    writeSafetensors(file, { tensors: new Map([['a', one]]), metadata: { x: 'x'.repeat(length - 96) } });
    const spare = length - Number(readFileSync(file).readBigUInt64LE());
    writeSafetensors(file, { tensors: new Map([['a', one]]), metadata: { x: 'x'.repeat(length - 96 + spare) } });
    expect(Number(readFileSync(file).readBigUInt64LE())).toBe(length);
    expect(readSafetensors(file).tensors.get('a')).toEqual(one);
  }
});

describe('toFloat32()', () => {
  test.each([
    ['F32', Float32Array.of(1.5, Number.NaN), [1.5, Number.NaN]],
    ['F64', Float64Array.of(0.1, Number.POSITIVE_INFINITY), [Math.fround(0.1), Number.POSITIVE_INFINITY]],
    ['F16', Uint16Array.of(0x3c00, 0xfc00), [1, Number.NEGATIVE_INFINITY]],
    ['BF16', Uint16Array.of(0x3f80, 0xc000), [1, -2]],
    ['I64', BigInt64Array.of(-3n, 2n ** 62n), [-3, 2 ** 62]],
    ['I8', Int8Array.of(-128, 127), [-128, 127]],
    ['BOOL', Uint8Array.of(0, 1), [0, 1]],
  ] as const)('takes %s', (dtype, data, expected) => {
    expect([...toFloat32({ shape: [2], data, dtype })]).toEqual(expected);
  });

  test('refuses what has no float32', () => {
    expect(() => toFloat32({ shape: [1], data: Float64Array.of(1e300) })).toThrow(
      refused('Element 0 is 1e+300, more than float32 can hold'),
    );
    expect(() => toFloat32({ shape: [1], data: Uint8Array.of(1), dtype: 'F8_E4M3' })).toThrow(
      refused('A tensor of dtype F8_E4M3 holds the bits of 8-bit floats. In Python, tensor.float()'),
    );
    for (const bad of [
      null,
      {},
      { data: [1] },
      { data: Float32Array.of(1), dtype: 'F16' },
      { data: Uint8Array.of(1), dtype: 'x' },
    ])
      expect(() => toFloat32(bad as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});
