/**
 * Kills `saturnn train` at random moments, resumes it each time until it ends, and compares the files of the run with
 * those of a run that was not killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Philox } from '../../lib/random';
import { packageRoot } from '../../lib/runtime/locate';

export interface KillOptions {
  /** Arguments of `saturnn train`, without --out. The run must write a checkpoint every few steps. */
  args: readonly string[];
  /** An empty folder for the runs. */
  folder: string;
  /** Number of kills. Every other one happens while a checkpoint is being written. */
  kills: number;
  /** Seed of the moments. */
  seed: number;
  /** Called with a line of text for every kill. */
  log?: (line: string) => void;
}

export interface KillReport {
  readonly kills: number;
  /** Number of kills that left a temporary file: incomplete, or complete but not renamed yet. */
  readonly duringWrite: number;
  /** Number of kills before the first checkpoint, after which the run started from its beginning. */
  readonly beforeCheckpoint: number;
  /** Number of runs that were killed and resumed until their end. */
  readonly rounds: number;
  /** Duration of the run that was not killed. */
  readonly seconds: number;
  /** Descriptions of the differences to the run that was not killed; empty if there are none. */
  readonly differences: readonly string[];
}

const train = (args: readonly string[], out: string): ChildProcess => {
  const main = join(packageRoot(), 'dist', 'cli', 'main.js');
  return spawn(process.execPath, [main, 'train', ...args, '--json', '--out', out, '--resume', 'auto']);
};

export async function killAndResume({ args, folder, kills, seed, log = () => {} }: KillOptions): Promise<KillReport> {
  const random = new Philox(seed, 0);
  const whole = join(folder, 'whole');
  const started = performance.now();
  await finished(train(args, whole));
  const seconds = (performance.now() - started) / 1000;
  const counts = { kills: 0, duringWrite: 0, beforeCheckpoint: 0 };
  const differences: string[] = [];
  let rounds = 0;
  for (; counts.kills < kills; rounds++) {
    const out = join(folder, `killed-${rounds}`);
    for (;;) {
      const inWrite = counts.kills % 2 === 1;
      // These factors give a few kills per run, some of them before the first step.
      const delay = 1000 * seconds * random.uniform() * (inWrite ? 0.3 : 0.8);
      const child = train(args, out);
      const ended = finished(child);
      const killed = counts.kills < kills && (await killOnce(child, out, { inWrite, delay }));
      if (!killed) {
        await ended;
        break;
      }
      await ended.catch(() => {});
      counts.kills++;
      const left = existsSync(out) ? readdirSync(out) : [];
      const half = left.some((name) => name.endsWith('.tmp'));
      const begun = left.includes('last.checkpoint');
      if (half) counts.duringWrite++;
      if (!begun) counts.beforeCheckpoint++;
      const moment = half ? ', during a checkpoint write' : begun ? '' : ', before the first checkpoint';
      log(`kill ${counts.kills} after ${(delay / 1000).toFixed(2)} s${moment}`);
    }
    const found = compareRuns(whole, out);
    differences.push(...found);
    log(`round ${rounds + 1}: ${found.join('; ') || 'equal'}`);
    if (found.length === 0) rmSync(out, { recursive: true });
  }
  return { ...counts, rounds, seconds, differences };
}

/** Waits for the end of a process. @throws Error with its stderr, unless it succeeded or was killed by SIGKILL */
async function finished(child: ChildProcess): Promise<void> {
  let errors = '';
  child.stdout?.resume();
  child.stderr?.on('data', (data) => {
    errors += data;
  });
  const [code, signal] = await once(child, 'close');
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`saturnn train ended with ${code ?? signal}: ${errors}`);
}

/**
 * Kills a process after `delay` milliseconds or, with `inWrite`, when it next writes a checkpoint after that time.
 * @returns false if it had ended before
 */
async function killOnce(child: ChildProcess, out: string, { inWrite, delay }: { inWrite: boolean; delay: number }) {
  const exited = once(child, 'exit').then(() => {});
  await Promise.race([sleep(delay), exited]);
  if (inWrite) {
    // Once steps run, every file that is written is a checkpoint.
    const stepped = new Promise<void>((resolve) => {
      child.stdout?.on('data', (data) => String(data).includes('"step"') && resolve());
    });
    await Promise.race([stepped, exited]);
    if (child.exitCode === null) await writing(out, exited);
  }
  return child.exitCode === null && child.kill('SIGKILL');
}

/** Resolves when a temporary file appears in a folder, or when `end` does. */
async function writing(folder: string, end: Promise<void>): Promise<void> {
  const abort = new AbortController();
  const seen = new Promise<void>((resolve) => {
    watch(folder, { signal: abort.signal }, (_, name) => name?.endsWith('.tmp') && resolve());
  });
  await Promise.race([seen, end]);
  abort.abort();
}

/** Compares the results of two runs. @returns descriptions of what differs but must not; empty if nothing does */
function compareRuns(whole: string, other: string): string[] {
  const left = readdirSync(other).filter((name) => name.endsWith('.tmp'));
  const differences = left.map((name) => `${name} stays`);
  for (const name of ['model.safetensors', 'best.safetensors']) {
    const [a, b] = [whole, other].map((folder) => readFileSync(join(folder, name)));
    if (!a!.equals(b!)) differences.push(`${name} differs`);
  }
  for (const name of ['epochs.csv', 'metrics.jsonl'] as const) {
    const [a, b] = [whole, other].map((folder) => lasting[name](readFileSync(join(folder, name), 'utf8')));
    if (JSON.stringify(a) !== JSON.stringify(b)) differences.push(`${name} differs: ${JSON.stringify([a, b])}`);
  }
  const steps = readFileSync(join(other, 'metrics.jsonl'), 'utf8')
    .match(/(?<="event":"step","step":)\d+/g)!
    .map(Number);
  if (steps.some((step, index) => index > 0 && step <= steps[index - 1]!)) differences.push(`steps repeat: ${steps}`);
  return differences;
}

/** Parsers of metrics that leave out times, and the step events, whose grouping into native calls depends on time. */
const lasting = {
  'epochs.csv': (text: string) => text.split('\n').map((row) => row.replace(/,[^,]*$/, '')),
  'metrics.jsonl': (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event !== 'step')
      .map((event) => ({ ...event, imagesPerSecond: 0, seconds: 0 })),
};
