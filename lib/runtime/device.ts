import { checkInteger, invalid, SaturnnError } from '../errors';
import { loadAddon } from './addon';
import { cacheFolder } from './cacheFolder';
import { cudaSearchPaths } from './cudaSearchPaths';
import { dtypeOf } from './dtypes';
import { binaryPath } from './locate';
import type { DType, NativeBuffer, NativeDevice, NativeOp, OpenOptions, TypedArray } from './native';
import { dropPlansOf } from './planCache';
import { type Precision, precisions } from './precisions';

export { type Precision, precisions } from './precisions';

export type BackendName = 'cpu' | 'cuda';
export const backendNames: readonly BackendName[] = ['cpu', 'cuda'];

export interface DeviceOptions {
  /** Worker threads of the CPU; default: one per physical core. */
  threads?: number;
}

/** A processor that runs plans: one native engine thread with a queue of its own. */
export class Device {
  /** What the backend says of itself: model, memory, threads, versions, features. */
  readonly info: Readonly<Record<string, unknown>>;
  /** The ops that the backend has a kernel for, by name. */
  readonly ops: Readonly<Record<string, NativeOp>>;

  constructor(
    /** "cpu", "cuda:0". */
    readonly name: string,
    readonly native: NativeDevice,
  ) {
    this.info = JSON.parse(native.info);
    this.ops = native.ops;
  }

  /** What `compile` may be asked for on this device. */
  get precisions(): readonly Precision[] {
    return (this.info.precisions as Precision[] | undefined) ?? ['f32'];
  }

  /** Whether convolutions of half images take half weights too; otherwise they make them themselves. */
  get takesHalfWeights(): boolean {
    return this.info.halfWeights === true;
  }

  /** @throws ERR_INVALID_ARGUMENT for an unknown precision; ERR_UNSUPPORTED, saying why, for one that this device has not */
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

  get backend(): BackendName {
    return this.name.split(':')[0] as BackendName;
  }

  /** Copies an array into the device's memory, where runs find it again without another copy: a data set. */
  upload(data: TypedArray): Resident {
    const dtype = dtypeOf(data);
    try {
      return new Resident(this.native.upload(data), dtype);
    } catch (error) {
      throw SaturnnError.from(error);
    }
  }

  /** Ends the device after what is queued; its plans and states are then of no use. */
  dispose(): void {
    for (const [key, device] of open) if (device === this) open.delete(key);
    dropPlansOf(this);
    this.native.dispose();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Device memory that outlives runs. */
export class Resident {
  constructor(
    readonly native: NativeBuffer,
    readonly dtype: DType,
  ) {}

  get byteLength(): number {
    return this.native.byteLength;
  }

  /** Frees the memory when runs that use it have ended. */
  dispose(): void {
    this.native.dispose();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** How devices are named, for help texts and messages. */
export const deviceForms = 'auto, cpu, cuda or cuda:N';

/** The device that openDevice takes where none is named. */
export const defaultDevice = 'auto';

const open = new Map<string, Device>();

/**
 * The device of this name, opened once per process or worker: "cpu", "cuda", "cuda:1", or "auto": a GPU if one works,
 * else the CPU.
 * @throws ERR_INVALID_ARGUMENT for another name; ERR_BACKEND_..., ERR_CUDA_..., ERR_CUDNN_... if it cannot be opened
 */
export function openDevice(name: string = defaultDevice, { threads = 0 }: DeviceOptions = {}): Device {
  if (name === 'auto') return openAuto(threads);
  const { backend, index } = parseDevice(name);
  checkInteger('threads', threads, 0, 1024);
  const key = `${backend}:${index}:${threads}`;
  const known = open.get(key);
  if (known) return known;
  try {
    const native = loadAddon().openDevice(openOptions(backend, index, threads));
    const device = new Device(backend === 'cpu' ? 'cpu' : `${backend}:${index}`, native);
    open.set(key, device);
    return device;
  } catch (error) {
    throw SaturnnError.from(error);
  }
}

/** Those that were opened here and not disposed of. */
export function openDevices(): Device[] {
  return [...open.values()];
}

/** A device given as it is, or by its name for openDevice. @throws what openDevice throws */
export function deviceOf(device?: Device | string): Device {
  return device instanceof Device ? device : openDevice(device);
}

/** What a backend finds on this machine, missing pieces included. @throws if its library does not load */
export function probeBackend(backend: BackendName): Record<string, unknown> {
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
  const [, backend, index] = /^(cpu|cuda)(?::(\d{1,3}))?$/.exec(name) ?? [];
  if (!backend || (backend === 'cpu' && index !== undefined)) throw invalid('device', deviceForms, name);
  return { backend: backend as BackendName, index: Number(index ?? 0) };
}

/** Only GPUs choose by timing. A user without a home has no cache: every process then times anew. */
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
