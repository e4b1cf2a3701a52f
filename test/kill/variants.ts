/** The ways in which the command is disturbed: each starts processes in a folder, and returns when all of them have ended. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ErrorCode } from '../../lib/errors';
import type { Process } from './process';

/** A folder of results that a command works in, and means to disturb it. */
export interface Scene {
  /** The folder; a variant may continue in another. */
  out: string;
  /** Starts the command in the folder. `expected`: codes of the errors with which it may end. */
  start(expected?: readonly ErrorCode[]): Process;
  /** Draws a number in [0, 1). */
  uniform(): number;
  /** Draws a time in milliseconds, in which the command does a part of its work. */
  moment(): number;
  /** Reports what must not happen. */
  fault(text: string): void;
}

/** Kills the command at a random moment. */
async function kill({ start, moment }: Scene): Promise<void> {
  const process = start();
  await process.until(moment());
  await process.kill();
}

/** Kills the command while it writes a file, after its first step. */
async function write({ out, start, moment }: Scene): Promise<void> {
  const process = start();
  await process.until(moment() / 3);
  await process.stepped;
  if (process.isAlive) await writing(out, process.ended);
  await process.kill();
}

/** Resolves when a temporary file appears in a folder or below it, or when `end` does. */
async function writing(folder: string, end: Promise<unknown>): Promise<void> {
  const abort = new AbortController();
  const seen = new Promise<void>((resolve) => {
    const options = { signal: abort.signal, recursive: true };
    watch(folder, options, (_, name) => name?.endsWith('.tmp') && resolve()).on('error', () => {});
  });
  await Promise.race([seen, end]);
  abort.abort();
}

/** Starts the command twice, at once or later, and kills one of the two: while it has the folder, the other must be refused. */
async function starters(scene: Scene): Promise<void> {
  const { start, uniform, moment } = scene;
  const first = start(['ERR_BUSY']);
  if (uniform() < 0.7) await first.until(moment());
  const second = await beside(scene, first, uniform() < 0.5 ? moment() / 2 : undefined);
  if (uniform() < 0.5) await second.kill();
  await first.until(moment());
  await first.kill();
  // If the first was refused or killed early, the second has the folder now.
  await second.until(moment());
  await second.kill();
}

/** Stops the command (SIGSTOP), tries to start it a second time, and kills it after it has gone on. */
async function stop(scene: Scene): Promise<void> {
  const { start, moment } = scene;
  // It is refused if it was stopped before it took the lock, and the other has taken it.
  const first = start(['ERR_BUSY']);
  await first.until(moment());
  first.pause();
  const second = await beside(scene, first);
  first.goOn();
  await first.until(moment());
  await first.kill();
  await second.kill();
}

/**
 * Starts the command beside a process in the same folder, and waits until it has ended or, at most, for so many milliseconds. If the
 * first process has had the lock all the time, the second must be refused.
 */
async function beside(
  { out, start, fault }: Scene,
  first: Process,
  milliseconds = Number.POSITIVE_INFINITY,
): Promise<Process> {
  const isTaken = first.holds(out);
  const second = start(['ERR_BUSY']);
  await (milliseconds < Number.POSITIVE_INFINITY ? second.until(milliseconds) : second.ended);
  if (isTaken && first.holds(out) && second.ending?.kind === 'done') fault('two processes have had one folder');
  return second;
}

/** Copies the folder, while the command works in it or after it was killed, and continues in the copy. */
async function copy(scene: Scene): Promise<void> {
  const { out, start, uniform, moment } = scene;
  const process = start();
  await process.until(moment());
  if (uniform() < 0.5) await process.kill();
  if (existsSync(out)) {
    scene.out = `${out}-copy`;
    copyFolder(out, scene.out, uniform);
  }
  await process.kill();
  if (scene.out !== out) rmSync(out, { recursive: true });
}

/** Copies a folder file by file, in any order, as `cp -r` does. A file that is gone in the meantime is left out. */
function copyFolder(from: string, to: string, uniform: () => number): void {
  mkdirSync(to);
  const entries = readdirSync(from, { withFileTypes: true }).map((entry) => ({ entry, order: uniform() }));
  for (const { entry } of entries.sort((a, b) => a.order - b.order)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyFolder(source, target, uniform);
    else copyIfThere(source, target);
  }
}

function copyIfThere(source: string, target: string): void {
  try {
    copyFileSync(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Files whose end is cut off: a log, the newest checkpoint, and those of a table and its trainings. */
const isLog = /\.(jsonl|csv)$/;
const cutFiles = [isLog, /^last\.checkpoint$/, /^(config|result|table1?)\.json$|^table\.txt$/];

/**
 * Kills the command, and cuts off the end of a file. The command must then go on, or name the file and do nothing: it is put back then,
 * as from a backup.
 */
async function cut(scene: Scene): Promise<void> {
  const { out, start, uniform, moment, fault } = scene;
  await kill(scene);
  const pattern = cutFiles[Math.floor(uniform() * cutFiles.length)]!;
  // Nothing reads the logs of a training of a table that has ended.
  const hasEnded = (path: string) => isLog.test(path) && existsSync(join(dirname(path), 'result.json'));
  const found = filesOf(out).filter((path) => pattern.test(basename(path)) && !hasEnded(path));
  const newest = found.sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs).at(-1);
  if (newest === undefined) return;
  const whole = readFileSync(newest);
  truncateSync(newest, Math.max(0, whole.length - 1 - Math.floor(whole.length * uniform() ** 4)));
  const process = start(['ERR_CHECKPOINT']);
  // By then it has read the file.
  await process.stepped;
  await process.until(moment() / 2);
  const { kind, message } = await process.kill();
  if (kind !== 'refused') return;
  if (!message.includes(newest)) fault(`cut ${newest}, but the error does not name it: ${message}`);
  writeFileSync(newest, whole);
}

/** Returns the paths of all files below a folder, which need not exist. */
export const filesOf = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name))
    : [];

export const variants = { kill, write, starters, stop, copy, cut } as const;
export type Variant = keyof typeof variants;
