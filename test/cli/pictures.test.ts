/** The command and folders of pictures. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawClasses, put, shapes } from '../data/pictures/draw';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const root = temporaryFolder();
const photos = join(root, 'photos');
const env = { XDG_CACHE_HOME: join(root, 'cache') };
const run = (...args: string[]) => saturnn(args, { env });

beforeAll(async () => {
  await drawClasses(photos, 60);
});

describe('saturnn and a folder of pictures', () => {
  it('trains by one command to over 90 %, and classifies the pictures again', async () => {
    const out = join(root, 'run');
    const network = ['--model', 'subInception', '--width', '0.1', '--size', '16', '--batch', '20', '--epochs', '7'];
    const trained = await run('train', '--data', photos, ...network, '--device', 'cpu', '--out', out);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    expect(trained.stdout).toMatch(/^decoding: \d0 % of 300 pictures, \d+\/s\n/);
    expect(trained.stdout).toContain(
      `${photos}: 240 training and 60 test images of 5 classes, decoded to 16x16; the test set is 20 % of each class, by seed 0\n`,
    );
    const [, accuracy] = /, test accuracy ([\d.]+) %/.exec(trained.stdout)!;
    expect(Number(accuracy)).toBeGreaterThan(90);
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ data: photos, size: 16 });

    const weights = join(out, 'model.safetensors');
    const predicted = await run('predict', '--data', photos, '--weights', weights, '--device', 'cpu', '--json');
    expect(predicted).toMatchObject({ code: 0, stderr: '' });
    const lines = predicted.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(60);
    expect(lines.filter(({ guess, label }) => guess === label).length).toBeGreaterThan(54);
    expect(lines.every(({ guess, name }) => shapes[guess] === name)).toBe(true);

    const streamed = join(root, 'streamed');
    const same = ['--fit', 'crop', '--test-share', '0.2', '--data-mode', 'streaming', '--limit', '41', '--test-limit'];
    const args = ['--data', photos, ...network.slice(0, -2), '--steps', '2', '--device', 'cpu', '--out', streamed];
    expect(await run('train', ...args, ...same.slice(0, -1))).toMatchObject({ code: 0, stderr: '' });
  }, 120_000);

  it('shows what a folder holds, with a page of samples', async () => {
    const folder = join(root, 'mixed');
    await drawClasses(join(folder, 'train'), 3, ['circle', 'cross']);
    await drawClasses(join(folder, 'test'), 1, ['cross']);
    put(folder, 'train/cross/copy.png', readFileSync(join(folder, 'train/cross/002.png')));
    put(folder, 'train/circle/broken.png', 'no picture');
    put(folder, 'train/circle/notes.txt', 'text');
    const page = join(root, 'page.html');
    const shown = await run('data', 'show', folder, '--size', '8', '--page', page);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    const lines = shown.stdout.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'train: 7 images of 8x8x3, 2 classes, 3 to 4 images each',
        'test: 1 images of 8x8x3, 2 classes, 0 to 1 images each',
        '  circle: 3 + 0',
        '  cross: 4 + 1',
        'sizes of the files: 24x32 to 24x32, median 24x32 (height x width)',
        'broken: train/circle/broken.png: it is not JPEG, PNG, WebP, TIFF, GIF or AVIF',
        'no pictures: train/circle/notes.txt',
        'equal files: train/cross/000.png, test/cross/000.png',
        'equal files: train/cross/002.png, train/cross/copy.png',
        'warning: test/cross/000.png of the test set is equal to train/cross/000.png of the training set',
      ]),
    );
    const html = readFileSync(page, 'utf8');
    expect(html.match(/<img /g)).toHaveLength(7);
    expect(html).toContain('Equal files in training and test set');
    const { stdout } = await run('data', 'show', '--data', folder, '--size', '8', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      train: { images: 7, classNames: ['circle', 'cross'], perClass: [3, 4] },
      pictures: {
        broken: [{ name: 'train/circle/broken.png' }],
        leaks: [['train/cross/000.png', 'test/cross/000.png']],
      },
    });
    // Two processes at the same time: the second waits for the first.
    const both = ['data', 'show', photos, '--size', '20', '--json'];
    const [one, other] = await Promise.all([run(...both), run(...both)]);
    expect([one.code, other.code, other.stdout]).toEqual([0, 0, one.stdout]);
    // Other data sets have a page, too.
    expect(await run('data', 'show', 'generated', '--page', page)).toMatchObject({ code: 0, stderr: '' });
  }, 60_000);

  it('refuses what cannot be, in one line', async () => {
    const refused = async (message: string, ...args: string[]) =>
      expect(await run(...args)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
    const flat = join(root, 'flat');
    put(flat, '1.png', 'x');
    await refused('pictures lie in it directly', 'data', 'show', flat);
    await refused('does not apply beside the data set', 'data', 'show', flat, '--data', photos);
    await refused('Expected one integer from 1 to 4096, or two as HEIGHTxWIDTH', 'train', '--stored-size', '4x5x6');
    await refused('for testShare', 'train', '--data', photos, '--test-share', '0', '--device', 'cpu');
    await refused(
      'Expected 1, 3 or 4 for pictures for --channels but received 2',
      'train',
      '--data',
      photos,
      '--channels',
      '2',
      '--device',
      'cpu',
    );
    const broken = join(root, 'broken');
    await drawClasses(broken, 2, ['circle', 'cross']);
    put(broken, 'cross/x.png', 'x');
    await refused(
      `Cannot decode ${join(broken, 'cross/x.png')}: it is not JPEG`,
      'train',
      '--data',
      broken,
      '--device',
      'cpu',
    );
    const files = readdirSync(broken);
    writeFileSync(join(broken, 'Thumbs.db'), '');
    expect(files).toEqual(['circle', 'cross']);
  }, 60_000);

  it('ends at Ctrl-C while pictures are decoded, and goes on the next time', async () => {
    const args = ['data', 'show', photos, '--size', '300', '--stored-size', '299'];
    const cache = { XDG_CACHE_HOME: join(root, 'other') };
    const trained = [
      'train',
      '--data',
      photos,
      '--stored-size',
      '299',
      '--size',
      '16',
      '--width',
      '0.1',
      '--device',
      'cpu',
    ];
    const stopped = await saturnn([...trained, '--steps', '1', '--out', join(root, 'stopped')], {
      env: cache,
      interrupt: /decoding: 10 %/,
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toBe('error [ERR_INTERRUPTED]: Interrupted. The next call goes on from here\n');
    const folder = join(cache.XDG_CACHE_HOME, 'saturnn', 'pictures');
    expect(readdirSync(join(folder, readdirSync(folder)[0]!))).toContain('journal.jsonl');
    expect(await saturnn(args, { env: cache })).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(join(folder, readdirSync(folder)[0]!)).sort()).toEqual([
      'index.json',
      expect.stringMatching(/^records/),
      'split-0.2-0.json',
    ]);
  }, 60_000);
});
