import { invalid, typed } from '../errors';
import { type Device, deviceOf, type Precision, Resident } from '../runtime/device';
import { bytesPerElement, dtypeOf } from '../runtime/dtypes';
import type { NativePlan, PlanOptions, RunInput, TypedArray } from '../runtime/native';
import { precisionTable, storesHalves } from '../runtime/precisions';
import type { Tensor } from '../tensor/tensor';
import { Graph } from './graph';
import { type Lowered, lower } from './lower';
import { defaultPasses, optimize, type Pass, passesWithHalfWeights } from './optimize';
import { halveImages } from './passes/halveImages';
import { describeKernels, type PlanKernel } from './planKernels';

export interface CompileOptions {
  /** A device, or its name for openDevice. Default "auto". */
  device?: Device | string;
  /** Default: all. [] gives the plain plan, kernel by kernel as the graph says. */
  passes?: readonly Pass[];
  /** Default f32. One that the device has no arithmetic for is refused: see Device.precisions. */
  precision?: Precision;
  /** Only kernels that give the same bits in every run. Default true. Without it some convolutions may be faster on a GPU. */
  deterministic?: boolean;
  /**
   * Time the candidates of each convolution and keep the fastest: seconds at the first compile on a GPU, then read from a
   * cache. Default true; the CPU backend has nothing to choose.
   */
  autotune?: boolean;
  /**
   * On a GPU, run all steps but the first as one CUDA graph. Default true; false launches kernel by kernel, with the same
   * results. Not with `poison`.
   */
  replay?: boolean;
  /** Fill buffers with NaN before kernels write them. Default: whether SATURNN_POISON is "1". */
  poison?: boolean;
}

export interface TraceOptions {
  /** Also count the elements that are infinite or NaN. */
  nonFinite?: boolean;
  /** Also run the kernels that write parameters, optimizer and counter, as a step of training does. Default false. */
  updates?: boolean;
}

export interface TracedKernel extends PlanKernel {
  /** 0 for a kernel that did not run. */
  readonly milliseconds: number;
  /**
   * How many elements of each output are infinite or NaN, and of each input that is given to the step (0 for one that
   * another kernel has made). Only if it was asked for.
   */
  readonly nonFinite?: { readonly inputs: readonly number[]; readonly outputs: readonly number[] };
}

export type RunInputs = Readonly<Record<string, TypedArray | Resident>>;

export interface StepResults {
  /** Steps whose writes took effect. */
  readonly steps: number;
  /** False: loss or gradient were not finite in the step after these; the State is as before that step. */
  readonly finite: boolean;
  /** By name: the values of all steps one after the other, the one that was not finite included. */
  readonly outputs: Readonly<Record<string, TypedArray>>;
}

/** A graph, compiled for a device and bound to a State. Runs are queued; the main thread never waits for them. */
export class Plan {
  readonly kernels: readonly PlanKernel[];
  /** Memory that activations and scratch share. */
  readonly arenaBytes: number;

  constructor(
    readonly device: Device,
    readonly native: NativePlan,
    private readonly lowered: Lowered,
  ) {
    this.arenaBytes = native.arenaBytes;
    this.kernels = describeKernels(native.kernels, lowered);
  }

