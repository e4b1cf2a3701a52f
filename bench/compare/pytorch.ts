/**
 * `npm run bench -- compare pytorch`: times the same training step (network, weights and batch) in saturnn and in
 * PyTorch, each in its own process, alternately. PyTorch runs in its fastest configuration: channels_last, jemalloc if it
 * is installed, and for bf16 torch.compile if it works. Both use the same number of threads.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compare, environment, type Measurement, median } from '../../lib/measure/harness';
import { formatActivation } from '../../lib/ops/activation';
import { openDevice } from '../../lib/runtime/device';
import { packageRoot } from '../../lib/runtime/locate';
import type { ComparedStep } from '../step';
import { type SetUp, writeSetUp } from './setup';
import { type Facts, type ProcessOptions, TimedProcess } from './timedProcess';

export interface CompareOptions extends ComparedStep {
  /** Turns of each side that are reported. */
  readonly rounds: number;
  /** Steps per turn. */
  readonly steps: number;
  /** Turns of each side before these, which are not reported. */
  readonly warmup: number;
  /** Threads of each side; default: one per physical core. */
  readonly threads?: number;
  /** Whether to try torch.compile for bf16; the other precisions always run in eager mode. */
  readonly compile: boolean;
}

export interface SideReport {
  /** Duration of a step, median over rounds. */
  readonly milliseconds: number;
  readonly imagesPerSecond: number;
  readonly peakRssBytes: number;
  /** Losses of the first three steps. */
  readonly losses: readonly number[];
  /** Processor time that the process used during the other's turns, as a fraction of that time: 1 is one core. */
  readonly idleLoad: number;
  readonly facts: Facts;
  /** Milliseconds per step, by round. */
  readonly samples: readonly number[];
}

export interface CompareReport {
  /** PyTorch's time divided by saturnn's, median over rounds: above 1, saturnn is faster. */
  readonly ratio: number;
  /** Peak resident memory of saturnn divided by PyTorch's. */
  readonly peakRssRatio: number;
  /** Relative difference of the losses of the first step, for which both have the same weights. */
  readonly lossDifference: number;
  readonly saturnn: SideReport;
  readonly pytorch: SideReport;
}

const jemalloc = 'libjemalloc.so.2';
const jemallocFolders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/local/lib'];
const mallocConf = 'dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always,oversize_threshold:0';

/**
 * Largest allowed `lossDifference`. Networks that are not the same differ by more, even in bf16, whose unit of rounding
 * is 0.4%.
 */
const mostDifference = { f32: 1e-4, tf32: 5e-3, bf16: 2e-2, fp16: 5e-3 };

/**
 * Wait before each turn: threads of OpenMP spin for up to 200 ms after their work (Intel, LLVM; GNU: a few) before they
 * sleep.
 */
export const settleMilliseconds = 400;

const names = { saturnn: 'saturnn', pytorch: 'PyTorch' } as const;

/** PyTorch's side, which waits for a set-up. */
export function pytorchProcess(threads: number): ProcessOptions {
  const library = jemallocFolders.map((folder) => join(folder, jemalloc)).find((path) => existsSync(path));
  const { OMP_WAIT_POLICY: _, GOMP_SPINCOUNT: __, ...inherited } = process.env;
  return {
    name: names.pytorch,
    command: process.env.SATURNN_PYTHON ?? 'python3',
    args: [join(packageRoot(), 'bench', 'compare', 'pytorch.py')],
    remedy: 'set SATURNN_PYTHON to a Python with torch and numpy',
    env: {
      ...inherited,
      // As by default, PyTorch's threads may spin between its kernels; they sleep before saturnn's turn begins.
      OMP_NUM_THREADS: String(threads),
      KMP_BLOCKTIME: '200',
      ...(library && { LD_PRELOAD: library, MALLOC_CONF: mallocConf }),
    },
  };
}

/** saturnn's side, which waits for a set-up. */
export const ownProcess: ProcessOptions = {
  name: names.saturnn,
  command: process.execPath,
  args: [join(__dirname, 'worker.js')],
  remedy: 'npm ci',
  env: process.env,
};

/** One side of the comparison: its process, its losses, and the processor time that it uses while it waits. */
class TimedSide {
  readonly losses: number[] = [];
  #waited = 0;
  #worked = 0;

  constructor(
    readonly process: TimedProcess,
    readonly steps: number,
  ) {}

  /** Runs one turn and measures the load that `other` causes meanwhile. @returns median duration of a step, in milliseconds */
  async turn(other: TimedSide): Promise<number> {
    await sleep(settleMilliseconds);
    const [began, cpu] = [performance.now(), other.process.cpuSeconds()];
    const { milliseconds, losses } = await this.process.run(this.steps);
    other.#waited += (performance.now() - began) / 1000;
    other.#worked += other.process.cpuSeconds() - cpu;
    this.losses.push(...losses);
    return median(milliseconds);
  }

  report(batch: number, { median: milliseconds, samples }: Measurement): SideReport {
    return {
      milliseconds,
      imagesPerSecond: (1000 * batch) / milliseconds,
      peakRssBytes: this.process.peakRssBytes(),
      losses: this.losses.slice(0, 3),
      idleLoad: this.#worked / this.#waited,
      facts: this.process.facts,
      samples,
    };
  }
}

/** Runs the comparison. @throws Error if PyTorch is missing, a side fails, or the first losses differ by more than allowed */
export async function comparePytorch(options: CompareOptions): Promise<CompareReport & Record<string, unknown>> {
  const threads = options.threads ?? (openDevice('cpu').info.threads as number);
  const compileToo = options.precision === 'bf16' && options.compile;
  const { setup, remove } = writeSetUp(options, { threads, compile: compileToo });
  const running: TimedProcess[] = [];
  try {
    // One after the other, because preparing uses all cores and much memory.
    for (const process of [pytorchProcess(threads), ownProcess]) running.push(await TimedProcess.start(process, setup));
    const [pytorch, saturnn] = running.map((process) => new TimedSide(process, options.steps)) as [
      TimedSide,
      TimedSide,
    ];
    const measured = await compare(
      [
        { name: names.pytorch, run: () => pytorch.turn(saturnn) },
        { name: names.saturnn, run: () => saturnn.turn(pytorch) },
      ],
      options,
    );
    const [theirs, own] = measured as [Measurement, Measurement];
    const reports = { saturnn: saturnn.report(options.batch, own), pytorch: pytorch.report(options.batch, theirs) };
    const report = { ...summarize(reports, own, setup), ...describe(options, threads), ...reports };
    for (const process of running) await process.finish();
    return report;
  } finally {
    for (const process of running) process.kill();
    remove();
  }
}

function summarize({ saturnn, pytorch }: Pick<CompareReport, 'saturnn' | 'pytorch'>, own: Measurement, setup: SetUp) {
  const [a = Number.NaN] = saturnn.losses;
  const [b = Number.NaN] = pytorch.losses;
  const lossDifference = Math.abs(a / b - 1);
  if (!(lossDifference <= mostDifference[setup.precision])) {
    throw new Error(`The two sides do not compute the same: the first loss is ${a} in saturnn and ${b} in PyTorch.`);
  }
  return { ratio: own.ratio, peakRssRatio: saturnn.peakRssBytes / pytorch.peakRssBytes, lossDifference };
}

function describe({ activation, ...options }: CompareOptions, threads: number) {
  return {
    environment: environment(),
    command: 'compare pytorch',
    options: { ...options, activation: formatActivation(activation), threads },
  };
}
