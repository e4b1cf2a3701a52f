/** Report of a benchmark, as it is written to JSON, and the comparison of two reports. */
import type { Precision } from '../runtime/device';
import type { Ceilings } from './ceilings';
import type { Floors } from './floors';
import { median } from './median';

/** Bandwidth of one kernel. */
export interface KernelRow {
  readonly name: string;
  readonly precision: Precision;
  /** Bytes that must move: each input read once, each output written once. */
  readonly bytes: number;
  /** Median time. */
  readonly milliseconds: number;
  /** Milliseconds of each round. */
  readonly samples: readonly number[];
  readonly gigabytesPerSecond: number;
  /** Rate of the copy that was measured beside the kernel. */
  readonly copyGigabytesPerSecond: number;
  /** The kernel's rate divided by the copy's, as a median over rounds. */
  readonly ofCopy: number;
  /** Value of `ofCopy` that the kernel should reach; null: no target. */
  readonly target: number | null;
  readonly implementation: string;
}

/** The step that was measured. */
interface StepKind {
  readonly model: string;
  readonly width: number;
  readonly activation: string;
  readonly batch: number;
  readonly precision: Precision;
}

/** Time of one convolution or linear layer, forward or backward, within a step. */
export interface ConvolutionRow extends StepKind {
  readonly layer: string;
  readonly op: string;
  readonly shape: string;
  /** Median time. */
  readonly milliseconds: number;
  readonly gigaflopsPerSecond: number;
  /** Rate divided by that of the matrix product. */
  readonly ofProduct: number;
  /** Least time at the ceilings (arithmetic or memory, whichever takes longer) divided by the measured time. */
  readonly ofRoofline: number;
  readonly implementation: string;
}

/** Time of a whole training step. */
export interface StepRow extends StepKind {
  /** Whether kernels were chosen by timing where there is a choice. */
  readonly autotune: boolean;
  /** Steps per call. */
  readonly steps: number;
  /** Time of one step, as a median over calls. */
  readonly milliseconds: number;
  /** Milliseconds per step of each call. */
  readonly samples: readonly number[];
  readonly imagesPerSecond: number;
  readonly gigaflopsPerSecond: number;
  readonly floors: Floors;
  /** floors.roofline divided by the measured time: 1 is as fast as the ceilings allow. */
  readonly ofRoofline: number;
  /** Kernels per step. */
  readonly kernels: number;
  /** Size of the plan's arena of activations and scratch. */
  readonly arenaBytes: number;
  /** Time of the compilation, including the choice of kernels by timing. */
  readonly compileMilliseconds: number;
  /** Largest resident memory of this process so far. */
  readonly peakRssBytes: number;
}

/** Report of `saturnn bench`. */
export interface BenchReport {
  readonly environment: Readonly<Record<string, unknown>>;
  readonly command: 'bench';
  readonly device: Readonly<Record<string, unknown>>;
  /** Whether tiny sizes were used, with which the figures mean nothing. */
  readonly smoke: boolean;
  readonly ceilings: Readonly<Partial<Record<Precision, Ceilings>>>;
  readonly kernels: readonly KernelRow[];
  readonly convolutions: readonly ConvolutionRow[];
  readonly steps: readonly StepRow[];
  /** Measurements that did not run, each with the reason: the backend has no kernel, or there was no time left. */
  readonly notRun: readonly string[];
  /** Measurements that failed, each with the message of the error. */
  readonly failed: readonly string[];
}

/** A figure in two reports; larger is better. */
export interface ComparedRow {
  /** The measurement, in words. */
  readonly key: string;
  readonly was: number;
  readonly is: number;
  /** is / was: above 1 means faster than before. */
  readonly ratio: number;
  /** Relative difference up to which the verdict is "same": the spreads of both measurements added up. */
  readonly noise: number;
  readonly verdict: 'same' | 'faster' | 'SLOWER';
}

/**
 * Figures of a report by name; larger is better. Kernels count relative to the copy beside them, convolutions relative to the
 * matrix product, and steps in images per second.
 */
function figures(report: BenchReport): Map<string, { value: number; spread: number }> {
  const found = new Map<string, { value: number; spread: number }>();
  for (const row of report.kernels) {
    found.set(`kernel ${row.name}, ${row.precision}`, { value: row.ofCopy, spread: spreadOf(row.samples) });
  }
  const kind = ({ model, width, activation, precision, batch }: StepKind) =>
    `${model} x${width}, ${activation}, ${precision}, batch ${batch}`;
  for (const row of report.convolutions) {
    found.set(`${row.op} ${row.layer}: ${kind(row)}`, { value: row.ofProduct, spread: leastNoise });
  }
  for (const row of report.steps) {
    found.set(`step: ${kind(row)}`, { value: row.imagesPerSecond, spread: spreadOf(row.samples) });
  }
  return found;
}

/** Least relative noise: hosts drift by this much between two runs, even if the spread within each is smaller. */
const leastNoise = 0.03;

/** Relative spread of samples: three median absolute deviations divided by the median, at least `leastNoise`. */
function spreadOf(samples: readonly number[]): number {
  const middle = median(samples);
  const deviation = median(samples.map((sample) => Math.abs(sample - middle)));
  return Math.max(leastNoise, (3 * deviation) / middle);
}

/** Compares every figure that both reports have. Those that became slowest come first. */
export function compareReports(is: BenchReport, was: BenchReport): ComparedRow[] {
  const before = figures(was);
  const rows = [...figures(is)].flatMap(([key, now]): ComparedRow[] => {
    const old = before.get(key);
    if (!old) return [];
    const ratio = now.value / old.value;
    const noise = now.spread + old.spread;
    const verdict = ratio < 1 - noise ? 'SLOWER' : ratio > 1 + noise ? 'faster' : 'same';
    return [{ key, was: old.value, is: now.value, ratio, noise, verdict }];
  });
  return rows.sort((a, b) => a.ratio - b.ratio);
}
