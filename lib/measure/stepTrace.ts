/** Where the time of a step goes, kernel by kernel, and how near each kernel comes to what the machine can do. */
import type { PlanKernel } from '../compile/planKernels';
import type { Ceilings } from './ceilings';
import { median } from './median';
import type { PreparedStep } from './preparedStep';

export interface KernelTime extends PlanKernel {
  /** Median over the traced steps. */
  readonly milliseconds: number;
}

export interface StepTrace {
  readonly kernels: readonly KernelTime[];
  /** The sum over kernels; and a whole step in one call, which waits for the device only once. */
  readonly kernelMilliseconds: number;
  readonly stepMilliseconds: number;
}

/** A step is taken whole and traced in turn, so that a host that grows slower does it to both. */
export async function traceStep(
  step: PreparedStep,
  { steps, warmup }: { steps: number; warmup: number },
): Promise<StepTrace> {
  await step.time(warmup);
  const whole: number[] = [];
  const traces: number[][] = [];
  for (let round = 0; round < steps; round++) {
    whole.push(...(await step.time(1)));
    traces.push((await step.trace()).map(({ milliseconds }) => milliseconds));
  }
  const kernels = step.plan.kernels.map((kernel, index) => ({
    ...kernel,
    milliseconds: median(traces.map((times) => times[index] ?? Number.NaN)),
  }));
  const kernelMilliseconds = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return { kernels, kernelMilliseconds, stepMilliseconds: median(whole) };
}

export const groupings = ['op', 'layer', 'kernel'] as const;
export type Grouping = (typeof groupings)[number];

/** Kernels of one op, of one layer, or a single kernel. */
export interface TraceRow {
  readonly op: string;
  readonly layer: string;
  readonly implementation: string;
  readonly shape: string;
  readonly kernels: number;
  readonly milliseconds: number;
  /** Part of the kernels' sum. */
  readonly share: number;
  /** Of the kernels that compute; null if there are none. */
  readonly gigaflopsPerSecond: number | null;
  /** The least bytes that must move, in the same time. */
  readonly gigabytesPerSecond: number;
  /** Nearness to the ceiling that is nearer: arithmetic or memory. */
  readonly ofCeiling: number;
}

/** The slowest first. */
export function groupKernels({ kernels, kernelMilliseconds }: StepTrace, by: Grouping, ceilings: Ceilings): TraceRow[] {
  const groups = new Map<string, KernelTime[]>();
  kernels.forEach((kernel, index) => {
    const key = by === 'kernel' ? String(index) : by === 'op' ? kernel.op : kernel.name;
    groups.set(key, [...(groups.get(key) ?? []), kernel]);
  });
  const rows = [...groups.values()].map((group) => rowOf(group, kernelMilliseconds, ceilings));
  return rows.sort((a, b) => b.milliseconds - a.milliseconds);
}

function rowOf(group: readonly KernelTime[], all: number, ceilings: Ceilings): TraceRow {
  const sum = (value: (kernel: KernelTime) => number) => group.reduce((total, kernel) => total + value(kernel), 0);
  const common = (values: readonly string[]) => {
    const different = new Set(values);
    return different.size === 1 ? [...different].join() : `${different.size} different`;
  };
  const milliseconds = sum((kernel) => kernel.milliseconds);
  const flops = sum((kernel) => kernel.flops);
  // What no time was measured for has no speed.
  const perSecond = (amount: number) => (milliseconds > 0 ? amount / milliseconds / 1e6 : 0);
  const gigabytesPerSecond = perSecond(sum((kernel) => kernel.bytes));
  return {
    op: common(group.map((kernel) => kernel.op)),
    layer: common(group.map((kernel) => kernel.name)),
    implementation: common(group.map((kernel) => kernel.implementation)),
    shape: common(group.map(shapeOf)),
    kernels: group.length,
    milliseconds,
    share: milliseconds / all,
    gigaflopsPerSecond: flops > 0 ? perSecond(flops) : null,
    gigabytesPerSecond,
    ofCeiling: Math.max(
      perSecond(flops) / ceilings.gigaflopsPerSecond,
      gigabytesPerSecond / ceilings.gigabytesPerSecond,
    ),
  };
}

/** "16x28x28x64 64x3x3x64 > 16x28x28x64": the first two inputs, the first output. */
export function shapeOf({ inputs, outputs }: PlanKernel): string {
  const shapes = (operands: PlanKernel['inputs']) =>
    operands.flatMap((operand) => (operand ? [operand.shape.join('x')] : []));
  return [...shapes(inputs).slice(0, 2), '>', ...shapes(outputs).slice(0, 1)].join(' ').replace(/ >$/, '');
}
