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

/** Of files that are being written. They begin with a dot, and whoever reads a folder of results passes them over. */
const temporaryName = /^\.[0-9a-f]{12}\.tmp$/;

/** Beside `path`, so that a rename makes it `path`. */
export const temporaryFor = (path: string): string => join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);

/**
 * Writes a whole file or nothing: a reader, or a run that was cut off, never sees half of one. When it returns, a power
 * failure takes nothing back.
 * @throws ERR_OUTPUT
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
 * The same without blocking the main thread. `beforeRename` is told where the file is when it is complete on disk, and has
 * not its name yet.
 * @throws ERR_OUTPUT
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

/** A new name is on disk only when its folder is. */
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

/** Some file systems refuse to sync folders, and need it not. */
function unlessRefused(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EINVAL' && error.code !== 'EPERM') throw error;
}

/** `to` becomes a second name of the file `from`, in place of what it was before, in one moment. */
export function linkOver(from: string, to: string): void {
  const temporary = temporaryFor(to);
  try {
    try {
      linkSync(from, temporary);
    } catch (error) {
      // File systems without hard links.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
      copyFileSync(from, temporary);
      const file = openSync(temporary, 'r+');
      fsyncSync(file);
      closeSync(file);
    }
    renameSync(temporary, to);
  } finally {
    // Where both are names of one file already, rename does nothing and leaves the temporary name.
    rmSync(temporary, { force: true });
  }
}

/** Removes what a process that was killed had begun to write. Only for whoever owns the folder (see lockFolder). */
export function removeTemporaries(folder: string): void {
  for (const name of readdirSync(folder)) if (temporaryName.test(name)) rmSync(join(folder, name), { force: true });
}

/** Makes the folder and proves that files can be written into it. @throws ERR_OUTPUT naming the folder and the reason */
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

/** Node's own recursive mkdir never returns where a file system refuses new names in a folder that exists (/proc). */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path);
}

export function unwritable(path: string, error: unknown): SaturnnError {
  if (error instanceof SaturnnError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: ${reason}`, { cause: error });
}
