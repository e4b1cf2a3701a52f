/**
 * A lock on a folder of results: only one process at a time may write into it. It is a lock of the kernel (flock) on the file
 * `.lock` in the folder, so it ends when its process ends, in whatever way, and it holds between containers that share the folder.
 * The content of the file is for messages. On a file system that has no such locks, the file itself is the lock.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { constants as system } from 'node:os';
import { basename, join } from 'node:path';
import { SaturnnError } from '../errors';
import { loadAddon } from '../runtime/addon';
import { temporaryFor } from './durable';
import { describeHolder, fateOf, type Holder, parseHolder, thisHolder } from './lockHolder';

/** Name of the lock file in the folder. */
export const lockName = '.lock';

/** Takes a lock of the kernel on an open file, as NativeAddon.lockFile: 0, or the errno of the refusal. */
export type LockFile = (descriptor: number) => number;

/** Opens nothing but a file of this folder, and never waits: a link is refused, and a pipe without a writer is no obstacle. */
const careful = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Limits the attempts while other processes make and remove the file at the same moment. */
const mostAttempts = 1000;

/** Most bytes of a lock file that are read. Its own content is shorter; another program's may have any length. */
const mostBytes = 4096;

/**
 * Locks a folder, which must exist, for this process. What a process left that no longer runs does not count.
 * @param lockFile default: the kernel's; tests imitate file systems that have no locks
 * @param name name of the lock file; another one locks a part of the folder
 * @returns a function that releases the lock
 * @throws ERR_BUSY, with process and folder, if another process holds it, or this one does already; ERR_OUTPUT if the lock file
 * cannot be opened or written; what loadAddon() throws
 */
export function lockFolder(
  folder: string,
  lockFile: LockFile = loadAddon().lockFile,
  name: string = lockName,
): () => void {
  const path = join(folder, name);
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const file = openLock(folder, path);
    if (!file) continue;
    try {
      if (take(file, folder, path, lockFile)) return hold(() => release(file.descriptor, path));
    } catch (error) {
      closeSync(file.descriptor);
      throw error instanceof SaturnnError ? error : unusable(folder, path, error);
    }
    closeSync(file.descriptor);
  }
  throw new SaturnnError('ERR_BUSY', `Other processes lock and unlock ${folder} again and again.`);
}

/** Functions that release the locks of this process. */
const held = new Set<() => void>();

/** Releases a lock when process.exit() ends the process, too, so that its file does not stay. @returns a function that releases it */
function hold(unlock: () => void): () => void {
  if (held.size === 0) process.on('exit', releaseAll);
  held.add(unlock);
  return () => {
    if (!held.delete(unlock)) return;
    if (held.size === 0) process.off('exit', releaseAll);
    unlock();
  };
}

function releaseAll(): void {
  for (const unlock of held) unlock();
  held.clear();
}

/** An open lock file. */
interface LockFileHandle {
  readonly descriptor: number;
  /** Whether this process has made the file. */
  readonly isNew: boolean;
  /** False if it is another user's file that can only be read. */
  readonly isWritable: boolean;
}

/** Opens the lock file; makes it if there is none. @returns null if another process removed it in between */
function openLock(folder: string, path: string): LockFileHandle | null {
  const { O_RDWR, O_RDONLY, O_CREAT, O_EXCL } = constants;
  const attempts: [flags: number, isNew: boolean, isWritable: boolean, next: readonly string[]][] = [
    [O_RDWR | O_CREAT | O_EXCL, true, true, ['EEXIST']],
    [O_RDWR, false, true, ['EACCES', 'EPERM', 'EROFS']],
    // To read suffices to ask the kernel who has the lock.
    [O_RDONLY, false, false, []],
  ];
  for (const [flags, isNew, isWritable, next] of attempts) {
    try {
      return { descriptor: openSync(path, flags | careful, 0o666), isNew, isWritable };
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!isNew && code === 'ENOENT') return null;
      if (!next.includes(code)) throw unusable(folder, path, error);
    }
  }
  return null;
}

