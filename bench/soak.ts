/**
 * `npm run soak -- [--steps N] [--trainers N] [--workers N] [--json FILE]`: whether memory stays flat during 100,000 training steps, 1,000
 * Trainers that are made, trained and disposed of, and 100 worker threads, one after the other and then four at a time. Each
 * of the four is a process of its own. test/train/leaks.test.ts is the short form.
 *
 * The program samples resident memory after garbage collection (the median of five samples) at twenty marks, after a warm-up of 40% as
 * much work. The last sample may be at most 1% above the first. The used part of V8's heap, handles, threads and open files are
 * compared, too. Three things grow or shrink by chance and are no leak, so they are kept still:
 * - V8's young generation grows by pages of which most are empty: its size is fixed (--min-semi-space-size, --max-semi-space-size).
 * - V8's optimiser allocates memory at its own times: --no-opt switches it off.
 * - glibc gives each thread one of several arenas, and which of them keeps freed pages depends on the order of the threads:
 *   MALLOC_ARENA_MAX=1 lets them share one. What is not freed stays in that one all the same.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, Worker } from 'node:worker_threads';
import { generated } from '../lib/data/generated';
import { environment, writeJson } from '../lib/measure/harness';
import { median } from '../lib/measure/median';
import { openDevice } from '../lib/runtime/device';
import { memoryStats } from '../lib/runtime/memoryStats';
import { Trainer } from '../lib/train/trainer';
import { tinyModel } from '../test/train/tinyModel';

const marks = 20;
/** Work before the first mark, as a part of all that follows: V8 compiles functions, and libraries make what they keep. */
const warmup = 0.4;
const mostGrowth = 0.01;

interface Mark {
  /** Units of work done after the warm-up: steps, Trainers or workers. */
  readonly done: number;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Memory outside of V8's heap that JavaScript objects hold, arrays of the addon included. */
  readonly externalBytes: number;
  /** Native objects that were not disposed of. */
  readonly handles: number;
  readonly threads: number;
  readonly files: number;
}

/** Makes a Trainer on one thread: for so small a network, more of them would only wait for each other. */
function makeTrainer(images: number): Trainer {
  const device = openDevice('cpu', { threads: 1 });
  return new Trainer({ model: tinyModel(), ...generated({ train: images, test: 8 }), device, batch: 4 });
}

async function train(trainer: Trainer, steps: number): Promise<void> {
  for await (const _ of trainer.fit({ steps }));
}

/** Makes a Trainer, trains a step, evaluates, and disposes of it. */
async function trainOnce(): Promise<void> {
  using trainer = makeTrainer(8);
  await train(trainer, 1);
  await trainer.evaluate('test');
}

async function worker(): Promise<void> {
  const [code] = await once(new Worker(__filename), 'exit');
  if (code !== 0) throw new Error(`A worker ended with ${code}.`);
}

/** The kinds of work. Each takes a number of units, and gives a function that does so many more of them. */
const works = {
  steps: () => {
    // An epoch of 500 steps: the Trainer keeps an event of each epoch, which is no leak but 200 bytes.
    const trainer = makeTrainer(2000);
    return (count: number) => train(trainer, count);
  },
  trainers: () => async (count: number) => {
    for (let i = 0; i < count; i++) await trainOnce();
  },
  workers: () => async (count: number) => {
    for (let i = 0; i < count; i++) await worker();
  },
  'workers, four at a time': () => async (count: number) => {
    for (let left = count; left > 0; left -= 4) await Promise.all(Array.from({ length: Math.min(4, left) }, worker));
  },
};
type Work = keyof typeof works;

async function sample(done: number): Promise<Mark> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await pause(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const { devices, states, plans, buffers } = memoryStats().handles;
  return {
    ...{ done, rssBytes: rss, heapUsedBytes: heapUsed, externalBytes: external },
    handles: devices + states + plans + buffers,
    threads: readdirSync('/proc/self/task').length,
    files: readdirSync('/proc/self/fd').length,
  };
}

