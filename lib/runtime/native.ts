/**
 * The typed surface of the native addon: everything that crosses between JavaScript and C++, in one place.
 * Nothing here checks its arguments; `compile`, `State` and `Device` do that before they call.
 */

/** What a typed array holds: inputs, outputs, constants and parts of a State. */
export type ArrayDType = 'f32' | 'i32' | 'u8';
/** bf16, the upper half of an f32, and f16: images, and copies of weights, inside of a plan alone. */
export type DType = ArrayDType | 'bf16' | 'f16';
export type TypedArray = Float32Array | Int32Array | Uint8Array;
export type Arena = 'parameters' | 'optimizer' | 'gradients' | 'buffers';

/** One tensor of a plan. Exactly one of these places it: an own buffer (none set), `arena`, `data`, `base`. */
export interface TensorDescription {
  dtype: DType;
  /** At most four dimensions; an image is [batch, height, width, channels]. */
  shape: number[];
  /** Images may get a blocked layout; everything else is row-major. */
  image: boolean;
  /** A tensor of the State: which arena, and where it begins. */
  arena?: Arena;
  byteOffset?: number;
  /** A constant, uploaded once at compile time. */
  data?: TypedArray;
  /** A part of another tensor: of its channels (images), or of its elements (everything else). May chain. */
  base?: number;
  /** First channel (images) or first element (everything else) within `base`. */
  offset?: number;
}

/** One kernel of a plan. -1 in `inputs` or `outputs`: an optional tensor that is absent. */
export interface NodeDescription {
  op: string;
  /** For messages and traces: the layer it belongs to. */
  name: string;
  /** The op's attribute struct of native/shared/backend.h, little endian; empty if it has none. */
  attributes: Uint8Array;
  inputs: number[];
  outputs: number[];
  /** Output i may share the buffer of input inPlace[i] (both positions within this node), which nobody reads later; -1: no. */
  inPlace: number[];
  /** Positions of the inputs that it writes, each a part of the State. Such a node has no outputs, and no other has none. */
  writes: number[];
}

export interface InputDescription {
  name: string;
  tensor: number;
}

/** What a plan wants of all its kernels: SnPlanOptions of native/shared/backend.h. */
export interface PlanOptions {
  /** Convolutions of f32 may round what they multiply to 10 bits, as tensor cores do. */
  allowTf32: boolean;
  /** Only kernels that give the same bits in every run. */
  deterministic: boolean;
  /** Candidates may be timed on the device while a kernel is made. */
  autotune: boolean;
  /** Nothing is fused by compiling at run time. */
  plain: boolean;
}

export interface PlanDescription {
  tensors: TensorDescription[];
  /** In execution order; nodes that write state come last. */
  nodes: NodeDescription[];
  inputs: InputDescription[];
  outputs: InputDescription[];
  /** An i32 [1] tensor: non-zero after a step means that nothing was written and the run stops there. -1: none. */
  gate: number;
  /** An i32 [1] tensor behind which the nodes are that write state, where that is not the gate: what the gate closes. -1: none. */
  skip: number;
  options: PlanOptions;
  /** Replay steps as one captured graph, where the backend can. */
  replay: boolean;
  /** Fill every buffer with 0xff before it is written, so that a kernel that leaves elements out is seen. */
  poison: boolean;
}

/** A tensor as a kernel sees it. */
export interface OperandInfo {
  dtype: DType;
  shape: number[];
  /** Of its elements alone, also where they are a slice of a wider image. */
  bytes: number;
  /** It comes from outside the step: an input, a constant, a part of the State (gradients excepted). */
  isGiven: boolean;
}

export interface KernelInfo {
  op: string;
  name: string;
  /** What runs, e.g. "jit_wino_4x3:avx512_core". */
  implementation: string;
  scratchBytes: number;
  /** null: an optional tensor that is absent. */
  inputs: (OperandInfo | null)[];
  outputs: (OperandInfo | null)[];
}

export interface TraceResult {
  /** In the order of `kernels`; 0 for those that did not run. */
  milliseconds: Float64Array;
  /**
   * In the order of `kernels`, if it was asked for: how many elements of each output are infinite or NaN, and of each input
   * that is given to the step (0 for an input that another kernel has made: there it is an output).
   */
  nonFinite: { inputs: number[]; outputs: number[] }[];
}

export interface RunInput {
  data: TypedArray | NativeBuffer;
  /** True: `data` holds one value per step, one after the other. False: the same value in every step. */
  perStep: boolean;
}

