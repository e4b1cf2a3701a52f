/**
 * Bandwidth of the kernels that are bound by memory, each against a copy that is measured in the same plan, in turn. The
 * bytes are the least that must move; targets are parts of the copy's bandwidth.
 */
import { compile } from '../lib/compile';
import type { Device } from '../lib/device';
import { Graph } from '../lib/graph/graph';
import {
  type Activation,
  activate,
  elu,
  encodeActivation,
  leakyTanh,
  relu,
  scaledSigmoid,
} from '../lib/ops/activation';
import { activationGradient } from '../lib/ops/activationGradient';
import { addOp } from '../lib/ops/add';
import { averagePool } from '../lib/ops/averagePool';
import { averagePoolGradient } from '../lib/ops/averagePoolGradient';
import { copy } from '../lib/ops/copy';
import { maxPool } from '../lib/ops/maxPool';
import { maxPoolGradient } from '../lib/ops/maxPoolGradient';
import { randomizedRelu } from '../lib/ops/randomizedRelu';
import { randomizedReluGradient } from '../lib/ops/randomizedReluGradient';
import { sgdUpdate } from '../lib/ops/sgd';
import { State } from '../lib/state';
import { apply, constant, input, Parameter, sizeOf, type Tensor } from '../lib/tensor';
import { type Measurement, type MeasureOptions, median, sampled, table } from './harness';

interface Kernel {
  readonly name: string;
  /** The op that is timed; the plan's other kernels are not. */
  readonly op: string;
  /** Bytes that it must move for one element of the image. */
  readonly bytesPerElement: number;
  /** Part of the copy's bandwidth that is wanted. */
  readonly target: number;
  /** Tensors that need the kernel. It bears the name `timed`. */
  readonly build: (x: Tensor, other: Tensor) => readonly Tensor[];
}

export interface KernelResult {
  readonly name: string;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly gigabytesPerSecond: number;
  /** Of the copy that was measured beside it. */
  readonly copyGigabytesPerSecond: number;
  /** Bandwidth as a part of the copy's. */
  readonly ofCopy: number;
  readonly target: number;
  readonly implementation: string;
}

export interface KernelReport {
  readonly shape: readonly number[];
  readonly results: readonly KernelResult[];
  /** Kernels that the backend lacks, by name. */
  readonly notRun: readonly string[];
}

const timed = 'timed';
const baseline = 'copy';
const window = { kernel: 3, stride: 1, padding: 1, name: timed } as const;

const activationKernel = (activation: Activation): Kernel => ({
  name: `${activation.kind} + bias`,
  op: 'activation',
  bytesPerElement: 8,
  target: 0.92,
  build: (x) => [activate(x, activation, { bias: channelsOf(x), name: timed })],
});

const gradientKernel = (activation: Activation): Kernel => ({
  name: `${activation.kind} backward + bias gradient`,
  op: 'activationGradient',
  bytesPerElement: 12,
  target: 0.88,
  build: (dy, y) => Object.values(activationGradient(dy, y, encodeActivation(activation), { name: timed })),
});

const kernels: readonly Kernel[] = [
  activationKernel(leakyTanh()),
  activationKernel(scaledSigmoid()),
  activationKernel(relu()),
  activationKernel(elu()),
  gradientKernel(leakyTanh()),
  gradientKernel(scaledSigmoid()),
  gradientKernel(elu()),
  {
    name: 'rrelu in training + bias',
    op: 'randomizedRelu',
    bytesPerElement: 8,
    target: 0.5, // ten rounds of Philox for every four elements
    build: (x) => [randomizedRelu(x, { ...slopes(), bias: channelsOf(x), name: timed })],
  },
  {
    name: 'rrelu backward + bias gradient',
    op: 'randomizedReluGradient',
    bytesPerElement: 12,
    target: 0.6,
    build: (dy, y) => {
      const { attributes } = randomizedRelu(y, { ...slopes(), name: timed }).node;
      return Object.values(randomizedReluGradient(dy, y, slopes().counter, attributes, { name: timed }));
    },
  },
  {
    name: 'max pool 3x3 with indices',
    op: 'maxPool',
    bytesPerElement: 9,
    target: 0.75,
    build: (x) => maxPool(x, window).node.outputs,
  },
  {
    name: 'max pool 3x3 backward',
    op: 'maxPoolGradient',
    bytesPerElement: 9,
    target: 0.75,
    build: (x, dy) => {
      const { attributes, outputs } = maxPool(x, { ...window, name: 'indices' }).node;
      return [maxPoolGradient(dy, outputs[1] as Tensor, x.shape, attributes, timed)];
    },
  },
  {
    name: 'average pool 3x3',
    op: 'averagePool',
    bytesPerElement: 8,
    target: 0.75,
    build: (x) => [averagePool(x, window)],
  },
  {
    name: 'average pool 3x3 backward',
    op: 'averagePoolGradient',
    bytesPerElement: 8,
    target: 0.75,
    build: (x) => [averagePoolGradient(x, x.shape, averagePool(x, window).node.attributes, timed)],
  },
  {
    name: 'add of 2',
    op: 'add',
    bytesPerElement: 12,
    target: 0.88,
    build: (x, other) => apply(addOp, [x, other], {}, timed),
  },
];

const slopes = () => ({ counter: constant(Int32Array.of(1, 2)), lower: 1 / 8, upper: 1 / 3 });

function channelsOf(x: Tensor): Tensor {
  const channels = x.shape.at(-1) ?? 1;
  return constant(Float32Array.from({ length: channels }, (_, c) => c / channels));
}

/** Larger than the caches: 38 MB on a CPU (a tensor of the network at batch 128), 282 MB on a GPU. */
const shapeOn = (device: Device): readonly number[] =>
  device.backend === 'cpu' ? [32, 28, 28, 384] : [128, 56, 56, 176];

