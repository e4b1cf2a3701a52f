/**
 * How this project measures: samples of everything that is compared are taken in turn, so that a host that grows slower
 * does it to all of them; what counts are medians, and medians of the ratios within a round. Results are JSON.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { version } from '../version';
import { median } from './median';

export { median };

/** Something to measure. */
export interface Candidate {
  readonly name: string;
  /** Does it once; resolves to milliseconds if it has timed itself, else the harness's clock counts. */
  readonly run: () => Promise<number | undefined>;
}

export interface Measurement {
  readonly name: string;
  /** Milliseconds. */
  readonly median: number;
  readonly samples: readonly number[];
  /** The baseline's time divided by this one's, median over rounds: above 1 is faster than the baseline. */
  readonly ratio: number;
}

export interface MeasureOptions {
  /** Default 9. */
  rounds?: number;
  /** Rounds that are not counted; default 2. */
  warmup?: number;
}

/** Measures all candidates in turn; the first is the baseline. Every other round goes backwards. */
export async function compare(candidates: readonly Candidate[], options: MeasureOptions = {}): Promise<Measurement[]> {
  const times = await rounds(options, async (round) => {
    const order = round % 2 === 0 ? candidates : [...candidates].reverse();
    const taken = new Map<string, number>();
    for (const candidate of order) {
      const start = performance.now();
      const own = await candidate.run();
      taken.set(candidate.name, own ?? performance.now() - start);
    }
    return candidates.map(({ name }) => taken.get(name) ?? Number.NaN);
  });
  return summarize(
    candidates.map(({ name }) => name),
    times,
  );
}

/** The same for a `sample` that measures everything in one go: milliseconds by name, the baseline first. */
export async function sampled(
  sample: () => Promise<Readonly<Record<string, number>>>,
  options: MeasureOptions = {},
): Promise<Measurement[]> {
  let names: string[] = [];
  const times = await rounds(options, async () => {
    const taken = await sample();
    names = Object.keys(taken);
    return Object.values(taken);
  });
  return summarize(names, times);
}

async function rounds(
  { rounds: count = 9, warmup = 2 }: MeasureOptions,
  once: (round: number) => Promise<number[]>,
): Promise<number[][]> {
  const times: number[][] = [];
  for (let round = 0; round < warmup + count; round++) {
    const taken = await once(round);
    if (round >= warmup) times.push(taken);
  }
  return times;
}

function summarize(names: readonly string[], times: readonly (readonly number[])[]): Measurement[] {
  return names.map((name, i) => {
    const samples = times.map((round) => round[i] ?? Number.NaN);
    const ratio = median(times.map((round) => (round[0] ?? Number.NaN) / (round[i] ?? Number.NaN)));
    return { name, median: median(samples), samples, ratio };
  });
}

/** What a figure must be reported with. */
export function environment(): Record<string, unknown> {
  return {
    date: new Date().toISOString(),
    saturnn: version,
    node: process.versions.node,
    processor: cpus()[0]?.model ?? 'unknown',
    logicalProcessors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
}

export function writeJson(file: string, data: unknown): void {
  writeFileSync(file, `${JSON.stringify(data, null, 2)}\n`);
}
