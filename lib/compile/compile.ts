import { markCopy } from '../copies';
import { invalid, typed } from '../errors';
import { flag, integer, optional, signal } from '../options/field';
import { type Fields, Options } from '../options/options';
import { type Cancellable, cancellable } from '../runtime/cancellation';
import { type Device, deviceField, deviceOf, type Precision, precisionField, Resident } from '../runtime/device';
import { bytesPerElement, copyOf, dtypeOf, type GivenArray, ofThisRealm, typedArrayOf } from '../runtime/dtypes';
import { Landed } from '../runtime/landings';
import type { NativePlan, PlanOptions, RunInput, TypedArray } from '../runtime/native';
import { precisionTable, storesHalves } from '../runtime/precisions';
import type { Tensor } from '../tensor/tensor';
import { Graph } from './graph';
import { type Lowered, lower } from './lower';
import { defaultPasses, optimize, type Pass, passesField, passesWithHalfWeights } from './optimize';
import { halveImages } from './passes/halveImages';
import { describeKernels, type PlanKernel } from './planKernels';

/** Options of compile(). */
export interface CompileOptions {
  /** A device, or its name for openDevice(); default "auto". */
  device?: Device | string;
  /** The passes, in order; default: all. [] gives the plain plan, with one kernel for each node of the graph. */
  passes?: readonly Pass[];
  /** The arithmetic; default f32. A device has only some of them (Device.precisions). */
  precision?: Precision;
  /** Whether to use only kernels that give the same bits in every run; default true. False may be faster on a GPU. */
  deterministic?: boolean;
  /**
   * Whether to time the candidates for each convolution on a GPU and use the fastest; default true. This takes seconds at the
   * first compile; the choice is then kept in the user's cache. The CPU backend has no candidates.
   */
  autotune?: boolean;
  /**
   * Whether to run all steps but the first as one CUDA graph on a GPU; default true. False launches kernel by kernel, with the
   * same results. Ignored with `poison`.
   */
  replay?: boolean;
  /**
   * Whether to fill every buffer with NaN before it is written, so that a kernel that leaves elements out shows. Default: true
   * if the environment variable SATURNN_POISON is "1".
   */
  poison?: boolean;
}

/** Schema of the options of compile(). */
export const compileFields: Fields<CompileOptions> = {
  device: optional(deviceField),
  passes: optional(passesField),
  precision: optional(precisionField),
  deterministic: optional(flag),
  autotune: optional(flag),
  replay: optional(flag),
  poison: optional(flag),
};
/** Options of Plan.run(). */
export interface PlanRunOptions extends Cancellable {
  /** Number of steps, 1 to 1,000,000; default 1. The outputs of several steps take at most 1 GiB together. */
  steps?: number;
}

/** Most steps of one run. @internal */
export const mostSteps = 1_000_000;

/** Options of Plan.trace(). */
export interface TraceOptions extends Cancellable {
  /** Whether to count the elements that are infinite or NaN; default false. */
  nonFinite?: boolean;
  /** Whether to run the kernels that write parameters, optimizer and counter, as a training step does; default false. */
  updates?: boolean;
}

const compileOptions = new Options('compile()', compileFields);
const runOptions = new Options<PlanRunOptions>('Plan.run()', {
  steps: optional(integer(1, mostSteps)),
  signal: optional(signal),
});
const traceOptions = new Options<TraceOptions>('Plan.trace()', {
  nonFinite: optional(flag),
  updates: optional(flag),
  signal: optional(signal),
});

/** A kernel of a plan, with the measurements of one step. */
export interface TracedKernel extends PlanKernel {
  /** Time on the device; 0 for a kernel that did not run. */
  readonly milliseconds: number;
  /**
   * Number of elements that are infinite or NaN, for each output and each input. An input that another kernel has made counts
   * 0 here: it is an output there. Present only with option `nonFinite`.
   */
  readonly nonFinite?: { readonly inputs: readonly number[]; readonly outputs: readonly number[] };
}

