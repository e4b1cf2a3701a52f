/** What a benchmark says, as JSON; and how one report compares with another. */
import type { Precision } from '../runtime/device';
import type { Ceilings } from './ceilings';
import type { Floors } from './floors';
import { median } from './median';

export interface KernelRow {
  readonly name: string;
  readonly precision: Precision;
  readonly bytes: number;
  /** Median. */
  readonly milliseconds: number;
  readonly samples: readonly number[];
  readonly gigabytesPerSecond: number;
  /** Of the copy that was measured beside it; and this kernel's part of it, median over rounds. */
  readonly copyGigabytesPerSecond: number;
  readonly ofCopy: number;
  readonly target: number | null;
  readonly implementation: string;
}

interface StepKind {
  readonly model: string;
  readonly width: number;
  readonly activation: string;
  readonly batch: number;
  readonly precision: Precision;
}

export interface ConvolutionRow extends StepKind {
  readonly layer: string;
  readonly op: string;
  readonly shape: string;
  /** Median. */
  readonly milliseconds: number;
  readonly gigaflopsPerSecond: number;
  /** Of the matrix product's rate; and of the nearer ceiling, arithmetic or memory. */
  readonly ofProduct: number;
  readonly ofRoofline: number;
  readonly implementation: string;
}

export interface StepRow extends StepKind {
  /** Whether kernels were chosen by timing, where there is a choice. */
  readonly autotune: boolean;
  /** In one call. */
  readonly steps: number;
  /** Of one step, median over calls. */
  readonly milliseconds: number;
  readonly samples: readonly number[];
  readonly imagesPerSecond: number;
  readonly gigaflopsPerSecond: number;
  readonly floors: Floors;
  /** The roofline floor as a part of what was measured: 1 is as fast as can be. */
  readonly ofRoofline: number;
  readonly kernels: number;
  readonly arenaBytes: number;
  /** Choices by timing included. */
  readonly compileMilliseconds: number;
  /** Of this process, up to here. */
  readonly peakRssBytes: number;
}

export interface BenchReport {
  readonly environment: Readonly<Record<string, unknown>>;
  readonly command: 'bench';
  readonly device: Readonly<Record<string, unknown>>;
  /** Tiny sizes: no figure means anything. */
  readonly smoke: boolean;
  readonly ceilings: Readonly<Partial<Record<Precision, Ceilings>>>;
  readonly kernels: readonly KernelRow[];
  readonly convolutions: readonly ConvolutionRow[];
  readonly steps: readonly StepRow[];
  /** What was asked for and did not run: the backend has no kernel, or there was no time. */
  readonly notRun: readonly string[];
  /** What went wrong, with the error. */
  readonly failed: readonly string[];
}

export interface ComparedRow {
  readonly key: string;
  readonly was: number;
  readonly is: number;
  /** Above 1: faster than before. */
  readonly ratio: number;
  /** Differences below this part are noise, by the spread of both measurements. */
  readonly noise: number;
  readonly verdict: 'same' | 'faster' | 'SLOWER';
}

/** What one report measures, by name: more is better. Kernels and convolutions in parts of what was measured beside them. */
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

/** Hosts drift by this much between two runs, whatever the spread within each says. */
const leastNoise = 0.03;

/** Half of the samples lie within this part around the median. */
function spreadOf(samples: readonly number[]): number {
  const middle = median(samples);
  const deviation = median(samples.map((sample) => Math.abs(sample - middle)));
  return Math.max(leastNoise, (3 * deviation) / middle);
}

/** Every figure that both reports have, the worst first. */
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
