import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  Dataset,
  type DecodingProgress,
  decodePicture,
  type ImageFolder,
  type ImageFolderOptions,
  type ImageSource,
  imageFolder,
} from '../../../lib';
import { temporaryFolder } from '../../temporary';
import { drawClasses, drawPlain, drawShape, put } from './draw';

const root = temporaryFolder();
let count = 0;
const fresh = (): string => join(root, `${count++}`);

/** Draws two classes of six pictures, and opens them again and again with one cache. */
async function small(perClass = 6) {
  const folder = fresh();
  await drawClasses(folder, perClass, ['circle', 'cross']);
  const cacheDir = fresh();
  let decoded = 0;
  const open = async (options: ImageFolderOptions = {}): Promise<ImageFolder> => {
    decoded = -1;
    const onProgress = () => {
      decoded++;
    };
    return imageFolder(folder, { size: 8, testShare: 0, cacheDir, onProgress, ...options });
  };
  return { folder, cacheDir, open, wasDecoded: () => decoded >= 0 };
}

const all = async (source: ImageSource): Promise<Uint8Array> => {
  const [height, width, channels] = source.shape;
  const target = new Uint8Array(source.count * height * width * channels);
  await source.read(Int32Array.from(source.labels.keys()), target);
  return target;
};

const files = (cacheDir: string) => readdirSync(join(cacheDir, readdirSync(cacheDir)[0]!)).sort();

