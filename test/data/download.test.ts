import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cifar } from '../../lib/data/cifar';
import { type DownloadOptions, download } from '../../lib/data/download';
import { defaultDataFolder, getData, installedFolder } from '../../lib/data/get';
import { TestRandom, testSeed } from '../random';
import { temporaryFolder } from '../temporary';
import { type Behaviour, FileServer } from './server';
import { archive, cifar10Files, cifar100Files, md5 } from './support';

const random = new TestRandom(testSeed);
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, () => random.integer(256)));
const root = temporaryFolder();
let server: FileServer;
let folder: string;
let path: string;

beforeEach(async () => {
  server = await new FileServer({ content }).listen();
  folder = join(root, String(Math.random()));
  mkdirSync(folder);
  path = join(folder, 'file');
});
afterEach(() => server.close());

const get = (options: Partial<DownloadOptions> = {}) =>
  download({ url: options.url ?? server.url, path, md5: md5(content), retryDelay: 1, ...options });
const behave = (behaviour: Partial<Behaviour>) => {
  server.behaviour = { content, ...behaviour };
};
const fails = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });
const complete = () => {
  expect(readdirSync(folder)).toEqual(['file']);
  expect(readFileSync(path).equals(content)).toBe(true);
};
/** Lists the requests: range, condition and number of bytes sent. */
const asked = () => server.requests.map(({ range, ifRange, sent }) => [range ?? '', ifRange ?? '', sent]);

