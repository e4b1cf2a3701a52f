/** One process at a time writes into a folder of results. */
import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SaturnnError } from '../errors';
import { temporaryFor, unwritable } from './durable';

export const lockName = '.lock';

/** Who holds a lock. The start time tells a process from a later one with the same number. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** In the kernel's units; null where the system does not tell. */
  readonly started: string | null;
}

/**
 * Takes the folder, which must exist, for this process. The lock of a process that is gone, killed perhaps, is taken over.
 * @returns what gives it back
 * @throws ERR_BUSY naming process and folder; ERR_OUTPUT
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, lockName);
  const own: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  const content = JSON.stringify(own);
  const temporary = temporaryFor(path);
  try {
    writeFileSync(temporary, content, { flag: 'wx' });
    while (!claim(temporary, path)) evict(path, folder);
  } catch (error) {
    throw unwritable(path, error);
  } finally {
    rmSync(temporary, { force: true });
  }
  return () => {
    // Whoever thought this process dead, on another host perhaps, may have taken it over.
    if (read(path) === content) rmSync(path, { force: true });
  };
}

/** Makes the lock with its content in one step. @returns false if there is one */
function claim(temporary: string, path: string): boolean {
  try {
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (isCode(error, 'EEXIST')) throw error;
      // File systems without hard links.
      copyFileSync(temporary, path, constants.COPYFILE_EXCL);
    }
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Removes the lock of a process that is gone. @throws ERR_BUSY if it is not */
function evict(path: string, folder: string): void {
  const content = read(path);
  if (content === null) return;
  checkGone(content, folder);
  // Of several that find it stale, one gets to rename it; another may have made a new one by then, which is given back.
  const taken = temporaryFor(path);
  try {
    renameSync(path, taken);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  try {
    if (read(taken) !== content) claim(taken, path);
  } finally {
    rmSync(taken, { force: true });
  }
}

function checkGone(content: string, folder: string): void {
  const { pid, host, started } = parse(content);
  // Not ours, or half of one: where a lock cannot be made in one step, its process was killed between two.
  if (typeof pid !== 'number') return;
  const elsewhere = host !== hostname();
  if (!elsewhere && !isRunning(pid, started ?? null)) return;
  const where = elsewhere ? ` on ${host}` : '';
  const remedy = elsewhere ? ` If it is gone, remove ${join(folder, lockName)}.` : '';
  throw new SaturnnError('ERR_BUSY', `Process ${pid}${where} is writing into ${folder}.${remedy}`);
}

function parse(content: string): Partial<Holder> {
  try {
    return JSON.parse(content) ?? {};
  } catch {
    return {};
  }
}

function isRunning(pid: number, started: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process.
    return isCode(error, 'EPERM');
  }
  const now = startOf(pid);
  return started === null || now === null || started === now;
}

/** When a process began; null where /proc does not tell. A process that has ended, but was not waited for, has none. */
function startOf(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`);
  // After the name, which is in parentheses and may hold anything: state is field 3, start time 22.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (!fields) return null;
  return fields[0] === 'Z' ? 'ended' : (fields[19] ?? null);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

const isCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;
