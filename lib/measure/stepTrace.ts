/** Measures where the time of a step goes, kernel by kernel, and compares each kernel with the ceilings of the machine. */
import type { PlanKernel } from '../compile/planKernels';
import type { Ceilings } from './ceilings';
import { median } from './median';
import type { PreparedStep } from './preparedStep';

/** A kernel and its time. */
export interface KernelTime extends PlanKernel {
  /** Median over the traced steps. */
  readonly milliseconds: number;
}

/** Times of a step. */
export interface StepTrace {
  readonly kernels: readonly KernelTime[];
  /** Sum of the times of the kernels. */
  readonly kernelMilliseconds: number;
  /** Median time of a whole step in one call, which waits for the device only once. */
  readonly stepMilliseconds: number;
}

/** Measures whole steps and traced steps in turn, so that a host that becomes slower affects both alike. */
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

/** Ways to group the kernels of a trace. */
export const groupings = ['op', 'layer', 'kernel'] as const;
export type Grouping = (typeof groupings)[number];

/** A row of a trace: the kernels of one op or one layer, or a single kernel. */
export interface TraceRow {
  readonly op: string;
  readonly layer: string;
  readonly implementation: string;
  readonly shape: string;
  /** Number of kernels in the row. */
  readonly kernels: number;
  readonly milliseconds: number;
  /** Part of the time of all kernels, 0 to 1. */
  readonly share: number;
  /** Operations divided by the time of the row; null if its kernels do not multiply. */
  readonly gigaflopsPerSecond: number | null;
  /** Bytes that must move, divided by the time. */
  readonly gigabytesPerSecond: number;
  /** Part of a ceiling that is reached: of the arithmetic or of the memory ceiling, whichever part is larger. */
  readonly ofCeiling: number;
}

/** Groups the kernels of a trace. The rows that take the most time come first. */
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
  // Without a measured time there is no rate.
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

/** Returns the shapes of the first two inputs and the first output: "16x28x28x64 64x3x3x64 > 16x28x28x64". */
export function shapeOf({ inputs, outputs }: PlanKernel): string {
  const shapes = (operands: PlanKernel['inputs']) =>
    operands.flatMap((operand) => (operand ? [operand.shape.join('x')] : []));
  return [...shapes(inputs).slice(0, 2), '>', ...shapes(outputs).slice(0, 1)].join(' ').replace(/ >$/, '');
}
