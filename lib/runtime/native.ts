/**
 * The types of the native addon: all data that passes between JavaScript and C++. compile(), State and Device check their
 * arguments before they call it; the addon checks again what could crash the process.
 */

/** Types of elements outside of a plan: of inputs, outputs, constants and a State. Each has a typed array. */
export type ArrayDType = 'f32' | 'i32' | 'u8';
/** Types of elements. bf16 (the upper half of an f32) and f16 exist only inside a plan, for images and copies of weights. */
export type DType = ArrayDType | 'bf16' | 'f16';
/** Arrays that hold f32, i32 and u8. */
export type TypedArray = Float32Array | Int32Array | Uint8Array;
/**
 * A contiguous block of a State: the parameters, the optimizer's slots, the gradients, or the counter with the running
 * statistics.
 */
export type Arena = 'parameters' | 'optimizer' | 'gradients' | 'buffers';

/** A tensor of a plan. At most one of `arena`, `data` and `base` says where it lies; with none it has a buffer of its own. */
export interface TensorDescription {
  /** Type of the elements. */
  dtype: DType;
  /** 1 to 4 dimensions; an image is [batch, height, width, channels]. */
  shape: number[];
  /** Whether it is an image, which may get a blocked layout. Everything else is row-major. */
  image: boolean;
  /** The arena of a tensor that belongs to the State. */
  arena?: Arena;
  /** First byte within `arena`. */
  byteOffset?: number;
  /** The values of a constant, which are uploaded once, when the plan is compiled. */
  data?: TypedArray;
  /**
   * Index of the tensor that contains this one, as channels (images) or elements (everything else). It may have a base
   * itself.
   */
  base?: number;
  /** First channel (images) or first element (everything else) within `base`. */
  offset?: number;
}

/** A node of a plan, which one kernel computes. */
export interface NodeDescription {
  /** Name of the op. */
  op: string;
  /** Name of the layer, for messages and traces. */
  name: string;
  /** The op's attribute struct of native/shared/backend.h, little endian; empty if it has none. */
  attributes: Uint8Array;
  /** Indices of the tensors that it reads; -1: an optional input that is absent. */
  inputs: number[];
  /** Indices of the tensors that it makes; -1: an optional output that is absent. */
  outputs: number[];
  /** For each output i, the position of an input whose buffer it may share, and which no later node reads; -1: none. */
  inPlace: number[];
  /** Positions of the inputs that it overwrites, each a part of the State. A node has either outputs or writes, never both. */
  writes: number[];
}

/** An input or output of a plan. */
export interface InputDescription {
  /** Name, unique among the inputs or among the outputs. */
  name: string;
  /** Index of the tensor. */
  tensor: number;
}

/** Options that hold for all kernels of a plan (SnPlanOptions of native/shared/backend.h). */
export interface PlanOptions {
  /** Whether f32 convolutions may round their factors to tf32 (10 bits of mantissa), as tensor cores do. */
  allowTf32: boolean;
  /** Whether to use only kernels that give the same bits in every run. */
  deterministic: boolean;
  /** Whether candidates may be timed on the device while a kernel is made. */
  autotune: boolean;
  /** Whether to leave out kernels that fuse by compiling at run time (cuDNN's). */
  plain: boolean;
}

/** A graph in the form that the native side compiles. Tensors are referred to by their index in `tensors`. */
export interface PlanDescription {
  /** All tensors. */
  tensors: TensorDescription[];
  /** All nodes in execution order; those that write state come last. */
  nodes: NodeDescription[];
  /** The tensors whose values a run is given. */
  inputs: InputDescription[];
  /** The tensors whose values a run returns. */
  outputs: InputDescription[];
  /** Index of the gate, i32 [1]: a step in which it is not 0 writes nothing, and the run ends there. -1: none. */
  gate: number;
  /**
   * Index of a flag, i32 [1], that the nodes that write state read in place of the gate: a step in which it is not 0 is
   * skipped, and the run goes on. Once the gate is closed, replay closes this flag too. -1: none.
   */
  skip: number;
  /** Options of all kernels. */
  options: PlanOptions;
  /** Whether to replay steps as one captured graph, if the backend can. */
  replay: boolean;
  /** Whether to fill every buffer with 0xff (NaN) before it is written, so that a kernel that leaves elements out shows. */
  poison: boolean;
}

/** An input or output of a kernel. */
export interface OperandInfo {
  /** Type of the elements. */
  dtype: DType;
  /** Shape; of an image [batch, height, width, channels] in every layout. */
  shape: number[];
  /** Bytes of its elements; of a slice, without the rest of the wider image. */
  bytes: number;
  /** Whether it comes from outside of the step: an input, a constant, or a part of the State other than the gradients. */
  isGiven: boolean;
}

