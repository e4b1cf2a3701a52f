import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
  expect(() => lockFolder(path)).toThrow(busy(`Process 1 on elsewhere is writing into ${path}. If it is gone, remove`));
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
  writeFileSync(join(path, lockName), JSON.stringify({ pid: gone, host: hostname(), started: '1' }));
  const main = join(__dirname, '..', '..', 'dist', 'files', 'lock.js');
  const script = `try { require(${JSON.stringify(main)}).lockFolder(${JSON.stringify(path)}); console.log('mine'); } catch (error) { console.log(error.code) } setTimeout(() => {}, 3000)`;
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const child = spawn(process.execPath, ['-e', script]);
      const [data] = await once(child.stdout, 'data');
      return { child, outcome: String(data).trim() };
    }),
  );
  for (const { child } of outcomes) child.kill();
  expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual([...Array(5).fill('ERR_BUSY'), 'mine']);
});

test('a folder with a run is not overwritten, and what a killed process had begun to write is removed', () => {
  const path = folder('g');
  writeFileSync(join(path, '.0123456789ab.tmp'), 'half');
  writeFileSync(join(path, 'last.checkpoint'), '');
  expect(() => new RunFolder(path)).toThrow(busy('holds a run with checkpoints'));
  new RunFolder(path, { resume: true }).dispose();
  expect(readdirSync(path)).toEqual(['last.checkpoint']);
});
