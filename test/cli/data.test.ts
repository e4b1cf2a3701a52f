import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generatedRecords } from '../../lib/data/generated';
import { FileServer } from '../data/server';
import { archive, cifar10Files, lines, md5, writeFiles } from '../data/support';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const root = temporaryFolder();
const cifar100 = {
  'train.bin': generatedRecords({ split: 'train', count: 40 }),
  'test.bin': generatedRecords({ split: 'test', count: 20 }),
  'fine_label_names.txt': lines(100, 'fine'),
};
const packed = archive('cifar-100-binary', cifar100);
let server: FileServer;
beforeAll(async () => {
  server = await new FileServer({ content: packed }).listen();
});
afterAll(() => server.close());

describe('saturnn data', () => {
  test('get loads an archive, with progress, into the cache; what it leaves can be shown and trained on', async () => {
    const env = { XDG_CACHE_HOME: join(root, 'cache') };
    server.behaviour = { content: packed, breaks: [10_000], pieces: 8_000 };
    const args = ['data', 'get', 'cifar100', '--url', server.url, '--md5', md5(packed)];
    const got = await saturnn(args, { env });
    expect(got).toMatchObject({ code: 0, stderr: '' });
    const folder = join(root, 'cache', 'saturnn', 'data', 'cifar-100-binary');
    expect(got.stdout).toMatch(/^cifar-100-binary\.tar\.gz: \d0 % of 0\.\d MB\n/);
    expect(got.stdout.endsWith(`100 % of ${(packed.length / 1e6).toFixed(1)} MB\nCIFAR-100 is in ${folder}\n`)).toBe(
      true,
    );
    expect(readFileSync(join(folder, 'test.bin'))).toEqual(Buffer.from(cifar100['test.bin']));

    const shown = await saturnn(['data', 'show', '--data', folder]);
    expect(shown.stdout).toMatch(/train: 40 images of 32x32x3, 100 classes, 0 to 1 images each\n {2}mean 12\d\.\d\d, /);
    expect(shown.stdout).toMatch(/test: 20 images.*\n.*\nclasses: fine 0, fine 1, /);
    const { stdout } = await saturnn(['data', 'show', '--data', folder, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ data: folder, train: { images: 40, shape: [32, 32, 3], classes: 100 } });
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('get that is interrupted by %s exits with %i, and goes on the next time', async (signal, code) => {
    const dir = join(root, signal);
    server.behaviour = { content: packed, pieces: 2_000 };
    const args = ['data', 'get', 'cifar100', '--dir', dir, '--url', server.url, '--md5', md5(packed)];
    const first = await saturnn(args, { interrupt: /20 %/, signal });
    expect(first.code).toBe(code);
    expect(first.stderr).toBe('error [ERR_INTERRUPTED]: Interrupted. The next attempt continues from here\n');
    const part = readFileSync(join(dir, 'cifar-100-binary.tar.gz.part'));
    expect(part.equals(packed.subarray(0, part.length))).toBe(true);
    expect((await saturnn(args)).code).toBe(0);
    expect(server.requests.at(-1)?.range).toBe(`bytes=${part.length}-`);
    expect(readdirSync(dir)).toEqual(['cifar-100-binary']);
  });

  test('get of wrong bytes and of nothing: one line, exit code 1, nothing left', async () => {
    const dir = join(root, 'wrong');
    server.behaviour = { content: packed };
    const args = ['data', 'get', 'cifar100', '--dir', dir, '--url', server.url];
    const wrong = await saturnn(args);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(
      /^error \[ERR_DATA\]: Expected md5 03b5dce01913d631647c71ecec9e9cb8 for http.* but received .*\n$/,
    );
    server.behaviour = { content: packed, status: 404 };
    expect((await saturnn(args)).stderr).toMatch(
      /^error \[ERR_DOWNLOAD\]: Cannot download: http.* answered 404 Not Found\n$/,
    );
    expect(existsSync(join(dir, 'cifar-100-binary'))).toBe(false);
    expect(existsSync(join(dir, 'cifar-100-binary.tar.gz.part'))).toBe(false);
  });

  test('list says what is there', async () => {
    const { stdout, code } = await saturnn(['data', 'list', '--dir', root]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^generated .*\ncifar10 +not there: saturnn data get cifar10\ncifar100 +not there: .*\n$/);
    const { stdout: json } = await saturnn(['data', 'list', '--json']);
    expect(JSON.parse(json).sets.map(({ name }: { name: string }) => name)).toEqual(['cifar10', 'cifar100']);
  });
});

describe('saturnn train', () => {
  const small = ['train', '--device', 'cpu', '--width', '0.1', '--batch', '8', '--steps', '3', '--json'];
  const metrics = async (name: string, ...args: string[]) => {
    const out = join(root, name);
    const { code, stdout, stderr } = await saturnn([...small, '--out', out, ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
    const epoch = stdout.split('\n').find((line) => line.includes('"epoch","epoch"'));
    const { imagesPerSecond: _, ...numbers } = JSON.parse(epoch!);
    return { config, numbers };
  };

  test('on CIFAR-100 in a folder: resident and streaming give the same numbers; means and scales give others', async () => {
    const folder = writeFiles(join(root, 'own'), cifar100);
    const resident = await metrics('resident', '--data', folder, '--limit', '30');
    expect(resident.config).toMatchObject({ data: folder, mean: 'channel', scale: 'deviation', dataMode: 'resident' });
    const streaming = await metrics('streaming', '--data', folder, '--limit', '30', '--data-mode', 'streaming');
    expect(streaming.numbers).toEqual(resident.numbers);
    const scaled = ['--data', folder, '--limit', '30', '--mean', 'pixel', '--scale', '0.01'];
    const other = await metrics('pixel', ...scaled);
    expect(other.config).toMatchObject({ mean: 'pixel', scale: 0.01 });
    expect(other.numbers.trainLoss).not.toBe(resident.numbers.trainLoss);
    const coarse = await metrics('coarse', '--data', folder, '--labels', 'coarse');
    expect(coarse.numbers.trainLoss).toBeLessThan(3.5);
  });

  test('on CIFAR-10 in an archive: ten classes', async () => {
    const path = join(root, 'ten.tar.gz');
    writeFileSync(path, archive('cifar-10-batches-bin', cifar10Files(4)));
    const { numbers } = await metrics('ten', '--data', path, '--no-verify');
    // The loss for 10 classes begins near ln 10, far below ln 100.
    expect(numbers.trainLoss).toBeLessThan(3.3);
    const { code, stderr } = await saturnn([...small, '--out', join(root, 'x'), '--data', path]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error \[ERR_DATA\]: Expected md5 \w+ for .*ten\.tar\.gz but received \w+/);
  });
});