/**
 * Values of a run's inputs by name: a typed array of the input's dtype (Float32Array for f32, Int32Array for i32, Uint8Array for
 * u8; see GivenArray for others), with the elements of one step or of all steps one after the other; or a Resident, data that is
 * on the device already. Arrays are copied at the call.
 */
export type RunInputs = Readonly<Record<string, GivenArray | Resident>>;

/** The results of Plan.run(). */
export interface StepResults {
  /**
   * Number of steps that ended with their gate open, that is, with the value 0 in the tensor `gate` of Graph.from(); all steps if
   * the graph has none. Steps that loss scaling skipped count too.
   */
  readonly steps: number;
  /**
   * False if the gate closed in the step after these, which wrote nothing and ended the run. An optimizer's gate closes if loss or
   * gradient are not finite.
   */
  readonly finite: boolean;
  /** Values of each output by name, all steps one after the other. A step whose gate closed is included, as the last. */
  readonly outputs: Readonly<Record<string, TypedArray>>;
}

/**
 * A graph, compiled for a device and bound to the State of its parameters. Runs are queued on the device's thread; the main
 * thread does not block.
 */
export class Plan {
  /** The kernels in execution order. */
  readonly kernels: readonly PlanKernel[];
  /** Bytes of the arena that activations, their gradients and scratch share. */
  readonly arenaBytes: number;

  /** Called by compile(). @internal */
  constructor(
    /** The device that the plan runs on. */
    readonly device: Device,
    /** The native plan. @internal */
    readonly native: NativePlan,
    private readonly lowered: Lowered,
  ) {
    this.arenaBytes = native.arenaBytes;
    this.kernels = describeKernels(native.kernels, lowered);
  }

  /**
   * Runs steps in one native call, and stops after one whose gate is closed (not 0).
   * @param inputs values by name, one for each input() of the graph. An array with as many elements as the tensor is the same in
   * every step; one with `steps` times as many holds the values of each step
   * @param options `steps`: number of steps, default 1; `signal`: ends the run early, after a whole step
   * @throws ERR_INVALID_ARGUMENT for an input that is missing, unknown, or of the wrong dtype or size, or for steps whose outputs
   * are too large; ERR_DISPOSED; ERR_OUT_OF_MEMORY; the signal's reason if it is aborted
   */
  async run(inputs: RunInputs = {}, options: PlanRunOptions = {}): Promise<StepResults> {
    const { steps = 1, signal } = runOptions.check(options);
    const bound = this.#bind(inputs, steps);
    const result = await cancellable(signal, (cancellation) => this.native.run(bound, steps, cancellation));
    const names = this.lowered.description.outputs.map(({ name }) => name);
    const outputs = Object.fromEntries(names.map((name, index) => [name, ofThisRealm(result.outputs[index]!)]));
    return { steps: result.steps, finite: result.steps === steps, outputs };
  }

  /**
   * Runs one step kernel by kernel and returns the time of each. Kernels that write parameters, optimizer or counter run only
   * with `updates`, and then only if the gate is open (0). Gradients are always computed, into the State's gradient arena.
   * @param inputs as for run(), for one step
   * @param options whether to count values that are not finite, and whether to write state; default: neither; `signal`: ends the
   * trace before a kernel that does not write state
   * @throws as run()
   */
  async trace(inputs: RunInputs = {}, options: TraceOptions = {}): Promise<TracedKernel[]> {
    const { nonFinite = false, updates = false, signal } = traceOptions.check(options);
    const bound = this.#bind(inputs, 1);
    const trace = await cancellable(signal, (cancellation) =>
      this.native.trace(bound, nonFinite, updates, cancellation),
    );
    return this.kernels.map((kernel, index) => {
      const counts = trace.nonFinite[index];
      return { ...kernel, milliseconds: trace.milliseconds[index] ?? 0, ...(counts && { nonFinite: counts }) };
    });
  }

  /** Frees the plan's memory once the runs that are queued have ended. Later runs reject with ERR_DISPOSED. */
  dispose(): void {
    this.native.dispose();
  }

