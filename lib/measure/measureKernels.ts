/**
 * Measures the bandwidth of kernels that memory limits, each beside a copy in the same plan. Before each of the two, so many
 * other data are copied that no cache holds the operands. Bandwidth counts only the bytes that must move.
 */

import { compile, type Plan } from '../compile/compile';
import { Graph } from '../compile/graph';
import { ops } from '../ops';
import { copy } from '../ops/data';
import type { Device, Precision } from '../runtime/device';
import { storesHalves } from '../runtime/precisions';
import { type Node, Tensor } from '../tensor/tensor';
import { type MeasureOptions, sampled } from './harness';
import { type BenchKernel, benchKernels } from './kernels';
import { Declared, Operands, sizesOn } from './operands';
import type { KernelRow } from './report';

/** Options of measureKernels(). */
export interface KernelOptions extends MeasureOptions {
  readonly precision: Precision;
  /** Uses tiny sizes, to see that everything runs; the times mean nothing. Default false. */
  readonly smoke?: boolean;
  /** Whether to measure the kernel of this name. Default: all are measured. */
  readonly only?: (name: string) => boolean;
  /** Time, as of performance.now(), after which no further kernel is started. Default: no limit. */
  readonly until?: number;
  readonly onProgress?: (name: string) => void;
}

/** Results of measureKernels(). */
export interface KernelReport {
  readonly rows: readonly KernelRow[];
  /** Kernels that were not measured, as "name (reason)": the backend lacks them, or there was no time left. */
  readonly notRun: readonly string[];
}

const baseline = 'copy';
/** Whether an op has kernels for half images. The others always compute in f32 and are measured with precision f32. */
const takesHalves = (name: string) => ops.some((op) => op.name === name && op.halfImages === true);
/** Whether an op has kernels for half images. The others always compute in f32 and are measured with precision f32. */

/** Measures all chosen kernels that the device's backend has. */
export async function measureKernels(device: Device, options: KernelOptions): Promise<KernelReport> {
  const { precision, smoke, only = () => true, until = Number.POSITIVE_INFINITY, onProgress } = options;
  const operands = new Operands(device, sizesOn(device, smoke));
  const chosen = benchKernels.filter(({ name, op }) => only(name) && (!storesHalves(precision) || takesHalves(op)));
  const rows: KernelRow[] = [];
  const notRun: string[] = [];
  try {
    for (const kernel of chosen) {
      if (performance.now() > until) {
        notRun.push(`${kernel.name} (no time left)`);
        continue;
      }
      onProgress?.(`${kernel.name}, ${precision}`);
      const row = await measureKernel(kernel, device, operands, options);
      if (row) rows.push(row);
      else notRun.push(`${kernel.name} (the backend has no kernel)`);
    }
  } finally {
    operands.dispose();
  }
  return { rows, notRun };
}

/** Measures one kernel. Returns null if the backend lacks it. */
async function measureKernel(
  kernel: BenchKernel,
  device: Device,
  operands: Operands,
  options: KernelOptions,
): Promise<KernelRow | null> {
  const { precision } = options;
  const declared = new Declared(operands.sizes, precision);
  try {
    const graph = graphOf(kernel, declared);
    if (graph.nodes.some(({ op }) => op.name !== 'source' && !(op.name in device.ops))) return null;
    const plan = await compile(graph, { device, precision, passes: [] });
    try {
      return await timeIn(plan, kernel, inputsOf(graph, declared, operands), options);
    } finally {
      plan.dispose();
    }
  } finally {
    declared.dispose();
  }
}

/** Builds the graph. It runs in this order: conversions to halves, a flush of the caches, the copy, a flush, the kernel. */
function graphOf(kernel: BenchKernel, declared: Declared): Graph {
  const { precision } = declared;
  const { x, flush } = declared;
  const first = storesHalves(precision) ? [copy(x, { name: 'half' }), copy(declared.other, { name: 'half' })] : [];
  const before = [
    ...first,
    copy(flush, { name: 'flush' }),
    copy(x, { name: baseline }),
    copy(flush, { name: 'flush' }),
  ];
  const built = kernel.build(declared);
  const [outputs, updates] = 'updates' in built ? [[], built.updates] : [built, [] as readonly Node[]];
  const all = [...before, ...outputs].filter((it) => it instanceof Tensor);
  return Graph.from({ outputs: Object.fromEntries(all.map((tensor, i) => [String(i), tensor])), updates });
}

function inputsOf(graph: Graph, { inputs }: Declared, operands: Operands) {
  const read = new Set(graph.nodes.map(({ name }) => name));
  const used = [...inputs].filter(([name]) => read.has(name));
  return Object.fromEntries(used.map(([name, tensor]) => [name, operands.of(name, tensor.size)]));
}

async function timeIn(
  plan: Plan,
  { name, op, target }: BenchKernel,
  inputs: ReturnType<typeof inputsOf>,
  options: KernelOptions,
): Promise<KernelRow> {
  const own = plan.kernels.findIndex((it) => it.op === op);
  const copied = plan.kernels.findIndex((it) => it.name === baseline);
  const [kernel, reference] = [plan.kernels[own], plan.kernels[copied]];
  if (!kernel || !reference) throw new Error(`The plan of "${name}" has no kernel of ${kernel ? 'the copy' : op}`);
  const times = await sampled(async () => {
    const trace = await plan.trace(inputs, { updates: true });
    const at = (index: number) => trace[index]?.milliseconds ?? Number.NaN;
    return { [baseline]: at(copied), [name]: at(own) };
  }, options);
  const [copyTime, ownTime] = times as [(typeof times)[0], (typeof times)[0]];
  return {
    name,
    precision: options.precision,
    bytes: kernel.bytes,
    milliseconds: ownTime.median,
    samples: ownTime.samples,
    gigabytesPerSecond: kernel.bytes / ownTime.median / 1e6,
    copyGigabytesPerSecond: reference.bytes / copyTime.median / 1e6,
    ofCopy: (ownTime.ratio * kernel.bytes) / reference.bytes,
    target,
    implementation: kernel.implementation,
  };
}
