/** The parts of a decoding, alone. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generated } from '../../../lib';
import { inOrder } from '../../../lib/data/pictures/inOrder';
import { pictureSize } from '../../../lib/data/pictures/pictureSize';
import { waitForLock } from '../../../lib/data/pictures/waitForLock';
import { evenlyOf } from '../../../lib/data/source';
import { SaturnnError } from '../../../lib/errors';
import { temporaryFolder } from '../../temporary';
import { drawPlain, type Format, sharp } from './draw';

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

describe('inOrder', () => {
  it('gives results in the order of the items, with a few at the same time', async () => {
    let [running, most] = [0, 0];
    const work = async (item: number) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn < 7 - item; turn++) await null;
      running--;
      return 10 * item;
    };
    expect(await collect(inOrder([1, 2, 3, 4, 5], 3, work))).toEqual([10, 20, 30, 40, 50]);
    expect(most).toBe(3);
    expect(await collect(inOrder([], 3, work))).toEqual([]);
  });

  it('throws an error when its turn comes, and waits for what still runs', async () => {
    let ended = 0;
    const work = async (item: number) => {
      await null;
      ended++;
      if (item === 2) throw new Error('two');
      return item;
    };
    const seen: number[] = [];
    const all = (async () => {
      for await (const result of inOrder([1, 2, 3, 4], 4, work)) seen.push(result);
    })();
    await expect(all).rejects.toThrow('two');
    expect([seen, ended]).toEqual([[1], 4]);
  });
});

describe('pictureSize', () => {
  it.each(['jpeg', 'png', 'gif', 'webp', 'tiff', 'avif'] as Format[])('reads that of %s', async (format) => {
    expect(await pictureSize(await drawPlain({ width: 30, height: 20, format }))).toEqual([20, 30]);
  });

  it('reads that of a JPEG with segments before its frame, and of none', async () => {
    const jpeg = sharp(await drawPlain({ width: 30, height: 20 })).jpeg({ progressive: true });
    expect(await pictureSize(await jpeg.withMetadata({ orientation: 6 }).toBuffer())).toEqual([20, 30]);
    expect(await pictureSize(Buffer.from('no picture'))).toBeNull();
    expect(await pictureSize(Buffer.from('ffd8ffe00000', 'hex'))).toBeNull();
  });
});

describe('waitForLock', () => {
  const journal = join(temporaryFolder(), 'journal');
  const busy = (times: number) => {
    let tried = 0;
    return () => {
      if (tried++ < times) throw new SaturnnError('ERR_BUSY', 'busy');
      return () => {};
    };
  };

  it('waits while the journal of the other process grows, and gives up when it does not', async () => {
    const lock = busy(3);
    const growing = () => {
      appendFileSync(journal, 'x');
      return lock();
    };
    expect(await waitForLock(growing, journal, undefined, 0)).toBeTypeOf('function');
    await expect(waitForLock(busy(9), journal, undefined, 0)).rejects.toThrow('busy');
  });

  it('ends with other errors and with the signal', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    await expect(waitForLock(broken, journal)).rejects.toThrow('broken');
    const controller = new AbortController();
    const waiting = waitForLock(busy(99), journal, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

it('evenlyOf() takes as many of each class', () => {
  const { train } = generated({ train: 20, test: 1, classes: 4 });
  const sorted = train.subset(Int32Array.from(train.labels.keys()).sort((a, b) => train.labels[a]! - train.labels[b]!));
  const count = (labels: Int32Array) => [0, 1, 2, 3].map((label) => labels.filter((one) => one === label).length);
  expect(count(evenlyOf(sorted, 8).labels)).toEqual([2, 2, 2, 2]);
  expect(evenlyOf(sorted, 7).count).toBe(7);
  expect(evenlyOf(sorted, 20)).toBe(sorted);
  expect(() => evenlyOf(sorted, 0)).toThrow('Expected an integer of at least 1 for count');
});