describe('a download', () => {
  test('comes whole, with progress that grows to the total', async () => {
    behave({ pieces: 20_000 });
    const progress: [number, number | null][] = [];
    await get({ onProgress: (done, total) => progress.push([done, total]) });
    complete();
    expect(progress.length).toBeGreaterThan(1);
    expect(progress.every(([done, total], i) => done > (progress[i - 1]?.[0] ?? 0) && total === 300_000)).toBe(true);
    expect(progress.at(-1)).toEqual([300_000, 300_000]);
  });

  test('follows redirects, and does without a length', async () => {
    behave({ chunked: true });
    const totals = new Set<number | null>();
    await get({ url: server.url.replace('file.tar.gz', 'moved'), onProgress: (_, total) => totals.add(total) });
    complete();
    expect([...totals]).toEqual([null]);
  });

  test('that breaks goes on where it stopped, as often as it must', async () => {
    behave({ breaks: [100_000, 50_000] });
    await get();
    complete();
    expect(asked()).toEqual([
      ['', '', 100_000],
      ['bytes=100000-', '"v1"', 50_000],
      ['bytes=150000-', '"v1"', 150_000],
    ]);
  });

  test('that is given up is kept, and the next attempt goes on from there', async () => {
    behave({ breaks: [100_000] });
    const kept = /Cannot download http.*100000 bytes are kept, and the next attempt continues/;
    await expect(get({ retries: 0 })).rejects.toMatchObject(fails('ERR_DOWNLOAD', kept));
    expect(existsSync(path)).toBe(false);
    const done: number[] = [];
    await get({ onProgress: (bytes) => done.push(bytes) });
    complete();
    expect(asked()[1]).toEqual(['bytes=100000-', '"v1"', 200_000]);
    expect(done[0]).toBeGreaterThan(100_000);
  });

  test('goes on by date where there is no ETag, or only a weak one', async () => {
    const lastModified = 'Wed, 21 Oct 2015 07:28:00 GMT';
    for (const etag of [null, 'W/"v1"']) {
      behave({ breaks: [100_000], etag, lastModified });
      await expect(get({ retries: 0 })).rejects.toMatchObject({ code: 'ERR_DOWNLOAD' });
      const [first] = asked().slice(-1);
      expect(first).toEqual(['', '', 100_000]);
      await get();
      complete();
      expect(asked().at(-1)?.slice(0, 2)).toEqual(['bytes=100000-', lastModified]);
    }
  });

  test.each<[string, Partial<Behaviour>]>([
    ['knows no ranges', { ranges: false }],
    ['has another version by now', { etag: '"v2"' }],
  ])('begins anew if the server %s', async (_, later) => {
    behave({ breaks: [100_000] });
    await expect(get({ retries: 0 })).rejects.toMatchObject({ code: 'ERR_DOWNLOAD' });
    behave(later);
    await get();
    complete();
    expect(asked()[1]).toEqual(['bytes=100000-', '"v1"', 300_000]);
  });

  test('begins anew if the server names no version: what came before might be of another file', async () => {
    behave({ breaks: [100_000], etag: null });
    await expect(get({ retries: 0 })).rejects.toMatchObject(fails('ERR_DOWNLOAD', /^((?!kept).)*$/));
    await get();
    complete();
    expect(asked()[1]).toEqual(['', '', 300_000]);
  });

  test('that had come whole, but was not renamed, is not loaded again', async () => {
    writeFileSync(`${path}.part`, content);
    writeFileSync(`${path}.part.version`, '"v1"');
    await get();
    complete();
    expect(asked()).toEqual([['bytes=300000-', '"v1"', 0]]);
  });

  test('of which more is there than the file has begins anew', async () => {
    writeFileSync(`${path}.part`, Buffer.alloc(400_000));
    writeFileSync(`${path}.part.version`, '"v1"');
    await get();
    complete();
  });

  test('of other bytes is refused with both sums, and nothing is kept', async () => {
    const wrong = Buffer.from(content);
    wrong[1234]! ^= 1;
    behave({ content: wrong });
    const both = fails('ERR_DATA', new RegExp(`${md5(content)} for http.*${md5(wrong)}`));
    await expect(get()).rejects.toMatchObject(both);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    [404, 'ERR_DOWNLOAD', /Cannot download: http.* answered 404 Not Found$/, 1],
    [403, 'ERR_DOWNLOAD', /answered 403 Forbidden/, 1],
    [500, 'ERR_DOWNLOAD', /Cannot download http.* answered 500/, 4],
  ])('that is answered with %i fails with that answer', async (status, code, message, attempts) => {
    behave({ status });
    await expect(get()).rejects.toMatchObject(fails(code, message));
    expect(server.requests).toHaveLength(attempts);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('without a network, or with an address that is none', async () => {
    const { url } = server;
    await server.close();
    await expect(get({ url, retries: 1 })).rejects.toMatchObject(
      fails('ERR_DOWNLOAD', /Cannot download http.*ECONNREFUSED/),
    );
    await expect(get({ url: 'nonsense' })).rejects.toMatchObject(fails('ERR_INVALID_ARGUMENT', /url.*"nonsense"/));
    await expect(get({ url: 'file:///etc/passwd' })).rejects.toMatchObject(fails('ERR_INVALID_ARGUMENT', /http/));
    server = await new FileServer({ content }).listen();
  });

  test('ends at once when it is aborted, and keeps what came', async () => {
    behave({ pieces: 10_000 });
    const abort = new AbortController();
    const onProgress = (done: number) => done > 50_000 && abort.abort(new Error('enough'));
    await expect(get({ signal: abort.signal, onProgress })).rejects.toThrow('enough');
    expect(readFileSync(`${path}.part`).length).toBeGreaterThan(50_000);
    behave({});
    await get();
    complete();
    expect(Number(server.requests[1]?.sent)).toBeLessThan(250_000);
  });

  test('into a folder that is not there names the path', async () => {
    const nowhere = join(folder, 'no', 'file');
    await expect(get({ path: nowhere })).rejects.toMatchObject(fails('ERR_OUTPUT', /Cannot write .*no\/file\.part/));
  });
});

describe('getData', () => {
  const packed = {
    cifar10: archive('cifar-10-batches-bin', cifar10Files(2)),
    cifar100: archive('x', cifar100Files(3, 2)),
  };

  test.each(['cifar10', 'cifar100'] as const)('loads, checks and unpacks %s', async (name) => {
    behave({ content: packed[name], breaks: [1000] });
    const options = { folder, url: server.url, md5: md5(packed[name]).toUpperCase(), retryDelay: 1 };
    const got = await getData(name, options);
    expect(got.downloaded).toBe(true);
    expect(readdirSync(folder)).toEqual([got.folder.split('/').at(-1)]);
    const { train } = await cifar(folder);
    expect(train.count).toBe(name === 'cifar10' ? 10 : 3);
    expect(train.classNames).toHaveLength(train.classes);
    // The test's data is not the official data, so it does not count as installed.
    expect(installedFolder(name, folder)).toBe(null);
    // A second call replaces everything in the folder.
    writeFileSync(join(got.folder, 'stray'), '');
    await getData(name, options);
    expect(existsSync(join(got.folder, 'stray'))).toBe(false);
  });

  test('takes an archive that lies there already, if it is the right one', async () => {
    const place = join(folder, 'cifar-100-binary.tar.gz');
    const options = { folder, url: server.url, md5: md5(packed.cifar100) };
    behave({ content: packed.cifar100 });
    writeFileSync(place, packed.cifar100);
    await getData('cifar100', options);
    expect(server.requests).toHaveLength(0);
    writeFileSync(place, 'something else');
    await getData('cifar100', options);
    expect(server.requests).toHaveLength(1);
    expect(existsSync(place)).toBe(false);
  });

  test('is loaded by one process at a time, others beside it; what a killed one has left is removed', async () => {
    behave({ content: packed.cifar100 });
    const options = { folder, url: server.url, md5: md5(packed.cifar100) };
    mkdirSync(join(folder, 'cifar-100-binary.tmp'));
    writeFileSync(join(folder, 'cifar-100-binary.tar.gz.part.version'), '"old"');
    writeFileSync(join(folder, 'cifar-100-binary.tar.gz'), packed.cifar100);
    const first = getData('cifar100', options);
    await expect(getData('cifar100', options)).rejects.toMatchObject(
      fails('ERR_BUSY', /^Process \d+ is writing into /),
    );
    // Another data set is another lock: its archive has another sum here.
    await expect(getData('cifar10', options)).rejects.toMatchObject({ code: 'ERR_DATA' });
    await first;
    expect(readdirSync(folder)).toEqual(['cifar-100-binary']);
  });

  test('keeps nothing of an archive with other files, or with another sum', async () => {
    const other = archive('x', cifar10Files(1));
    behave({ content: other });
    const options = { folder, url: server.url };
    const wrong = getData('cifar100', { ...options, md5: md5(other) });
    await expect(wrong).rejects.toMatchObject(
      fails('ERR_DATA', /Expected train\.bin, test\.bin in .* but found data_batch_1/),
    );
    expect(readdirSync(folder)).toEqual([]);
    const official = fails('ERR_DATA', /03b5dce01913d631647c71ecec9e9cb8/);
    await expect(getData('cifar100', options)).rejects.toMatchObject(official);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('finds the user’s cache', () => {
    const { XDG_CACHE_HOME: before } = process.env;
    try {
      process.env.XDG_CACHE_HOME = '/caches';
      expect(defaultDataFolder()).toBe('/caches/saturnn/data');
      for (const none of ['', 'relative']) {
        process.env.XDG_CACHE_HOME = none;
        for (const home of [process.env.HOME, '', 'relative']) {
          vi.stubEnv('HOME', home);
          expect(defaultDataFolder()).toMatch(/^\/.*\/\.cache\/saturnn\/data$/);
        }
      }
    } finally {
      vi.unstubAllEnvs();
      if (before === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = before;
    }
  });
});