/** Does the work in this process, and prints a mark as a line of JSON after the warm-up and after each twentieth of it. */
async function measure(name: Work, count: number): Promise<void> {
  const work = works[name]();
  // It is opened when it is first used.
  const { stdout } = process;
  await work(Math.ceil(count * warmup));
  let before = 0;
  for (let mark = 0; mark <= marks; mark++) {
    const done = Math.round((count * mark) / marks);
    if (done > before) await work(done - before);
    before = done;
    const samples: Mark[] = [];
    for (let i = 0; i < 5; i++) samples.push(await sample(done));
    const rssBytes = median(samples.map((one) => one.rssBytes));
    stdout.write(`${JSON.stringify({ ...samples.at(-1), rssBytes })}\n`);
  }
  // A Trainer of the steps is still alive.
  process.exit();
}

interface Report {
  readonly count: number;
  readonly seconds: number;
  /** Growth of resident memory from the first mark to the last, as a fraction of that at the first. */
  readonly growth: number;
  /** Growth of V8's heap and of what its objects hold outside of it, as a fraction of the same. */
  readonly heapGrowth: number;
  readonly isFlat: boolean;
  readonly marks: readonly Mark[];
}

/** Does the work in a new process. */
async function run(name: Work, count: number): Promise<Report> {
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
  const began = performance.now();
  const flags = ['--expose-gc', '--no-opt', '--min-semi-space-size=1', '--max-semi-space-size=1'];
  const child = spawn(process.execPath, [...flags, __filename, name, `${count}`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const found: Mark[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const mark = JSON.parse(line) as Mark;
    found.push(mark);
    const { done, rssBytes, heapUsedBytes, externalBytes, handles, threads, files } = mark;
    const sizes = `rss ${mebi(rssBytes)}, heap ${mebi(heapUsedBytes)}, external ${mebi(externalBytes)} MiB`;
    process.stdout.write(`${name} ${done}: ${sizes}; ${handles} handles, ${threads} threads, ${files} files\n`);
  }
  const [code] = await ended;
  if (code !== 0 || found.length <= marks) throw new Error(`${name}: the process ended with ${code}.`);
  return reportOf(count, (performance.now() - began) / 1000, found);
}

const mebi = (bytes: number): string => (bytes / 2 ** 20).toFixed(2);

function reportOf(count: number, seconds: number, found: readonly Mark[]): Report {
  const [first, last] = [found[0]!, found.at(-1)!];
  const part = (bytes: number) => bytes / first.rssBytes;
  const growth = part(last.rssBytes - first.rssBytes);
  const heapGrowth = part(last.heapUsedBytes + last.externalBytes - first.heapUsedBytes - first.externalBytes);
  const isEqual = last.handles === first.handles && last.threads <= first.threads && last.files <= first.files;
  const isFlat = isEqual && growth <= mostGrowth && heapGrowth <= mostGrowth;
  return { count, seconds, growth, heapGrowth, isFlat, marks: found };
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      ...{ steps: { type: 'string', default: '100000' }, trainers: { type: 'string', default: '1000' } },
      ...{ workers: { type: 'string', default: '100' }, json: { type: 'string' } },
    },
    allowPositionals: true,
  });
  const [work, number] = positionals;
  if (work !== undefined) return measure(work as Work, Number(number));
  const { steps, trainers, workers, json } = values;
  const counts: Record<Work, string> = { steps, trainers, workers, 'workers, four at a time': workers };
  const reports: Partial<Record<Work, Report>> = {};
  for (const [name, text] of Object.entries(counts) as [Work, string][]) {
    const count = Number(text);
    if (!(Number.isSafeInteger(count) && count >= 0)) throw new Error(`Expected integers for the numbers of ${name}.`);
    if (count === 0) continue;
    const report = await run(name, count);
    reports[name] = report;
    const [memory, heap] = [report.growth, report.heapGrowth].map((part) => `${(100 * part).toFixed(2)} %`);
    const verdict = report.isFlat ? 'flat' : 'NOT FLAT';
    const took = `${count} ${name}, ${report.seconds.toFixed(0)} s`;
    process.stdout.write(`${took}: resident memory ${memory}, heap ${heap}: ${verdict}\n`);
    if (json) writeJson(json, { ...environment(), mostGrowth, warmup, ...reports });
  }
  if (Object.values(reports).some(({ isFlat }) => !isFlat)) throw new Error('Memory is not flat.');
}

async function start(): Promise<void> {
  if (isMainThread) await main();
  else await trainOnce();
}

start().catch((error: Error) => {
  process.stderr.write(`error: ${error.stack}\n`);
  process.exitCode = 1;
});
