import { randomBytes } from 'node:crypto';
import {
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
import { SaturnnError } from '../errors';

/** Names of files that are being written. They begin with a dot, and readers of a folder of results ignore them. */
const temporaryName = /^\.[0-9a-f]{12}\.tmp$/;

/** Returns a new temporary name in the folder of `path`, from which a rename to `path` is atomic. */
export const temporaryFor = (path: string): string => join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);

/**
 * Writes a whole file or nothing: readers never see a part of it, even after a crash. When the function returns, file and name
 * are on the disk, and a power failure cannot undo them.
 * @throws ERR_OUTPUT if the file cannot be written
 */
export function writeAtomically(path: string, content: string | readonly Uint8Array[]): void {
  const temporary = temporaryFor(path);
  const parts = typeof content === 'string' ? [Buffer.from(content)] : content;
  try {
    const file = openSync(temporary, 'wx');
    try {
      for (const part of parts) {
        for (let done = 0; done < part.length; ) done += writeSync(file, part, done);
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolderNow(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw unwritable(path, error);
  }
}

/**
 * Does the same as writeAtomically() without blocking the main thread.
 * @param beforeRename called with the temporary name when the file is complete on disk, just before it gets its final name
 * @throws ERR_OUTPUT if the file cannot be written
 */
export async function writeDurably(
  path: string,
  parts: readonly Uint8Array[],
  beforeRename: (complete: string) => void = () => {},
): Promise<void> {
  const temporary = temporaryFor(path);
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const part of parts) {
        for (let done = 0; done < part.length; ) done += (await file.write(part, done)).bytesWritten;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    beforeRename(temporary);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw unwritable(path, error);
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
    unlessRefused(error as NodeJS.ErrnoException);
  } finally {
    closeSync(folder);
  }
}

/** Ignores the errors of file systems that cannot sync folders (and do not need it). */
function unlessRefused(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EINVAL' && error.code !== 'EPERM') throw error;
}

/** Atomically makes `to` a second name (hard link) of the file `from`, or a copy where hard links are missing. Replaces `to`. */
export function linkOver(from: string, to: string): void {
  const temporary = temporaryFor(to);
  try {
    try {
      linkSync(from, temporary);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
      // The file system has no hard links.
      copyFileSync(from, temporary);
      const file = openSync(temporary, 'r+');
      fsyncSync(file);
      closeSync(file);
    }
    renameSync(temporary, to);
  } finally {
    // If both are names of one file already, rename does nothing and leaves the temporary name.
    rmSync(temporary, { force: true });
  }
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
    rmSync(probe);
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
  const reason = error instanceof Error ? error.message : String(error);
  return new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: ${reason}`, { cause: error });
}