  /** Calls dispose(), for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #bind(inputs: RunInputs, steps: number): RunInput[] {
    const known = this.lowered.description.inputs.map(({ name }) => name);
    if (typeof inputs !== 'object' || inputs === null || Array.isArray(inputs))
      throw invalid('inputs', 'an object of arrays by name', inputs);
    for (const name of Object.keys(inputs)) {
      if (!known.includes(name)) throw invalid('inputs', `the names ${known.join(', ') || '(none)'}`, name);
    }
    return this.lowered.inputs.map((tensor, index) => {
      const name = known[index] as string;
      const value = inputs[name];
      if (value === undefined) throw invalid(`input "${name}"`, `${tensor.dtype} [${tensor.shape}]`, value);
      if (value instanceof Landed) return bindLanded(name, tensor, value, steps);
      return value instanceof Resident ? bindResident(name, tensor, value) : bindArray(name, tensor, value, steps);
    });
  }
}

markCopy(Plan);

function bindResident(name: string, tensor: Tensor, value: Resident): RunInput {
  const bytes = tensor.size * bytesPerElement(tensor.dtype);
  if (value.dtype !== tensor.dtype) throw invalid(`input "${name}"`, `dtype ${tensor.dtype}`, value.dtype);
  if (value.byteLength !== bytes) throw invalid(`input "${name}"`, `${bytes} resident bytes`, value.byteLength);
  return { data: value.native, perStep: false };
}

function bindLanded(name: string, tensor: Tensor, value: Landed, steps: number): RunInput {
  const { byteLength, byteOffset } = value;
  const perStep = byteLength !== tensor.size;
  if (perStep && byteLength !== tensor.size * steps)
    throw invalid(`input "${name}"`, `${tensor.size * steps} bytes`, byteLength);
  return { data: value.native, perStep, byteOffset };
}

function bindArray(name: string, tensor: Tensor, given: GivenArray, steps: number): RunInput {
  const value = typedArrayOf(given, `input "${name}"`);
  const dtype = dtypeOf(value);
  if (dtype !== tensor.dtype) throw invalid(`input "${name}"`, `dtype ${tensor.dtype}`, dtype);
  const perStep = value.length !== tensor.size;
  if (perStep && value.length !== tensor.size * steps) {
    const expected = steps > 1 ? `${tensor.size} or ${tensor.size * steps} elements` : `${tensor.size} elements`;
    throw invalid(`input "${name}"`, `${expected} for shape [${tensor.shape}]`, value.length);
  }
  return { data: value, perStep };
}

/** Returns a copy of the values of a run, for a run that begins later: the caller may change them meanwhile. */
export function copyOfInputs(inputs: RunInputs): RunInputs {
  const copied = Object.entries(inputs).map(([name, value]) => {
    const isArray = ArrayBuffer.isView(value);
    return [name, isArray ? copyOf(value, `input "${name}"`) : value] as const;
  });
  return Object.fromEntries(copied);
}

/**
 * Applies the passes to a graph, compiles it for a device, and binds it to the State of its parameters.
 * @throws ERR_INVALID_ARGUMENT for bad options; ERR_GRAPH for a graph that no plan can run, such as one with the parameters
 * of two States; ERR_STATE if its State is on another device; ERR_UNSUPPORTED if the device lacks a kernel or the precision;
 * ERR_OUT_OF_MEMORY, on a GPU ERR_CUDA_OOM, with the bytes that the plan needs and those that are free
 */
export async function compile(graph: Graph, options: CompileOptions = {}): Promise<Plan> {
  if (!(graph instanceof Graph)) throw invalid('graph', 'a Graph', graph);
  const checked = compileOptions.check(options);
  const { poison = process.env.SATURNN_POISON === '1' } = checked;
  const device = deviceOf(checked.device);
  return compileLowered(lowerFor(device, graph, { ...checked, poison }), device);
}

/** The first half of compile(), without native code: applies the passes and describes the plan. @throws as compile() */
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

/**
 * The second half of compile(): makes the native plan. Callers that need the description call both halves.
 * @throws as compile()
 */
export async function compileLowered(lowered: Lowered, device: Device): Promise<Plan> {
  const state = lowered.state ? await lowered.state.on(device) : null;
  return new Plan(device, await typed(device.native.compile(lowered.description, state)), lowered);
}