/** A kernel of a plan: that of a node, or a copy between layouts. */
export interface KernelInfo {
  /** Name of the op. */
  op: string;
  /** Name of the layer. */
  name: string;
  /** Name of the code that runs, e.g. "jit_wino_4x3:avx512_core". */
  implementation: string;
  /** Bytes of scratch memory that the kernel uses while it runs. */
  scratchBytes: number;
  /** Inputs; null: an optional tensor that is absent. */
  inputs: (OperandInfo | null)[];
  /** Outputs; null: an optional tensor that is absent. */
  outputs: (OperandInfo | null)[];
}

/** The measurements of one step, by kernel in the order of NativePlan.kernels. */
export interface TraceResult {
  /** Time of each kernel on the device; 0 for those that did not run. */
  milliseconds: Float64Array;
  /**
   * Number of elements that are infinite or NaN, for each input and output of each kernel; 0 for an input that another kernel has
   * made, because it is an output there. Empty unless asked for.
   */
  nonFinite: { inputs: number[]; outputs: number[] }[];
}

/** The values of an input. */
export interface RunInput {
  /** An array, or data that is on the device already, or on its way to it. */
  data: TypedArray | NativeBuffer | NativeLanding;
  /** First byte within a landing. Default 0. */
  byteOffset?: number;
  /** True: `data` holds the values of all steps, one after the other. False: every step gets the same. */
  perStep: boolean;
}

/** The results of a run. */
export interface RunResult {
  /** Number of steps that ended with their gate open: less than asked for only if the gate closed. */
  steps: number;
  /**
   * One array per output, in the plan's order, with all steps one after the other. A step whose gate closed is included, as the
   * last. An output that is a part of the State has the value that the step has read, before it wrote.
   */
  outputs: TypedArray[];
}

/** An array in device memory that stays from run to run: a resident data set. */
export interface NativeBuffer {
  /** Size in bytes. */
  readonly byteLength: number;
  /** Frees the memory once the runs that use it have ended. */
  dispose(): void;
}

/**
 * A place on the device for an array that is uploaded while an earlier run computes. A run that is given it waits for the upload on
 * the device, and copies the array from there, so what is uploaded must stay until that run has ended.
 */
export interface NativeLanding {
  /** Size in bytes. */
  readonly byteLength: number;
  /**
   * Uploads an array, on a thread of its own. When the promise is fulfilled, the landing may be given to a run, and the array may change;
   * until then, it must not be detached either. Rejects with ERR_BUSY while another upload to this landing is under way.
   */
  upload(data: TypedArray): Promise<void>;
  /** Frees the memory once the runs that use it have ended. */
  dispose(): void;
}

/** The four arenas of a State on a device. */
export interface NativeState {
  /** Returns a copy of a range of bytes, after the calls that are queued. */
  read(arena: Arena, byteOffset: number, byteLength: number): Promise<ArrayBuffer>;
  /** Replaces the bytes from `byteOffset` on, after the calls that are queued. */
  write(arena: Arena, byteOffset: number, data: TypedArray): Promise<void>;
  /** Frees the memory after the calls that are queued; later calls reject with ERR_DISPOSED. */
  dispose(): void;
}

/** Ends runs and traces that were given it; they reject with ERR_INTERRUPTED. No step is written by half. */
export interface NativeCancellation {
  /** Ends them before the next kernel, or after the step if it has begun to write. */
  cancel(): void;
}

/** A compiled plan on a device. */
export interface NativePlan {
  /** The kernels in execution order. */
  readonly kernels: KernelInfo[];
  /** Bytes of the arena that activations, their gradients and scratch share. Inputs have memory of their own. */
  readonly arenaBytes: number;
  /** Most steps of one run, 1 to 1,000,000: fewer than that if the outputs of all steps would be larger than 1 GiB. */
  readonly mostSteps: number;
  /**
   * Runs 1 to mostSteps steps. `inputs` are in the order of PlanDescription.inputs; typed arrays are copied before the call
   * returns.
   */
  run(inputs: RunInput[], steps: number, cancellation?: NativeCancellation | null): Promise<RunResult>;
  /**
   * Runs one step kernel by kernel; with `updates` also the kernels that write state, unless the gate closes. The times do not
   * include counting.
   */
  trace(
    inputs: RunInput[],
    countNonFinite: boolean,
    updates: boolean,
    cancellation?: NativeCancellation | null,
  ): Promise<TraceResult>;
  /** Frees the memory after the calls that are queued; later calls reject with ERR_DISPOSED. */
  dispose(): void;
}