const parametersOn = (device: Device): number => (device.backend === 'cpu' ? 10_000_000 : 64_000_000);

/** All kernels that the device's backend has. */
export async function measureKernels(device: Device, options: MeasureOptions = {}): Promise<KernelReport> {
  const shape = shapeOn(device);
  const values = device.upload(pattern(sizeOf(shape), 2));
  const others = device.upload(pattern(sizeOf(shape), 0.9));
  const results: KernelResult[] = [];
  const notRun: string[] = [];
  for (const kernel of kernels) {
    const x = input('x', shape);
    const other = input('other', shape);
    const outputs = [copy(x, { name: baseline }), ...kernel.build(x, other)];
    const graph = Graph.from({ outputs: Object.fromEntries(outputs.map((tensor, i) => [String(i), tensor])) });
    if (graph.nodes.some(({ op }) => op.name !== 'source' && !(op.name in device.ops))) {
      notRun.push(kernel.name);
      continue;
    }
    const plan = await compile(graph, { device, passes: [] });
    const read = new Set(graph.nodes.map(({ name }) => name));
    const inputs = { x: values, ...(read.has('other') && { other: others }) };
    const times = await sampled(async () => {
      const trace = await plan.trace(inputs);
      const time = (op: string, name: string) =>
        trace.find((it) => it.op === op && it.name === name)?.milliseconds ?? Number.NaN;
      return { [baseline]: time('copy', baseline), [kernel.name]: time(kernel.op, timed) };
    }, options);
    const implementation =
      plan.kernels.find(({ op, name }) => op === kernel.op && name === timed)?.implementation ?? '';
    results.push(result(kernel, times, sizeOf(shape), implementation));
    plan.dispose();
  }
  values.dispose();
  others.dispose();
  if ('sgd' in device.ops) results.push(await measureSgd(device, results, options));
  else notRun.push('SGD');
  return { shape, results, notRun };
}

/** The copy reads and writes four bytes per element. */
const copiedBytes = 8;

function result(kernel: Kernel, times: readonly Measurement[], size: number, implementation: string): KernelResult {
  const { name, bytesPerElement, target } = kernel;
  const [copied, own] = times as [Measurement, Measurement];
  const bytes = bytesPerElement * size;
  return {
    name,
    bytes,
    milliseconds: own.median,
    gigabytesPerSecond: bytes / own.median / 1e6,
    copyGigabytesPerSecond: (copiedBytes * size) / copied.median / 1e6,
    ofCopy: (own.ratio * bytesPerElement) / copiedBytes,
    target,
    implementation,
  };
}

/** Writes state, so it is never traced: the time of many steps less that of one, in one call each. */
async function measureSgd(
  device: Device,
  others: readonly KernelResult[],
  { rounds = 9 }: MeasureOptions,
): Promise<KernelResult> {
  const size = parametersOn(device);
  const parameter = new Parameter({
    name: 'all',
    shape: [size],
    decay: true,
    initialize: () => new Float32Array(size),
  });
  const state = new State([parameter]);
  const step = sgdUpdate(
    {
      gate: constant(Int32Array.of(0)),
      parameters: state.vector('parameters'),
      momentum: state.vector('optimizer'),
      gradient: state.vector('gradients'),
      learningRate: constant([0.01]),
    },
    { momentum: 0.9, weightDecay: 1e-4, decayed: size },
  );
  const plan = await compile(Graph.from({ outputs: {}, updates: [step] }), { device });
  const time = async (steps: number) => {
    const start = performance.now();
    await plan.run({}, { steps });
    return performance.now() - start;
  };
  const steps = 10;
  const samples: number[] = [];
  for (let round = 0; round < rounds + 1; round++) {
    const one = await time(1);
    const many = await time(steps + 1);
    if (round > 0) samples.push((many - one) / steps);
  }
  const implementation = plan.kernels.find(({ op }) => op === 'sgd')?.implementation ?? '';
  plan.dispose();
  state.dispose();
  const milliseconds = median(samples);
  const bytes = 20 * size;
  const gigabytesPerSecond = bytes / milliseconds / 1e6;
  const copyGigabytesPerSecond = median(others.map((other) => other.copyGigabytesPerSecond));
  const ofCopy = gigabytesPerSecond / copyGigabytesPerSecond;
  return {
    name: 'SGD',
    bytes,
    milliseconds,
    gigabytesPerSecond,
    copyGigabytesPerSecond,
    ofCopy,
    target: 0.88,
    implementation,
  };
}

/** Numbers on both sides of 0, without drawing each of them. */
function pattern(size: number, scale: number): Float32Array {
  const period = Float32Array.from({ length: 4099 }, (_, i) => scale * Math.sin(i * 1.7));
  const values = new Float32Array(size);
  for (let begin = 0; begin < size; begin += period.length) {
    values.set(period.subarray(0, Math.min(period.length, size - begin)), begin);
  }
  return values;
}

export function printKernels(backend: string, { shape, results, notRun }: KernelReport): void {
  console.log(`\nkernels on [${shape}], f32; the copy's bandwidth was measured in the same runs`);
  const rows = results.map(({ name, milliseconds, gigabytesPerSecond, ofCopy, target }) => [
    name,
    Number(milliseconds.toFixed(3)),
    Math.round(gigabytesPerSecond),
    `${Math.round(100 * ofCopy)}%`,
    `${Math.round(100 * target)}%`,
  ]);
  console.log(table(['kernel', 'ms', 'GB/s', 'of copy', 'target'], rows));
  if (notRun.length > 0) console.log(`not run: ${backend} has no kernel for ${notRun.join(', ')}`);
}
