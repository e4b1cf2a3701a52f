/** A lock on a folder of results: only one process at a time may write into it. */
import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SaturnnError } from '../errors';
import { temporaryFor, unwritable } from './durable';

/** Name of the lock file in the folder. */
export const lockName = '.lock';

/** The process that holds a lock. Its start time distinguishes it from a later process with the same number. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Start time in the kernel's units; null if the system does not say. */
  readonly started: string | null;
}

/**
 * Locks a folder, which must exist, for this process. A lock whose process no longer runs is taken over.
 * @returns a function that releases the lock
 * @throws ERR_BUSY, with process and folder, if another process holds it; ERR_OUTPUT if the lock file cannot be written
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
    // Another process, on another host perhaps, may have removed or replaced the lock: only our own is removed.
    if (read(path) === content) rmSync(path, { force: true });
  };
}

/** Makes the lock file, with its content, in one step. @returns false if there is one already */
function claim(temporary: string, path: string): boolean {
  try {
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (isCode(error, 'EEXIST')) throw error;
      // The file system has no hard links.
      copyFileSync(temporary, path, constants.COPYFILE_EXCL);
    }
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Removes the lock of a process that no longer runs. @throws ERR_BUSY if it does */
function evict(path: string, folder: string): void {
  const content = read(path);
  if (content === null) return;
  checkGone(content, folder);
  // If several processes find the lock stale, only one can rename it. By then it may be the new lock of another process: that
  // one is put back.
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

/** @throws ERR_BUSY if the process that wrote this lock may still run */
function checkGone(content: string, folder: string): void {
  const { pid, host, started } = parse(content);
  // Not a lock of ours, or an unfinished one: without hard links it is written in two steps, and a process may be killed between.
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
    // EPERM: the process runs, but belongs to another user.
    return isCode(error, 'EPERM');
  }
  const now = startOf(pid);
  return started === null || now === null || started === now;
}

/** Start time of a process; null if /proc does not say; "ended" for a process that has ended but was not waited for. */
function startOf(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`);
  // The name, in parentheses, may contain anything, so fields are counted behind it: the state is field 3, the start time 22.
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
