import { randomFill } from 'node:crypto';
import { markCopy } from '../copies';
import { invalid, SaturnnError } from '../errors';
import { anyOf, type Field, instance, integer, oneOf, optional, text } from '../options/field';
import { Options } from '../options/options';
import { loadAddon } from './addon';
import { cacheFolder } from './cacheFolder';
import { cudaSearchPaths } from './cudaSearchPaths';
import { dtypeOf, type GivenArray, typedArrayOf } from './dtypes';
import { binaryPath } from './locate';
import type { DType, NativeBuffer, NativeDevice, NativeOp, OpenOptions } from './native';
import { dropPlansOf } from './planCache';
import { type Precision, precisions } from './precisions';

export { type Precision, precisions } from './precisions';

/** Name of a backend. */
export type BackendName = 'cpu' | 'cuda';
/** All backends. */
export const backendNames: readonly BackendName[] = ['cpu', 'cuda'];

/** Options of openDevice(). */
export interface DeviceOptions {
  /**
   * Number of threads of the CPU backend, 0 to 1024. Default 0: OMP_NUM_THREADS if it is set, else one per physical core that
   * affinity and control groups (containers) leave to this process; fewer if the system refuses some. GPUs ignore it.
   */
  threads?: number;
}

/** A processor that runs plans, by a native thread with a queue. Opened by openDevice(). */
export class Device {
  /**
   * The backend's description of the device, for people: `name` of the processor, and by other keys, which depend on the backend,
   * its memory, threads or multiprocessors, versions and features.
   */
  readonly info: Readonly<Record<string, unknown>>;
  /** The ops that the backend has a kernel for, by name. @internal */
  readonly ops: Readonly<Record<string, NativeOp>>;

  /** Called by openDevice(). @internal */
  constructor(
    /** Name, as for openDevice(): "cpu", "cuda:0". */
    readonly name: string,
    /** The native device. @internal */
    readonly native: NativeDevice,
  ) {
    this.info = JSON.parse(native.info);
    this.ops = native.ops;
  }

  /** The precisions that compile() accepts for this device. */
  get precisions(): readonly Precision[] {
    return (this.info.precisions as Precision[] | undefined) ?? ['f32'];
  }

  /**
   * Whether the kernels for convolutions of half images read half weights; if not, they convert f32 weights themselves.
   * @internal
   */
  get takesHalfWeights(): boolean {
    return this.info.halfWeights === true;
  }

  /**
   * Checks a precision.
   * @throws ERR_INVALID_ARGUMENT for an unknown one; ERR_UNSUPPORTED, with the reason, for one that this device lacks
   */
  checkPrecision(precision: Precision): void {
    if (!precisions.includes(precision)) throw invalid('precision', precisions.join(' or '), precision);
    if (this.precisions.includes(precision)) return;
    const { [precision]: need } = (this.info.missingPrecisions ?? {}) as Record<string, string | undefined>;
    const why = need === undefined ? '' : `: ${precision} ${need}`;
    throw new SaturnnError(
      'ERR_UNSUPPORTED',
      `${this.name} computes in ${this.precisions.join(' and ')}, not in ${precision}${why}`,
    );
  }

  /** Name of the backend. */
  get backend(): BackendName {
    return this.name.split(':')[0] as BackendName;
  }

  /**
   * Copies an array into the device's memory, for runs to use without another copy: a data set.
   * @throws ERR_INVALID_ARGUMENT for anything but a GivenArray; ERR_OUT_OF_MEMORY, on a GPU ERR_CUDA_OOM
   */
  upload(data: GivenArray): Resident {
    const array = typedArrayOf(data, 'data');
    try {
      return new Resident(this.native.upload(array), dtypeOf(array));
    } catch (error) {
      throw SaturnnError.from(error);
    }
  }

  /**
   * Ends the device's thread once the calls that are queued have run. Later calls of its plans and States reject with
   * ERR_DISPOSED.
   */
  dispose(): void {
    for (const [key, device] of open) if (device === this) open.delete(key);
    dropPlansOf(this);
    this.native.dispose();
  }

  /** Calls dispose(), for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

markCopy(Device);

/** An array in a device's memory that stays from run to run, such as a data set. Made by Device.upload(). */
export class Resident {
  /** Called by Device.upload(). @internal */
  constructor(
    /** The native buffer. @internal */
    readonly native: NativeBuffer,
    /** Type of the elements. */
    readonly dtype: DType,
  ) {}

  /** Size in bytes. */
  get byteLength(): number {
    return this.native.byteLength;
  }

  /** Frees the memory once the runs that use it have ended. Later runs with it reject with ERR_DISPOSED. */
  dispose(): void {
    this.native.dispose();
  }