describe('imageFolder', () => {
  it('decodes class folders in the order of their names, as decodePicture() does', async () => {
    const { folder, open, cacheDir } = await small();
    const { train, test, classNames, split, broken, ignored, cache } = await open({ size: [6, 8] });
    expect([train.shape, train.count, train.classes]).toEqual([[6, 8, 3], 12, 2]);
    expect(classNames).toEqual(['circle', 'cross']);
    expect(train.classNames).toEqual(['circle', 'cross']);
    expect([test, split, broken, ignored]).toEqual([null, null, [], []]);
    expect([...train.labels]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    expect(train).toBeInstanceOf(Dataset);
    const pixels = await all(train);
    for (const [index, name] of [
      [1, 'circle/001.jpeg'],
      [6, 'cross/000.png'],
    ] as const) {
      const alone = await decodePicture(readFileSync(join(folder, name)), { size: [6, 8] });
      expect(Buffer.compare(pixels.subarray(index * 144, (index + 1) * 144), alone)).toBe(0);
    }
    expect(cache.startsWith(cacheDir)).toBe(true);
    expect(files(cacheDir)).toEqual(['index.json', expect.stringMatching(/^records-/)]);
  });

  it('streams the same images from the cache, and refuses to after close()', async () => {
    const { open } = await small();
    const resident = await open();
    const streaming = await open({ mode: 'streaming' });
    expect(streaming.train).not.toBeInstanceOf(Dataset);
    expect(Buffer.compare(await all(streaming.train), await all(resident.train))).toBe(0);
    const target = new Uint8Array(3 * 192);
    await streaming.train.read(Int32Array.of(11, 0, 1), target);
    await expect(streaming.train.read(Int32Array.of(12), target)).rejects.toThrow('Expected an integer from 0 to 11');
    await streaming.close();
    await streaming.close();
    await expect(streaming.train.read(Int32Array.of(0), target)).rejects.toThrow('These records were closed');
  });

  it('takes train/ and test/, and the other names of a validation set', async () => {
    const folder = fresh();
    await drawClasses(join(folder, 'train'), 3, ['circle', 'cross']);
    await drawClasses(join(folder, 'valid'), 2, ['cross']);
    const open = () => imageFolder(folder, { size: 8, cacheDir: `${folder}-cache` });
    const two = await open();
    expect([two.train.count, two.test?.count, two.validation, two.split]).toEqual([6, 2, null, null]);
    expect([...two.test!.labels]).toEqual([1, 1]);
    // Events and reports call a set by its role.
    expect(two.test!.role).toBe('validation');
    await drawClasses(join(folder, 'test'), 4, ['circle']);
    const three = await open();
    expect([three.train.count, three.test?.count, three.validation?.count]).toEqual([6, 4, 2]);
    expect([three.test!.role, three.validation!.role]).toEqual([undefined, 'validation']);
    rmSync(join(folder, 'valid'), { recursive: true });
    rmSync(join(folder, 'test'), { recursive: true });
    const one = await open();
    expect([one.train.count, one.test?.count, one.split]).toEqual([5, 1, { share: 0.2, seed: 0 }]);
  });

  it('chooses a test set by share and seed, the same each time, and writes it down', async () => {
    const { open } = await small(10);
    const first = await open({ testShare: 0.3, testSeed: 4 });
    expect([first.train.count, first.test?.count, first.split]).toEqual([14, 6, { share: 0.3, seed: 4 }]);
    expect([...first.test!.labels]).toEqual([0, 0, 0, 1, 1, 1]);
    const again = await open({ testShare: 0.3, testSeed: 4 });
    expect(Buffer.compare(await all(first.test!), await all(again.test!))).toBe(0);
    const other = await open({ testShare: 0.3, testSeed: 5 });
    expect(Buffer.compare(await all(first.test!), await all(other.test!))).not.toBe(0);
    const { share, seed, test } = JSON.parse(readFileSync(join(first.cache, 'split-0.3-4.json'), 'utf8'));
    expect([share, seed, test.length]).toEqual([0.3, 4, 6]);
    expect(test.every((name: string) => /^(circle|cross)\/\d+\.(png|jpeg)$/.test(name))).toBe(true);
  });

  it('has no test set if no class has two pictures', async () => {
    const { open } = await small(1);
    const { train, test, split } = await open({ testShare: 0.5 });
    expect([train.count, test, split]).toEqual([2, null, null]);
  });

  it('decodes what is new, changed or renamed only, and forgets what is gone', async () => {
    const { folder, open, wasDecoded, cacheDir } = await small();
    const index = () => JSON.parse(readFileSync(join(cacheDir, readdirSync(cacheDir)[0]!, 'index.json'), 'utf8'));
    await open();
    expect(wasDecoded()).toBe(true);
    await open();
    expect(wasDecoded()).toBe(false);
    expect(index().capacity).toBe(12);
    // Another time, the same bytes: read, but not decoded.
    utimesSync(join(folder, 'cross/000.png'), 1, 1);
    await open();
    expect([wasDecoded(), index().capacity]).toEqual([true, 12]);
    // A new name for the same bytes.
    put(folder, 'cross/999.png', readFileSync(join(folder, 'cross/000.png')));
    rmSync(join(folder, 'cross/000.png'));
    const renamed = await open();
    expect([renamed.train.count, index().capacity]).toEqual([12, 12]);
    // Other bytes, and a new class before the others.
    put(folder, 'cross/999.png', await drawShape('cross', 77));
    put(folder, 'a/1.png', await drawShape('ring', 1));
    const more = await open();
    expect([more.train.count, index().capacity, [...more.train.labels]]).toEqual([
      13,
      14,
      [0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2],
    ]);
    const pixels = await all(more.train);
    expect(
      Buffer.compare(pixels.subarray(12 * 192), await decodePicture(await drawShape('cross', 77), { size: 8 })),
    ).toBe(0);
    // Most records belong to nothing any more: the file is written anew.
    rmSync(join(folder, 'a'), { recursive: true });
    for (const name of readdirSync(join(folder, 'circle')).slice(1)) rmSync(join(folder, 'circle', name));
    for (const name of readdirSync(join(folder, 'cross')).slice(1)) rmSync(join(folder, 'cross', name));
    const few = await open();
    expect([few.train.count, index().capacity, files(cacheDir).length]).toEqual([2, 2, 2]);
    const first = await decodePicture(await drawShape('circle', 0), { size: 8 });
    expect(Buffer.compare((await all(few.train)).subarray(0, 192), first)).toBe(0);
  });

  it('keeps one record of equal pictures, and one cache for each way to decode', async () => {
    const { folder, open, cacheDir } = await small();
    put(folder, 'cross/copy.png', readFileSync(join(folder, 'circle/000.png')));
    const { train } = await open();
    expect(train.count).toBe(13);
    await open({ fit: 'pad' });
    await open({ size: 9 });
    await open({ channels: 1 });
    await open({ background: [0, 0, 0] });
    await open();
    expect(readdirSync(cacheDir)).toHaveLength(5);
  });

  it('names a broken picture, or leaves it out and says so', async () => {
    const { folder, open, wasDecoded } = await small();
    put(folder, 'circle/001b.jpg', 'no picture');
    put(folder, 'cross/003b.png', (await drawPlain()).subarray(0, 60));
    const remedy = "Remove it, or leave broken pictures out (onBroken: 'skip', --on-broken skip)";
    await expect(open()).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: `Cannot decode ${join(folder, 'circle/001b.jpg')}: it is not JPEG, PNG, WebP, TIFF, GIF or AVIF. ${remedy}`,
    });
    const { train, broken } = await open({ onBroken: 'skip' });
    expect(train.count).toBe(12);
    expect(broken).toEqual([
      { name: 'circle/001b.jpg', reason: 'it is not JPEG, PNG, WebP, TIFF, GIF or AVIF' },
      { name: 'cross/003b.png', reason: expect.any(String) },
    ]);
    await open({ onBroken: 'skip' });
    expect(wasDecoded()).toBe(false);
    await expect(open()).rejects.toThrow(/circle\/001b\.jpg: .*, and 1 other pictures are broken\. Remove it/);
    put(folder, 'circle/001b.jpg', await drawPlain());
    rmSync(join(folder, 'cross/003b.png'));
    expect((await open()).train.count).toBe(13);
  });

  it('needs a picture of each class that can be used', async () => {
    const { folder, open } = await small(1);
    put(folder, 'cross/000.png', 'no picture');
    await expect(open({ onBroken: 'skip' })).rejects.toThrow(
      /^No picture of the class cross in .* can be used for training; for example, cross\/000\.png: it is not JPEG/,
    );
  });

  it('goes on after it was interrupted, and after damage to its files', async () => {
    const { open, cacheDir } = await small(40);
    const whole = await all((await open({ cacheDir: fresh() })).train);
    const interrupted = async () => {
      const controller = new AbortController();
      const seen: number[] = [];
      const onProgress = ({ done }: DecodingProgress) => {
        seen.push(done);
        controller.abort(new Error('enough'));
      };
      await expect(open({ signal: controller.signal, onProgress })).rejects.toThrow('enough');
      return seen;
    };
    expect(await interrupted()).toEqual([1]);
    expect(files(cacheDir)).toEqual(['journal.jsonl', expect.stringMatching(/^records-/)]);
    expect(await interrupted()).toEqual([2]);
    // The last line was cut off: it does not count.
    const cache = join(cacheDir, readdirSync(cacheDir)[0]!);
    const journal = readFileSync(join(cache, 'journal.jsonl'));
    writeFileSync(join(cache, 'journal.jsonl'), journal.subarray(0, journal.length - 3));
    expect(await interrupted()).toEqual([2]);
    expect(Buffer.compare(await all((await open()).train), whole)).toBe(0);
    expect(files(cacheDir)).toEqual(['index.json', expect.stringMatching(/^records-/)]);
    // An index that is damaged, or that names records which are not there, is none.
    writeFileSync(join(cache, 'index.json'), '{"format":1');
    expect(Buffer.compare(await all((await open()).train), whole)).toBe(0);
    const records = files(cacheDir).find((name) => name.startsWith('records-'))!;
    writeFileSync(join(cache, records), readFileSync(join(cache, records)).subarray(0, 1000));
    expect(Buffer.compare(await all((await open()).train), whole)).toBe(0);
  });

  it('lets two calls decode one folder at the same time', async () => {
    const { open } = await small(20);
    const [a, b] = await Promise.all([open(), open()]);
    expect(Buffer.compare(await all(a.train), await all(b.train))).toBe(0);
  });

  it('refuses wrong arguments', async () => {
    await expect(imageFolder('')).rejects.toThrow('Expected a path for path');
    const given = (options: object) => imageFolder(root, options);
    await expect(given({ testShare: 1 })).rejects.toThrow(
      'Expected a number of at least 0 and less than 1 for testShare',
    );
    await expect(given({ onBroken: 'ask' })).rejects.toThrow('Expected fail or skip for onBroken');
    await expect(given({ size: 0 })).rejects.toThrow('Expected an integer from 1 to 4096');
    await expect(imageFolder(join(root, 'nowhere'))).rejects.toThrow(/^Cannot read the folder .*nowhere: ENOENT/);
    put(root, 'file', 'x');
    await expect(imageFolder(join(root, 'file'))).rejects.toThrow(/^Cannot read the folder .*file: ENOTDIR/);
  });
});
