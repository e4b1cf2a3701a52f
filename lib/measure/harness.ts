/**
 * Measures times so that they can be compared. Samples of all candidates are taken in turn, so that a host that becomes slower
 * affects all of them alike. Results are medians, and medians of the ratios within a round.
 */
import { cpus, release, totalmem } from 'node:os';
import { writeAtomically } from '../files/durable';
import { version } from '../version';
import { median } from './median';

export { median };

/** A piece of work to measure. */
export interface Candidate {
  readonly name: string;
  /** Does the work once. Resolves to milliseconds if it times itself, and to undefined if the harness is to time the call. */
  readonly run: () => Promise<number | undefined>;
}

/** Times of a candidate, in milliseconds. */
export interface Measurement {
  readonly name: string;
  /** Median of the samples. */
  readonly median: number;
  /** Time of each round. */
  readonly samples: readonly number[];
  /** The baseline's time divided by this candidate's, as a median over rounds: above 1 means faster than the baseline. */
  readonly ratio: number;
}

/** Options of compare() and sampled(). */
export interface MeasureOptions {
  /** Rounds that count; default 9. */
  rounds?: number;
  /** Rounds before those that count; default 2. */
  warmup?: number;
}

/** Measures all candidates in turn; the first is the baseline. Every other round runs in reverse order. */
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

/** Like compare(), for a `sample` that measures all candidates in one call: milliseconds by name, the baseline first. */
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

/** Describes the machine and the versions, as every report of a measurement must. */
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

/** Writes data as indented JSON: a whole file or nothing. @throws ERR_OUTPUT */
export function writeJson(file: string, data: unknown): void {
  writeAtomically(file, `${JSON.stringify(data, null, 2)}\n`);
}