  /** Calls dispose(), for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

markCopy(Resident);

/** The names that openDevice() accepts, as text for help and messages. */
export const deviceForms = 'auto, cpu, cuda or cuda:N';

/** The device that openDevice takes where none is named. */
export const defaultDevice = 'auto';

/** Accepts a Device. It may be of another realm; one of another copy of saturnn has no plans here. */
export const openedDeviceField: Field<Device> = instance<Device>(
  'a Device',
  ({ native, name }) => typeof native === 'object' && native !== null && typeof name === 'string',
);
/** Accepts a Device, or its name for openDevice(). */
export const deviceField: Field<Device | string> = anyOf(`a Device, or ${deviceForms}`, openedDeviceField, text);
/** Accepts a precision; Device.checkPrecision() says whether a device has it. */
export const precisionField: Field<Precision> = oneOf(precisions);

/** Most threads of the CPU. */
const mostThreads = 1024;

/** Accepts a number of threads of the CPU. */
export const threadsField: Field<number> = integer(0, mostThreads);

const deviceOptions = new Options<DeviceOptions>('openDevice()', { threads: optional(threadsField) });

const open = new Map<string, Device>();

/**
 * Returns the device of this name. A process or worker opens each device once; later calls return the same one until it is
 * disposed of.
 * @param name "cpu", "cuda" (the first GPU), "cuda:1", or "auto" (default), which is the first GPU if it works, else the CPU
 * @param options `threads`: number of threads of the CPU, 0 to 1024; default 0: OMP_NUM_THREADS, else one per physical core
 * @throws ERR_INVALID_ARGUMENT for another name or a bad option; ERR_THREADS if the system refuses the threads; ERR_BACKEND_..., ERR_CUDA_..., ERR_CUDNN_...,
 * ERR_CUBLASLT_... if the device cannot be opened; ERR_BINARY_... or ERR_UNSUPPORTED_PLATFORM if the native parts are missing
 * or do not load
 */
export function openDevice(name: string = defaultDevice, options: DeviceOptions = {}): Device {
  const { threads = 0 } = deviceOptions.check(options);
  if (name === 'auto') return openAuto(threads);
  const { backend, index } = parseDevice(name);
  const key = `${backend}:${index}:${threads}`;
  const known = open.get(key);
  if (known) return known;
  try {
    if (backend === 'cpu') startThreadsOfNode();
    const native = loadAddon().openDevice(openOptions(backend, index, threads));
    const device = new Device(backend === 'cpu' ? 'cpu' : `${backend}:${index}`, native);
    open.set(key, device);
    return device;
  } catch (error) {
    throw SaturnnError.from(error);
  }
}

/**
 * Lets Node.js make the threads that it reads and writes files with, which it does at the first job for them: it ends the process if
 * the system refuses them later, and a device takes all threads that it is granted.
 */
function startThreadsOfNode(): void {
  randomFill(new Uint8Array(1), () => {});
}

/** Returns the devices that this process or worker has opened and not disposed of. */
export function openDevices(): Device[] {
  return [...open.values()];
}

/** Returns `device`, or opens the device of that name; default "auto". @throws what openDevice() throws */
export function deviceOf(device?: Device | string): Device {
  return device instanceof Device ? device : openDevice(device);
}

/**
 * Returns what a backend finds on this machine: `usable`, whether a device can be opened; `missing`, an array of
 * { code, message } with everything that prevents it; and by other keys, which depend on the backend, processor, versions and
 * features.
 * @throws ERR_INVALID_ARGUMENT for another name; ERR_BACKEND_... if the backend's library does not load; ERR_BINARY_... if the
 * addon does not
 */
export function probeBackend(backend: BackendName): Record<string, unknown> {
  if (!backendNames.includes(backend)) throw invalid('backend', backendNames.join(' or '), backend);
  try {
    return JSON.parse(loadAddon().probe(openOptions(backend, 0, 0)));
  } catch (error) {
    throw SaturnnError.from(error);
  }
}

function openAuto(threads: number): Device {
  try {
    return openDevice('cuda');
  } catch {
    // No GPU, or no driver or cuDNN: `saturnn doctor` says which. "auto" means that the CPU will do.
  }
  return openDevice('cpu', { threads });
}

/** Returns the name if openDevice reads it; whether there is such a device is not asked. @throws ERR_INVALID_ARGUMENT */
export function checkDeviceName(name: string): string {
  if (name !== 'auto') parseDevice(name);
  return name;
}

function parseDevice(name: string): { backend: BackendName; index: number } {
  const [, backend, index] = (typeof name === 'string' && /^(cpu|cuda)(?::(\d{1,3}))?$/.exec(name)) || [];
  if (!backend || (backend === 'cpu' && index !== undefined)) throw invalid('device', deviceForms, name);
  return { backend: backend as BackendName, index: Number(index ?? 0) };
}

/**
 * Returns the folder for choices made by timing, which only GPUs make; none for a user without a home: each process times
 * anew.
 */
function tuningCache(backend: BackendName): Pick<OpenOptions, 'cacheFolder'> {
  try {
    return backend === 'cuda' ? { cacheFolder: cacheFolder('tuning') } : {};
  } catch {
    return {};
  }
}

function openOptions(backend: BackendName, index: number, threads: number): OpenOptions {
  const searchPaths = backend === 'cuda' ? cudaSearchPaths() : [];
  return { libraryPath: binaryPath(`libsaturnn_${backend}.so`), index, threads, searchPaths, ...tuningCache(backend) };
}