/** Objects and bytes on a device at this moment; calls that are still queued are not counted. */
export interface DeviceMemory {
  /** Number of States. */
  states: number;
  /** Number of plans. */
  plans: number;
  /** Number of resident arrays (Device.upload()), and of the places through which streamed images are uploaded. */
  buffers: number;
  /** Bytes of the States: parameters, optimizer, gradients, buffers. */
  stateBytes: number;
  /** Bytes of the plans' arenas: activations, their gradients and scratch. */
  arenaBytes: number;
  /** Bytes of the plans' constants. */
  constantBytes: number;
  /** Bytes that the plans use for inputs given as typed arrays. */
  inputBytes: number;
  /** Bytes of these arrays and places: data sets. */
  bufferBytes: number;
  /** Bytes of the host's memory that uploads of streamed images are pinned in. They are not a part of `bytes`. */
  pinnedBytes: number;
  /** Sum of the bytes on the device. */
  bytes: number;
  /** Largest value of `bytes` since the device was opened. */
  peakBytes: number;
}

/** A row of native/ops.def, as a backend was built with it. */
export interface NativeOp {
  /** Name and type of each attribute, in the order of the native struct; each has four bytes. */
  readonly fields: readonly (readonly [name: string, type: 'i32' | 'f32'])[];
  /** Size of the attribute struct; 0 if `variableAttributes`. */
  readonly attributeBytes: number;
  /** Whether the attributes are one i32 for each input instead of a struct. */
  readonly variableAttributes: boolean;
  /** Least and most inputs, absent ones included; 2147483647: any number. */
  readonly inputs: readonly [least: number, most: number];
  /** Number of outputs, absent ones included. */
  readonly outputs: number;
}

/** An opened device. */
export interface NativeDevice {
  /** The backend's description, a JSON object. */
  readonly info: string;
  /** The backend's op table, by op name. */
  readonly ops: Record<string, NativeOp>;
  /** Memory in use now. */
  readonly memory: DeviceMemory;
  /** Copies an array into device memory. */
  upload(data: TypedArray): NativeBuffer;
  /** Whether it can upload while it computes: if not, createLanding() rejects with ERR_UNSUPPORTED. */
  readonly uploadsAhead: boolean;
  /** Makes a landing of these bytes. */
  createLanding(bytes: number): Promise<NativeLanding>;
  /** Makes a State with arenas of these bytes. */
  createState(bytes: Record<Arena, number>): NativeState;
  /** Compiles a plan and binds it to a State; null: it uses none. */
  compile(plan: PlanDescription, state: NativeState | null): Promise<NativePlan>;
  /** Ends the engine's thread after the calls that are queued; later calls reject with ERR_DISPOSED. */
  dispose(): void;
}

/** Options for opening or probing a device. */
export interface OpenOptions {
  /** Full path of libsaturnn_cpu.so or libsaturnn_cuda.so. */
  libraryPath: string;
  /** Number of the device within its backend: 1 for cuda:1. */
  index: number;
  /** Number of threads of the CPU backend; 0: OMP_NUM_THREADS, or one per core, or fewer if the system refuses some. */
  threads: number;
  /** Folders in which the CUDA backend looks for cuDNN, cuBLASLt and NVRTC, in order. */
  searchPaths: string[];
  /** Folder in which choices made by timing are kept for later processes. Default: they are not kept. */
  cacheFolder?: string;
}

/** The exports of saturnn.node. */
export interface NativeAddon {
  /** Version of the package that it was built from. */
  readonly version: string;
  /** Version of the ABI between addon and backends; both must have the same. */
  readonly abiVersion: number;
  /** The activations of native/activations.def, in the order of their ids. */
  readonly activationKinds: readonly string[];
  /**
   * Returns a backend's findings, a JSON object. Throws only if the backend's library does not load or has another ABI
   * version.
   */
  probe(options: OpenOptions): string;
  /**
   * Opens a device. Throws an Error with `code`: ERR_BACKEND_NOT_FOUND, ERR_BACKEND_ABI, ERR_CUDA_UNAVAILABLE, ERR_CUDNN_...,
   * ...
   */
  openDevice(options: OpenOptions): NativeDevice;
  /**
   * Takes an exclusive lock of the kernel (flock) on an open file, without waiting. It ends when the descriptor is closed, at the
   * latest when the process ends, however it ends. Returns 0, or the errno of the refusal: EWOULDBLOCK if somebody else has it.
   */
  lockFile(descriptor: number): number;
  /** Makes a cancellation, for calls of this thread. */
  createCancellation(): NativeCancellation;
  /** Returns the numbers of live native objects of this thread, and their bytes as reported to the garbage collector. */
  counters(): { devices: number; states: number; plans: number; buffers: number; bytes: number };
  /** Returns all external bytes reported to the garbage collector, by any addon; process.memoryUsage() counts only Node's own. */
  externalBytes(): number;
}
