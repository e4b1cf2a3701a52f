/** Where streamed images are uploaded: pairs of landings that readers share one after the other, on a device that is made up. */
import { describe, expect, test } from 'vitest';
import { DataLoader } from '../../lib/data/loader';
import type { ImageSource } from '../../lib/data/source';
import type { Device } from '../../lib/runtime/device';
import { Landings } from '../../lib/runtime/landings';
import type { NativeLanding } from '../../lib/runtime/native';
import { StreamingFeed } from '../../lib/train/feed';
import { smallData } from './support';

const batch = 4;
const stepBytes = batch * 32 * 32 * 3;
const { train } = smallData(24, 1);
const epoch = new DataLoader({ labels: train.labels, batch, shuffle: false }).epoch(0);

/** A device whose landings write down what becomes of them. `broken`: number of the landing that cannot be made. */
function deviceWith({ broken = -1 } = {}) {
  const log: string[] = [];
  let made = 0;
  const createLanding = async (byteLength: number): Promise<NativeLanding> => {
    const number = made++;
    if (number === broken) throw Object.assign(new Error('full'), { code: 'ERR_OUT_OF_MEMORY' });
    log.push(`make ${number}: ${byteLength / stepBytes}`);
    return {
      byteLength,
      upload: async (data) => void log.push(`upload ${number}: ${data.length / stepBytes}`),
      dispose: () => void log.push(`free ${number}`),
    };
  };
  const native = { uploadsAhead: true, createLanding };
  return { log, landings: new Landings({ native } as unknown as Device) };
}

describe('a streaming feed with landings', () => {
  test('uploads calls to two in turn; the next reader uses them, and a larger one replaces them', async () => {
    const { log, landings } = deviceWith();
    const feed = new StreamingFeed(train, batch, landings);
    const first = feed.reader(epoch, 4);
    for (const [from, steps] of [
      [0, 1],
      [1, 2],
      [3, 1],
    ] as const)
      expect((await first.read(from, steps)).inputs.images).toMatchObject({ byteLength: steps * stepBytes });
    first.close();
    const second = feed.reader(epoch, 2);
    await second.read(0, 2);
    second.close();
    const third = feed.reader(epoch, 6);
    await third.read(0, 6);
    landings.dispose();
    third.close();
    expect(log).toEqual([
      ...['make 0: 4', 'make 1: 4', 'upload 1: 1', 'upload 0: 2', 'upload 1: 1', 'upload 0: 2'],
      ...['free 0', 'free 1', 'make 2: 6', 'make 3: 6', 'upload 3: 6', 'free 2', 'free 3'],
    ]);
  });

  test('readers at the same time have landings of their own; one step needs none', async () => {
    const { log, landings } = deviceWith();
    const feed = new StreamingFeed(train, batch, landings);
    const readers = [feed.reader(epoch, 2), feed.reader(epoch, 2)];
    await Promise.all(readers.map((it) => it.read(0, 1)));
    expect(log.filter((line) => line.startsWith('make'))).toHaveLength(4);
    expect((await feed.reader(epoch, 1).read(0, 1)).inputs.images).toBeInstanceOf(Uint8Array);
    expect(log).toHaveLength(6);
  });

  test('nothing is uploaded for a reader that was closed, even while it reads', async () => {
    const { log, landings } = deviceWith();
    let proceed = () => {};
    const slow = Object.assign(Object.create(train) as ImageSource, {
      read: () => new Promise<void>((resolve) => (proceed = resolve)),
    });
    const reader = new StreamingFeed(slow, batch, landings).reader(epoch, 4);
    const reading = reader.read(0, 1);
    reader.close();
    proceed();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' });
    expect(log).toEqual([]);
  });

  test('of a pair that cannot be made, nothing stays; another attempt may succeed', async () => {
    const { log, landings } = deviceWith({ broken: 1 });
    const feed = new StreamingFeed(train, batch, landings);
    const reader = feed.reader(epoch, 2);
    await expect(reader.read(0, 1)).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
    reader.close();
    expect(log).toEqual(['make 0: 2', 'free 0']);
    await feed.reader(epoch, 2).read(0, 1);
    expect(log).toContain('upload 3: 1');
  });

  test('landings that are disposed of while a pair is made are freed', async () => {
    const { log, landings } = deviceWith();
    const taking = landings.take(stepBytes);
    landings.dispose();
    await taking;
    expect(log.slice(-2)).toEqual(['free 0', 'free 1']);
  });

  test('calls of large images have several steps', () => {
    const { landings } = deviceWith();
    const large = { ...train, count: 22, shape: [224, 224, 3] } as unknown as ImageSource;
    expect(new StreamingFeed(large, 128).mostSteps).toBe(1);
    expect(new StreamingFeed(large, 128, landings).mostSteps).toBe(3);
  });
});
