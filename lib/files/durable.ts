import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { reasonOf, SaturnnError } from '../errors';
import { type Destination, destinationOf } from './destination';
import { partsOf } from './read';

/** Names of files that are being written. They begin with a dot, and readers of a folder of results ignore them. */
const temporaryName = /^\.[0-9a-f]{12}\.tmp$/;

/** Returns a new temporary name in the folder of `path`, from which a rename to `path` is atomic. */
export const temporaryFor = (path: string): string => join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);

/**
 * Writes a whole file or nothing: readers never see a part of it, even after a crash. When the function returns, file and name
 * are on the disk, and a power failure cannot undo them. Links stay and are followed; a file that is replaced keeps its mode.
 * @throws ERR_OUTPUT if the file cannot be written, or `path` is a folder, pipe, socket or device
 */
export function writeAtomically(path: string, content: string | Iterable<Uint8Array>): void {
  const parts = typeof content === 'string' ? [Buffer.from(content)] : content;
  replace(path, (temporary, destination) => {
    const file = openSync(temporary, 'wx');
    try {
      for (const part of parts) writeWhole(file, part);
      syncNow(file, path);
    } finally {
      closeSync(file);
    }
    likeReplaced(temporary, destination);
  });
}

/**
 * Does the same as writeAtomically() without blocking the main thread while the disk works.
 * @param beforeRename called with the temporary name when the file is complete on disk, just before it gets its final name
 * @throws ERR_OUTPUT if the file cannot be written, or `path` is a folder, pipe, socket or device
 */
export async function writeDurably(
  path: string,
  parts: Iterable<Uint8Array>,
  beforeRename: (complete: string) => void = () => {},
): Promise<void> {
  let temporary: string | null = null;
  try {
    const destination = destinationOf(path);
    temporary = temporaryFor(destination.path);
    const file = await open(temporary, 'wx');
    try {
      for (const whole of parts) {
        for (const part of partsOf(whole)) {
          for (let done = 0; done < part.length; ) done += (await file.write(part, done)).bytesWritten;
        }
      }
      await file.sync().catch((error) => warnUnlessLost(error, path));
    } finally {
      await file.close();
    }
    likeReplaced(temporary, destination);
    beforeRename(temporary);
    await rename(temporary, destination.path);
    await syncFolder(dirname(destination.path));
  } catch (error) {
    // A failure to remove it must not hide the first error.
    if (temporary) await rm(temporary, { force: true }).catch(() => {});
    throw unwritable(path, error);
  }
}

/** Makes a file under a temporary name, and gives it the final one when it is complete. */
function replace(path: string, make: (temporary: string, destination: Destination) => void): void {
  let temporary: string | null = null;
  try {
    const destination = destinationOf(path);
    temporary = temporaryFor(destination.path);
    make(temporary, destination);
    renameSync(temporary, destination.path);
    syncFolderNow(dirname(destination.path));
    // It is still there if both are names of one file: a rename then does nothing.
    rmSync(temporary, { force: true });
  } catch (error) {
    if (temporary) removeIfPossible(temporary);
    throw unwritable(path, error);
  }
}

/** Removes a file after an error, which a failure to remove it must not hide. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // removeTemporaries() removes it later.
  }
}

/** Gives a new file the mode of the one that it replaces, and its owner where the system allows that (to root). */
function likeReplaced(temporary: string, { replaced }: Destination): void {
  if (!replaced) return;
  const { mode, uid, gid } = statSync(temporary);
  if (uid !== replaced.uid || gid !== replaced.gid) {
    try {
      chownSync(temporary, replaced.uid, replaced.gid);
    } catch {
      // The file then belongs to the user who writes it, as a new one does.
    }
  }
  if (mode !== replaced.mode) chmodSync(temporary, replaced.mode & 0o7777);
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (const part of partsOf(bytes)) {
    for (let done = 0; done < part.length; ) done += writeSync(file, part, done);
  }
}

/** Errors of fsync that say that it cannot be done here. Any other says that data may be lost. */
const refusals = new Set(['EINVAL', 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'ERR_ACCESS_DENIED']);

/** Whether the warning below was given: it is the same for every file. */
let hasWarned = false;

function warnUnlessLost(error: unknown, path: string): void {
  unlessRefused(error);
  if (hasWarned) return;
  hasWarned = true;
  const consequence = 'a power failure may lose it';
  process.emitWarning(
    `${path} was written, but not flushed to the disk: ${reasonOf(error)}; ${consequence}.`,
    'SaturnnWarning',
  );
}

function syncNow(file: number, path: string): void {
  try {
    fsyncSync(file);
  } catch (error) {
    warnUnlessLost(error, path);
  }
}

/** Writes a folder to disk: without it, a power failure may undo a rename in the folder. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync().catch(unlessRefused);
  } finally {
    await folder.close();
  }
}

function syncFolderNow(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } catch (error) {
    unlessRefused(error);
  } finally {
    closeSync(folder);
  }
}

/** Ignores the errors of file systems that cannot sync folders (and do not need it). */
function unlessRefused(error: unknown): void {
  if (!refusals.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
}

/**
 * Atomically makes `to` a second name (hard link) of the file `from`, or a copy where hard links are missing or lead to another file
 * system. Replaces `to`; if that is a link, the file at its end. The mode is that of `from`.
 * @throws ERR_OUTPUT
 */
export function linkOver(from: string, to: string): void {
  replace(to, (temporary) => {
    try {
      linkSync(from, temporary);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
      copyFileSync(from, temporary);
      const file = openSync(temporary, 'r+');
      try {
        syncNow(file, to);
      } finally {
        closeSync(file);
      }
    }
  });
}

/** Removes the temporary files of a process that was killed. Call it only while holding the folder's lock (lockFolder). */
export function removeTemporaries(folder: string): void {
  for (const name of readdirSync(folder)) if (temporaryName.test(name)) rmSync(join(folder, name), { force: true });
}

/**
 * Makes a folder, with its parents, and checks that files can be written into it.
 * @returns its absolute path
 * @throws ERR_OUTPUT, with the folder and the reason
 */
export function prepareFolder(folder: string): string {
  const path = resolve(folder);
  const probe = temporaryFor(join(path, 'probe'));
  try {
    makeFolder(path);
    closeSync(openSync(probe, 'w'));
    // The process that has the folder's lock may have removed it already, as a temporary file.
    rmSync(probe, { force: true });
  } catch (error) {
    throw unwritable(path, error);
  }
  return path;
}

/** Makes a folder and its parents. Node's recursive mkdir never returns if an existing folder refuses new names (/proc does). */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path);
}

/** Makes the ERR_OUTPUT for a failure to write `path`; returns a SaturnnError as it is. */
export function unwritable(path: string, error: unknown): SaturnnError {
  if (error instanceof SaturnnError) return error;
  return new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: ${reasonOf(error)}`, { cause: error });
}