export interface RunResult {
  /** Steps whose writes took effect. Less than asked for only if the gate closed. */
  steps: number;
  /**
   * One array per output of the plan, in its order: all steps one after the other (the failed one included). An output
   * that is a part of the State is what the step has read, before the step's writes.
   */
  outputs: TypedArray[];
}

/** Device memory that outlives runs: a resident data set. */
export interface NativeBuffer {
  readonly byteLength: number;
  dispose(): void;
}

export interface NativeState {
  read(arena: Arena, byteOffset: number, byteLength: number): Promise<ArrayBuffer>;
  write(arena: Arena, byteOffset: number, data: TypedArray): Promise<void>;
  dispose(): void;
}

export interface NativePlan {
  readonly kernels: KernelInfo[];
  /** Bytes of the arena that activations, their gradients and scratch share. Inputs have memory of their own. */
  readonly arenaBytes: number;
  /** `inputs` in the order of PlanDescription.inputs. Typed arrays are copied before the call returns. */
  run(inputs: RunInput[], steps: number): Promise<RunResult>;
  /** One step, kernel by kernel; with `updates` also those that write state, unless the gate closes. Counting is not part of the times. */
  trace(inputs: RunInput[], countNonFinite: boolean, updates: boolean): Promise<TraceResult>;
  dispose(): void;
}

/** What lives on a device now; what is queued counts when it is done. */
export interface DeviceMemory {
  states: number;
  plans: number;
  buffers: number;
  /** All arenas of the States: parameters, optimizer, gradients, buffers. */
  stateBytes: number;
  /** Arenas of the plans: activations and scratch. */
  arenaBytes: number;
  constantBytes: number;
  /** Copies of inputs that are given as typed arrays. */
  inputBytes: number;
  /** What was uploaded to stay: data sets. */
  bufferBytes: number;
  /** All of these together; and the most that there has been at one time since the device was opened. */
  bytes: number;
  peakBytes: number;
}

/** A row of native/ops.def, as a backend was built with it. */
export interface NativeOp {
  /** The attribute struct: name and type of each field, in order; each has four bytes. */
  readonly fields: readonly (readonly [name: string, type: 'i32' | 'f32'])[];
  readonly attributeBytes: number;
  /** As many int32 as the node has inputs, instead of a struct. */
  readonly variableAttributes: boolean;
  /** How many it takes, absent ones included; 2147483647: any number. */
  readonly inputs: readonly [least: number, most: number];
  readonly outputs: number;
}

export interface NativeDevice {
  /** JSON object of the backend's describe(). */
  readonly info: string;
  /** The backend's op table, by op name. */
  readonly ops: Record<string, NativeOp>;
  readonly memory: DeviceMemory;
  upload(data: TypedArray): NativeBuffer;
  createState(bytes: Record<Arena, number>): NativeState;
  compile(plan: PlanDescription, state: NativeState | null): Promise<NativePlan>;
  /** Ends the engine thread after what is queued; later calls reject with ERR_DISPOSED. */
  dispose(): void;
}

export interface OpenOptions {
  /** Full path of libsaturnn_cpu.so or libsaturnn_cuda.so. */
  libraryPath: string;
  index: number;
  /** Worker threads of the CPU backend; 0: one per physical core. */
  threads: number;
  /** Folders in which the CUDA backend looks for cuDNN, cuBLASLt and NVRTC, in order. */
  searchPaths: string[];
  /** Where choices made by timing are kept from process to process. Default: nowhere. */
  cacheFolder?: string;
}

export interface NativeAddon {
  /** Of the package that it was built from. */
  readonly version: string;
  readonly abiVersion: number;
  /** The activations of native/activations.def, in the order of their ids. */
  readonly activationKinds: readonly string[];
  /** JSON of the backend's probe(); throws only if the backend library itself does not load or fit. */
  probe(options: OpenOptions): string;
  /** Throws an Error with `code` (ERR_BACKEND_NOT_FOUND, ERR_BACKEND_ABI, ERR_CUDA_UNAVAILABLE, ERR_CUDNN_..., ...). */
  openDevice(options: OpenOptions): NativeDevice;
  /** Live native objects of this environment, and the bytes that the garbage collector is told they hold. */
  counters(): { devices: number; states: number; plans: number; buffers: number; bytes: number };
  /** All that the collector has been told of, by anybody: process.memoryUsage() counts only Node's own buffers. */
  externalBytes(): number;
}
