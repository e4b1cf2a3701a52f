import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SaturnnError } from '../errors';

/** Writes a whole file or nothing: a reader, or a run that was cut off, never sees half of one. */
export function writeAtomically(path: string, content: string | readonly Uint8Array[]): void {
  const temporary = join(dirname(path), `.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`);
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
  } catch (error) {
    rmSync(temporary, { force: true });
    throw unwritable(path, error);
  }
}

/** Makes the folder and proves that files can be written into it. @throws ERR_OUTPUT naming the folder and the reason */
export function prepareFolder(folder: string): string {
  const path = resolve(folder);
  const probe = join(path, `.${process.pid}.probe`);
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

function unwritable(path: string, error: unknown): SaturnnError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: ${reason}`, { cause: error });
}
