/** Files of any size: everything is read, written and hashed in parts. Lowered limits stand for files of more than 2 GiB. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readOrFail } from '../../lib/data/cifar';
import {
  allocate,
  type Parser,
  parseBytes,
  parseFile,
  parseFileLater,
  partsOf,
  requestBytes,
} from '../../lib/files/read';

import {
  encodeSafetensors,
  largestHeader,
  readSafetensors,
  safetensorsParser,
  writeSafetensors,
} from '../../lib/files/safetensors';
import { requireSpace } from '../../lib/files/space';
import { checkpointParser, readCheckpoint, writeCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import type { CheckpointInfo } from '../../lib/train/checkpoint/checkpointInfo';
import { RunFolder } from '../../lib/train/runFolder';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const tensors = new Map([
  ['first', { shape: [3, 5], data: Float32Array.from({ length: 15 }, (_, i) => i / 7), dtype: 'F32' }],
  ['second', { shape: [11], data: Uint8Array.from({ length: 11 }, (_, i) => 255 - i), dtype: 'U8' }],
] as const);

/** Passes a parser on, and notes the sizes of its requests. */
function* noting<T>(parser: Parser<T>, sizes: number[]): Parser<T> {
  for (;;) {
    const step = parser.next();
    if (step.done) return step.value;
    sizes.push(step.value.target.length);
    yield step.value;
  }
}

describe('a file is read in parts', () => {
  test.each([1, 7, 64])('of at most %i bytes: weights', (part) => {
    const file = path(`weights${part}`);
    writeSafetensors(file, { tensors, metadata: { a: 'b' } });
    const sizes: number[] = [];
    const parser = (size: number) => noting(safetensorsParser(size, file, part), sizes);
    expect(parseFile(file, parser)).toEqual({ tensors, metadata: { a: 'b' } });
    expect(Math.max(...sizes.slice(1))).toBe(part);
    expect(parseFile(file, parser)).toEqual(readSafetensors(file));
  });

  test.each([5, 64])('of at most %i bytes: a checkpoint, and its checksum with it', async (part) => {
    const file = path(`checkpoint${part}`);
    const info = { settings: { batch: 4 } } as unknown as CheckpointInfo;
    const arrays = new Map([...tensors].map(([name, { data }]) => [name, new Uint8Array(data.buffer)]));
    await writeCheckpoint(file, { info, arrays });
    const parser = (size: number) => checkpointParser(size, file, part);
    expect(await parseFileLater(file, parser)).toEqual({ info, arrays });
    expect(await readCheckpoint(file)).toEqual({ info, arrays });
  });

  test('at positions beyond 4 GiB', () => {
    const requests = [...requestBytes(2 ** 40 + 3, new ArrayBuffer(20), { part: 8 })];
    expect(requests.map(({ position, target }) => [position - 2 ** 40, target.length])).toEqual([
      [3, 8],
      [11, 8],
      [19, 4],
    ]);
    expect([...partsOf(Uint8Array.of(1, 2, 3, 4, 5), 2)].map((part) => [...part])).toEqual([[1, 2], [3, 4], [5]]);
  });

  test('and one that became shorter meanwhile says where', async () => {
    writeFileSync(path('short'), 'abc');
    const parser = () => requestBytes(0, new ArrayBuffer(5));
    expect(() => parseFile(path('short'), parser)).toThrow('it ends at byte 3: it has become shorter');
    await expect(parseFileLater(path('short'), parser)).rejects.toThrow('it ends at byte 3: it has become shorter');
  });
});

describe('a file that claims more than there can be', () => {
  test('a tensor larger than the memory', () => {
    expect(() => allocate(2 ** 50, 'Tensor "a" of f')).toThrow(
      expect.objectContaining({
        code: 'ERR_OUT_OF_MEMORY',
        message: expect.stringMatching(/^Tensor "a" of f has 1125899906842624 bytes, and this machine has \d+$/),
      }),
    );
  });

  test('a file of a data set larger than the memory', () => {
    writeFileSync(path('huge'), '');
    truncateSync(path('huge'), 2 ** 42);
    const message = expect.stringMatching(/huge has 4398046511104 bytes, and this machine has \d+$/);
    expect(() => readOrFail(path('huge'))).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_MEMORY', message }));
  });

  test('a header that is larger than what is read is not written either', () => {
    const metadata = { text: 'x'.repeat(largestHeader) };
    expect(() => encodeSafetensors({ tensors, metadata })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(/at most 8388608 bytes/),
      }),
    );
    const beginning = Buffer.alloc(largestHeader + 20, ' ');
    beginning.writeBigUInt64LE(BigInt(largestHeader + 8));
    const parser = (size: number) => safetensorsParser(size, 'f');
    expect(() => parseBytes(beginning, parser)).toThrow(
      expect.objectContaining({
        code: 'ERR_DATA',
        message: expect.stringMatching(/its header would have 8388616 bytes/),
      }),
    );
  });
});

describe('what the disk cannot hold is said before', () => {
  const disk =
    (free: number, blocks = 1) =>
    () => ({ bavail: free / 512, bsize: 512, blocks });

  test('with what is needed and what is free; a file that is there counts for what it grows', () => {
    writeFileSync(path('there'), Buffer.alloc(2 ** 20));
    const files = [
      { path: path('there'), bytes: 3 * 2 ** 20 },
      { path: path('not yet'), bytes: 2 ** 20 },
    ];
    const attempt = (free: number, blocks?: number) => () => requireSpace(folder, files, 2 ** 20, disk(free, blocks));
    attempt(4 * 2 ** 20)();
    expect(attempt(4 * 2 ** 20 - 512)).toThrow(
      expect.objectContaining({
        code: 'ERR_OUTPUT',
        message: `${folder} has 3.9 MiB free, but its files will need 4.0 MiB. Make room, or choose another folder`,
      }),
    );
    // Some file systems do not know their size.
    attempt(0, 0)();
  });

  test('for the checkpoints and weights of a training', () => {
    using run = new RunFolder(path('run'));
    run.requireSpace({ checkpoint: 2 ** 20, weights: 2 ** 20 });
    expect(() => run.requireSpace({ checkpoint: 2 ** 55, weights: 0 })).toThrow(
      expect.objectContaining({
        code: 'ERR_OUTPUT',
        message: expect.stringMatching(/its files will need 134217728.0 GiB/),
      }),
    );
  });
});
