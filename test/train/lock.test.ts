import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants, hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lockFolder, lockName } from '../../lib/files/lock';
import { RunFolder } from '../../lib/train/runFolder';
import { temporaryFolder } from '../temporary';

const root = temporaryFolder();
function folder(name: string): string {
  mkdirSync(join(root, name));
  return join(root, name);
}

const busy = (text: string) => expect.objectContaining({ code: 'ERR_BUSY', message: expect.stringContaining(text) });
const lockOf = (path: string) => JSON.parse(readFileSync(join(path, lockName), 'utf8'));
const writeLock = (path: string, content: unknown) => writeFileSync(join(path, lockName), JSON.stringify(content));

const compiled = join(__dirname, '..', '..', 'dist', 'files', 'lock.js');
/** A program that locks a folder, says "mine" or the error, and goes on for a minute. */
const locking = (path: string, first = '') => `${first}
  try { require(${JSON.stringify(compiled)}).lockFolder(${JSON.stringify(path)}); console.log('mine'); }
  catch ({ code, message }) { console.log(code, message) }
  setTimeout(() => {}, 60_000)`;

/** Starts that program. @returns the process, and its first line */
async function startLocking(path: string, first?: string) {
  const child = spawn(process.execPath, ['-e', locking(path, first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [data] = await once(child.stdout, 'data');
  return { child, outcome: String(data).trim() };
}

test('one process has a folder at a time, and gives it back', () => {
  const path = folder('a');
  const unlock = lockFolder(path);
  expect(lockOf(path)).toMatchObject({ pid: process.pid, host: hostname() });
  expect(() => lockFolder(path)).toThrow(busy(`Process ${process.pid} is writing into ${path}.`));
  unlock();
  expect(readdirSync(path)).toEqual([]);
  lockFolder(path)();
});

test('the lock of another process counts while it runs, and is taken over when it was killed', async () => {
  const path = folder('b');
  const child = spawn('sleep', ['60']);
  const started = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ')[21];
  const lock = { pid: child.pid, host: hostname(), started };
  writeFileSync(join(path, lockName), JSON.stringify(lock));
  expect(() => new RunFolder(path)).toThrow(busy(`Process ${child.pid} is writing into ${path}.`));
  child.kill('SIGKILL');
  await once(child, 'exit');
  lockFolder(path)();
  expect(existsSync(join(path, lockName))).toBe(false);
});

test('a lock is stale if another process has the id of its process now', () => {
  const path = folder('c');
  writeFileSync(join(path, lockName), JSON.stringify({ pid: process.pid, host: hostname(), started: '1' }));
  const unlock = lockFolder(path);
  expect(lockOf(path).started).not.toBe('1');
  unlock();
});

test('the lock of a process on another host counts, and the error names the remedy', () => {
  const path = folder('d');
  writeFileSync(join(path, lockName), JSON.stringify({ pid: 1, host: 'elsewhere', started: '1' }));
  expect(() => lockFolder(path)).toThrow(
    busy(
      `Process 1 on elsewhere may be writing into ${path}: its lock file is that of an earlier version of saturnn. If it is gone, remove`,
    ),
  );
});

test('a file that is not a valid lock is taken over', () => {
  const path = folder('e');
  for (const content of ['', '{', 'null', '{"pid":"x"}']) {
    writeFileSync(join(path, lockName), content);
    lockFolder(path)();
  }
  expect(readdirSync(path)).toEqual([]);
});

test('of many processes that find a stale lock, one gets the folder', async () => {
  const path = folder('f');
  const gone = spawnSync('true').pid;
  writeLock(path, { pid: gone, host: hostname(), started: '1' });
  const all = await Promise.all(Array.from({ length: 6 }, () => startLocking(path)));
  for (const { child } of all) child.kill();
  expect(all.map(({ outcome }) => outcome.split(' ')[0]).sort()).toEqual([...Array(5).fill('ERR_BUSY'), 'mine']);
});

describe('the lock is the kernel’s', () => {
  test('it holds whatever its file says, and ends with its process, whatever its file says', async () => {
    const path = folder('kernel');
    // A process that is started while the folder is locked does not inherit the lock.
    const { child, outcome } = await startLocking(path, 'require("node:child_process").spawn("sleep", ["60"]);');
    expect(outcome).toBe('mine');
    expect(lockOf(path)).toMatchObject({ pid: child.pid, host: hostname(), flock: true });
    // As in another container with the same host name, where no process has this number.
    for (const content of [{ ...lockOf(path), pid: 2 ** 22 + 1 }, {}, { pid: 1, host: 'elsewhere', flock: true }]) {
      writeLock(path, content);
      expect(() => lockFolder(path)).toThrow(busy(`is writing into ${path}.`));
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    // The file that was left names a process on another host, as after a restart in a new container.
    lockFolder(path)();
    expect(readdirSync(path)).toEqual([]);
  });

  test('a file that its holder removed, and one that another made in its place, are no lock of this process', () => {
    const path = folder('replaced');
    const unlock = lockFolder(path);
    writeFileSync(join(path, 'new'), '');
    renameSync(join(path, 'new'), join(path, lockName));
    unlock();
    expect(readFileSync(join(path, lockName), 'utf8')).toBe('');
  });
});

describe('a lock file that cannot be opened is an error, at once', () => {
  test.each<[string, RegExp, (path: string) => unknown]>([
    ['a folder', /it is a folder/, (path) => mkdirSync(path)],
    ['a link to nothing', /it is a symbolic link/, (path) => symlinkSync('nothing', path)],
    ['a link to a file', /it is a symbolic link/, (path) => symlinkSync(__filename, path)],
    ['a pipe', /it is not a regular file/, (path) => spawnSync('mkfifo', [path])],
  ])('%s', (name, message, make) => {
    const path = folder(name);
    make(join(path, lockName));
    const text = expect.stringMatching(new RegExp(`Cannot lock .*${message.source}.*remove .lock`));
    expect(() => lockFolder(path)).toThrow(expect.objectContaining({ code: 'ERR_OUTPUT', message: text }));
  });

  test('a file that belongs to another user, or may not be read', () => {
    const path = folder('denied');
    chmodSync(root, 0o755);
    chmodSync(path, 0o777);
    writeLock(path, '');
    // Root may read everything: for it, another user tries.
    const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const attempt = () => spawnSync(process.execPath, ['-e', `${locking(path)};process.exit()`], { ...user });
    chmodSync(join(path, lockName), 0);
    expect(String(attempt().stdout)).toMatch(/^ERR_OUTPUT Cannot lock .* it belongs to another user \(EACCES/);
    // One that may be read but not written, and is not locked, was left by a process that is gone.
    chmodSync(join(path, lockName), 0o444);
    expect(String(attempt().stdout)).toBe('mine\n');
  });
});

describe('where the kernel has no locks, the file is the lock', () => {
  const without = () => constants.errno.ENOLCK;

  test('one process has the folder at a time, and a process that is gone does not count', () => {
    const path = folder('nolock');
    const unlock = lockFolder(path, without);
    expect(() => lockFolder(path, without)).toThrow(busy(`Process ${process.pid} is writing into ${path}.`));
    const own = lockOf(path);
    unlock();
    expect(readdirSync(path)).toEqual([]);
    writeLock(path, { ...own, pid: spawnSync('true').pid });
    lockFolder(path, without)();
    expect(readdirSync(path)).toEqual([]);
  });

  test('a process of another container may run, and the error says why that is not known, and the remedy', () => {
    const path = folder('nolock-elsewhere');
    for (const content of [{ pid: 1, host: hostname(), started: '1', namespace: 'another' }, null]) {
      writeLock(path, content);
      const why = 'may be writing into .*: the file system has no locks \\(ENOLCK\\). If it is gone, remove .*/.lock';
      const error = { code: 'ERR_BUSY', message: expect.stringMatching(why) };
      expect(() => lockFolder(path, without)).toThrow(expect.objectContaining(error));
    }
  });
});

test('a folder with a run is not overwritten, and what a killed process had begun to write is removed', () => {
  const path = folder('g');
  writeFileSync(join(path, '.0123456789ab.tmp'), 'half');
  writeFileSync(join(path, 'last.checkpoint'), '');
  expect(() => new RunFolder(path)).toThrow(busy('holds a run with checkpoints'));
  new RunFolder(path, { resume: true }).dispose();
  expect(readdirSync(path)).toEqual(['last.checkpoint']);
});