  /**
   * Runs `steps` steps in one native call. An input with as many elements as its tensor is the same in every step; one with
   * `steps` times as many gives each step its own.
   * @throws ERR_INVALID_ARGUMENT for a missing, unknown or ill-sized input
   */
  async run(inputs: RunInputs = {}, { steps = 1 }: { steps?: number } = {}): Promise<StepResults> {
    if (!Number.isInteger(steps) || steps < 1) throw invalid('steps', 'a positive integer', steps);
    const result = await typed(this.native.run(this.#bind(inputs, steps), steps));
    const names = this.lowered.description.outputs.map(({ name }) => name);
    const outputs = Object.fromEntries(names.map((name, index) => [name, result.outputs[index] as TypedArray]));
    return { steps: result.steps, finite: result.steps === steps, outputs };
  }

  /**
   * One step, kernel by kernel, with the time of each. Kernels that write parameters, optimizer or counter run only if
   * `updates` says so, and then only if loss and gradient are finite.
   * Gradients are computed, into the State's gradient arena, which is scratch.
   */
  async trace(
    inputs: RunInputs = {},
    { nonFinite = false, updates = false }: TraceOptions = {},
  ): Promise<TracedKernel[]> {
    const trace = await typed(this.native.trace(this.#bind(inputs, 1), nonFinite, updates));
    return this.kernels.map((kernel, index) => {
      const counts = trace.nonFinite[index];
      return { ...kernel, milliseconds: trace.milliseconds[index] ?? 0, ...(counts && { nonFinite: counts }) };
    });
  }

  /** Frees the plan's memory after what is queued. */
  dispose(): void {
    this.native.dispose();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #bind(inputs: RunInputs, steps: number): RunInput[] {
    const known = this.lowered.description.inputs.map(({ name }) => name);
    for (const name of Object.keys(inputs)) {
      if (!known.includes(name)) throw invalid('inputs', `the names ${known.join(', ') || '(none)'}`, name);
    }
    return this.lowered.inputs.map((tensor, index) => {
      const name = known[index] as string;
      const value = inputs[name];
      if (value === undefined) throw invalid(`input "${name}"`, `${tensor.dtype} [${tensor.shape}]`, value);
      return value instanceof Resident ? bindResident(name, tensor, value) : bindArray(name, tensor, value, steps);
    });
  }
}

function bindResident(name: string, tensor: Tensor, value: Resident): RunInput {
  const bytes = tensor.size * bytesPerElement(tensor.dtype);
  if (value.dtype !== tensor.dtype) throw invalid(`input "${name}"`, `dtype ${tensor.dtype}`, value.dtype);
  if (value.byteLength !== bytes) throw invalid(`input "${name}"`, `${bytes} resident bytes`, value.byteLength);
  return { data: value.native, perStep: false };
}

function bindArray(name: string, tensor: Tensor, value: TypedArray, steps: number): RunInput {
  const dtype = dtypeOf(value, `input "${name}"`);
  if (dtype !== tensor.dtype) throw invalid(`input "${name}"`, `dtype ${tensor.dtype}`, dtype);
  const perStep = value.length !== tensor.size;
  if (perStep && value.length !== tensor.size * steps) {
    const expected = steps > 1 ? `${tensor.size} or ${tensor.size * steps} elements` : `${tensor.size} elements`;
    throw invalid(`input "${name}"`, `${expected} for shape [${tensor.shape}]`, value.length);
  }
  return { data: value, perStep };
}

/**
 * Optimises a graph, compiles it for a device, and binds it to the State of its parameters.
 * @throws ERR_INVALID_ARGUMENT; ERR_UNSUPPORTED if the device lacks a kernel or the precision; ERR_GRAPH; ERR_OUT_OF_MEMORY, on a
 * GPU ERR_CUDA_OOM, with what the plan needs and what is free
 */
export async function compile(graph: Graph, options: CompileOptions = {}): Promise<Plan> {
  if (!(graph instanceof Graph)) throw invalid('graph', 'a Graph', graph);
  const { poison = process.env.SATURNN_POISON === '1' } = options;
  const device = deviceOf(options.device);
  return compileLowered(lowerFor(device, graph, { ...options, poison }), device);
}

/** The first half of `compile`, which the native side takes no part in. */
export function lowerFor(device: Device, graph: Graph, options: Omit<CompileOptions, 'device'>): Lowered {
  const { precision = 'f32', replay = true, poison = false } = options;
  device.checkPrecision(precision);
  const { images } = precisionTable[precision];
  const halves = storesHalves(precision);
  const { passes = halves && device.takesHalfWeights ? passesWithHalfWeights(images) : defaultPasses } = options;
  const stored = halves ? halveImages(graph, images) : graph;
  return lower(optimize(stored, passes), { options: planOptions(options), replay, poison });
}

function planOptions({
  passes,
  precision = 'f32',
  deterministic = true,
  autotune = true,
}: CompileOptions): PlanOptions {
  return { allowTf32: precisionTable[precision].roundsProducts, deterministic, autotune, plain: passes?.length === 0 };
}

/** The second half of `compile`, for those who need the description itself. */
export async function compileLowered(lowered: Lowered, device: Device): Promise<Plan> {
  const state = lowered.state ? await lowered.state.on(device) : null;
  return new Plan(device, await typed(device.native.compile(lowered.description, state)), lowered);
}