/**
 * Takes the lock, and writes this process into the file.
 * @returns false if the file was removed in between, or removed here because it counts for nothing: then try again
 * @throws ERR_BUSY if the folder is locked
 */
function take(
  { descriptor, isNew, isWritable }: LockFileHandle,
  folder: string,
  path: string,
  lockFile: LockFile,
): boolean {
  if (!fstatSync(descriptor).isFile()) throw unusable(folder, path, new Error('it is not a regular file'));
  const refusal = lockFile(descriptor);
  if (refusal === system.errno.EWOULDBLOCK) throw busy(folder, parseHolder(read(descriptor)));
  // The file may have been removed by its holder after it was opened here.
  if (!isAt(path, descriptor)) return false;
  const hasLock = refusal === 0;
  if (!isNew) {
    const left = parseHolder(read(descriptor));
    if (!hasLock) {
      checkGone(folder, path, left, `the file system has no locks (${nameOf(refusal)})`);
      return evict(descriptor, path);
    }
    // A holder of the kernel's lock would have it still. Another content is no lock, and counts for nothing.
    if (left && !left.flock) checkGone(folder, path, left, 'its lock file is that of an earlier version of saturnn');
    if (!isWritable) return remove(path);
  }
  write(descriptor, JSON.stringify(thisHolder(hasLock)));
  return true;
}

function remove(path: string): false {
  rmSync(path);
  return false;
}

/**
 * Removes a lock file where the kernel has no locks. If several processes find that it counts for nothing, only one can rename it.
 * By then it may be the new file of another process: that one is put back.
 */
function evict(descriptor: number, path: string): false {
  const taken = temporaryFor(path);
  renameSync(path, taken);
  try {
    if (!isAt(taken, descriptor)) linkSync(taken, path);
  } finally {
    rmSync(taken, { force: true });
  }
  return false;
}

/** Removes the file while it is locked, then gives the lock up. To close the file suffices, so a failure to remove it is none. */
function release(descriptor: number, path: string): void {
  try {
    if (isAt(path, descriptor)) rmSync(path, { force: true });
  } catch {
    // For instance, the file system has become read-only.
  }
  closeSync(descriptor);
}

/** Whether `path` is the name of the open file. */
function isAt(path: string, descriptor: number): boolean {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return found?.dev === dev && found.ino === ino;
}

function read(descriptor: number): string {
  const bytes = Buffer.alloc(mostBytes);
  return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, mostBytes, 0));
}

function write(descriptor: number, content: string): void {
  ftruncateSync(descriptor);
  writeSync(descriptor, content, 0);
}

/** @throws ERR_BUSY if the process that the lock file names runs, or if that cannot be known because of `why` */
function checkGone(folder: string, path: string, holder: Holder | null, why: string): void {
  const fate = holder ? fateOf(holder) : 'unknown';
  if (fate === 'gone') return;
  if (fate === 'running') throw busy(folder, holder);
  const message = `${describeHolder(holder)} may be writing into ${folder}: ${why}. If it is gone, remove ${path}.`;
  throw new SaturnnError('ERR_BUSY', message);
}

const nameOf = (errno: number): string =>
  Object.entries(system.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;

const busy = (folder: string, holder: Holder | null): SaturnnError =>
  new SaturnnError('ERR_BUSY', `${describeHolder(holder)} is writing into ${folder}.`);

function unusable(folder: string, path: string, error: unknown): SaturnnError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Partial<Record<string, string>> = {
    EISDIR: 'it is a folder',
    ELOOP: 'it is a symbolic link',
    EACCES: `it belongs to another user (${message})`,
  };
  const reason = reasons[code ?? ''] ?? message;
  return new SaturnnError(
    'ERR_OUTPUT',
    `Cannot lock ${folder} with ${path}: ${reason}. If no other process writes into the folder, remove ${basename(path)}.`,
    { cause: error },
  );
}
