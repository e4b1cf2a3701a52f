/**
 * Kills `saturnn train` at random moments, resumes it each time, and compares what is left in the end with what a run
 * leaves that nobody disturbed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Philox } from '../../lib/random';
import { packageRoot } from '../../lib/runtime/locate';

export interface KillOptions {
  /** Of `saturnn train`, without --out. The run must write a checkpoint every few steps. */
  args: readonly string[];
  /** An empty folder. */
  folder: string;
  /** Half of them while a checkpoint is being written. */
  kills: number;
  seed: number;
  /** Told of every kill. */
  log?: (line: string) => void;
}

export interface KillReport {
  readonly kills: number;
  /** Kills that left a file half written, or complete without its name yet. */
  readonly duringWrite: number;
  /** Kills before the first checkpoint: those runs began again. */
  readonly beforeCheckpoint: number;
  /** Times that the run was taken to its end. */
  readonly rounds: number;
  /** Seconds of the undisturbed run. */
  readonly seconds: number;
  /** What differed from the undisturbed run. Empty: nothing. */
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
      // A few kills in each round, and some of them before the first step.
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

/** @throws what the process had to say, unless it was killed or ended well */
async function finished(child: ChildProcess): Promise<void> {
  let errors = '';
  child.stdout?.resume();
  child.stderr?.on('data', (data) => {
    errors += data;
  });
  const [code, signal] = await once(child, 'close');
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`saturnn train ended with ${code ?? signal}: ${errors}`);
}

/** @returns whether it was still running. `inWrite`: at the first checkpoint that it begins to write after `delay` ms */
async function killOnce(child: ChildProcess, out: string, { inWrite, delay }: { inWrite: boolean; delay: number }) {
  const exited = once(child, 'exit').then(() => {});
  await Promise.race([sleep(delay), exited]);
  if (inWrite) {
    // Steps are under way: what is written from now on is a checkpoint.
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

/** What must be equal, and is not. */
export function compareRuns(whole: string, other: string): string[] {
  const differences: string[] = [];
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

/** Metrics without timings, and without the grouping of steps into native calls, which follows from timings. */
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
