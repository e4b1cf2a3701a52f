import { dropPlansOf } from '../compile/planCache';
import { checkInteger, invalid, SaturnnError, typed } from '../errors';
import { Philox } from '../random';
import type { Device } from '../runtime/device';
import type { Arena, NativeState } from '../runtime/native';
import { Parameter, StateBuffer, stateTensor, type Tensor } from './tensor';

/** Parameters and buffers begin at multiples of 64 bytes, so that every kernel's vectors are aligned; the gaps stay 0. */
const alignmentBytes = 64;
const alignment = alignmentBytes / 4;

export interface StateOptions {
  /** Of the initial values and of every random number in training. */
  seed?: number;
  /** How many values per parameter the optimizer keeps: 1 for SGD with momentum. */
  optimizerSlots?: number;
  /**
   * Which of these slots is the average of the weights: the optimizer's averageSlot. It begins as a copy of the weights, and
   * again when a weight is written. Default null: none is.
   */
  averageSlot?: number | null;
  /** What else a model remembers: running statistics. */
  buffers?: readonly StateBuffer[];
}

/**
 * Owner of a model's numbers on a device: parameters, what the optimizer keeps for them, their gradients, and the counter
 * (seed, step) with running statistics, each in one contiguous arena. Plans bind to a State; training, evaluation and
 * statistics plans share one.
 */
export class State {
  /** Those with weight decay first: an optimizer then needs no mask. */
  readonly parameters: readonly Parameter[];
  /** f32 elements of the parameter arena, gaps included. */
  readonly size: number;
  /** Elements at the arena's beginning to which weight decay applies. */
  readonly decayed: number;
  readonly seed: number;
  readonly optimizerSlots: number;
  readonly averageSlot: number | null;
  readonly buffers: readonly StateBuffer[];
  /** i32 [2]: seed, and steps done. */
  readonly counter: Tensor;
  readonly #offsets = new Map<Parameter, number>();
  readonly #bufferOffsets = new Map<StateBuffer, number>();
  readonly #bufferBytes: number;
  readonly #initialOrder: readonly Parameter[];
  #device: Device | null = null;
  #native: Promise<NativeState> | null = null;

  /** @throws ERR_INVALID_ARGUMENT: no parameters, two parts of one name, one that belongs to another State */
  constructor(
    parameters: readonly Parameter[],
    { seed = 0, optimizerSlots = 1, averageSlot = null, buffers = [] }: StateOptions = {},
  ) {
    this.seed = checkInteger('seed', seed, 0, 2 ** 31 - 1);
    this.optimizerSlots = checkInteger('optimizerSlots', optimizerSlots, 0, 8);
    this.averageSlot = averageSlot === null ? null : checkInteger('averageSlot', averageSlot, 0, optimizerSlots - 1);
    if (!Array.isArray(parameters) || parameters.length === 0)
      throw invalid('parameters', 'at least one Parameter', parameters);
    for (const parameter of parameters)
      if (!(parameter instanceof Parameter)) throw invalid('parameters', 'Parameters', parameter);
    for (const buffer of buffers)
      if (!(buffer instanceof StateBuffer)) throw invalid('buffers', 'StateBuffers', buffer);
    const names = new Set<string>();
    for (const owned of [...parameters, ...buffers]) {
      owned.checkFree();
      if (names.has(owned.name)) throw invalid('parameters and buffers', 'different names', owned.name);
      names.add(owned.name);
    }
    this.#initialOrder = [...parameters];
    this.parameters = [...parameters.filter((p) => p.decay), ...parameters.filter((p) => !p.decay)];
    let size = 0;
    let decayed = 0;
    for (const parameter of this.parameters) {
      this.#offsets.set(parameter, size);
      size += Math.ceil(parameter.size / alignment) * alignment;
      if (parameter.decay) decayed = size;
    }
    // The counter comes first.
    let bufferBytes = alignmentBytes;
    this.buffers = [...buffers];
    for (const buffer of buffers) {
      this.#bufferOffsets.set(buffer, bufferBytes);
      bufferBytes += Math.ceil(buffer.size / alignment) * alignmentBytes;
    }
    for (const owned of [...parameters, ...buffers]) owned.bind(this);
    this.size = size;
    this.decayed = decayed;
    this.#bufferBytes = bufferBytes;
    this.counter = stateTensor(this, 'buffers', 0, { dtype: 'i32', shape: [2], image: false }, 'counter');
  }

  /** First element of a parameter in the arena. */
  offsetOf(parameter: Parameter): number {
    const offset = this.#offsets.get(parameter);
    if (offset === undefined) throw invalid('parameter', 'a Parameter of this State', parameter.name);
    return offset;
  }

  /** First byte, in the optimizer's arena, of the average of a parameter. @throws ERR_INVALID_ARGUMENT if there is none */
  averageOffsetOf(parameter: Parameter): number {
    if (this.averageSlot === null) throw invalid('averageSlot of this State', 'a slot with averages', null);
    return (this.averageSlot * this.size + this.offsetOf(parameter)) * 4;
  }

  /** First byte of a buffer in the arena. */
  byteOffsetOf(buffer: StateBuffer): number {
    const offset = this.#bufferOffsets.get(buffer);
    if (offset === undefined) throw invalid('buffer', 'a StateBuffer of this State', buffer.name);
    return offset;
  }

  /** The whole arena as a vector [size]; `slot` chooses among the optimizer's. */
  vector(arena: 'parameters' | 'optimizer' | 'gradients', slot = 0): Tensor {
    checkInteger('slot', slot, 0, arena === 'optimizer' ? this.optimizerSlots - 1 : 0);
    return stateTensor(this, arena, slot * this.size * 4, { dtype: 'f32', shape: [this.size], image: false }, arena);
  }

  /** The values on `device`, made and initialised on first use. A State lives on one device. */
  on(device: Device): Promise<NativeState> {
    if (this.#device && this.#device !== device) {
      const message = `this State lives on ${this.#device.name} and cannot be used on ${device.name}`;
      return Promise.reject(new SaturnnError('ERR_STATE', message));
    }
    if (!this.#native) {
      const made = typed(this.#create(device));
      this.#device = device;
      this.#native = made;
      // Not kept: the next attempt may find memory, or another device.
      made.catch(() => {
        if (this.#native !== made) return;
        this.#native = null;
        this.#device = null;
      });
    }
    return this.#native;
  }

  async #create(device: Device): Promise<NativeState> {
    const values = this.#initialValues();
    const vector = this.size * 4;
    const bytes = {
      parameters: vector,
      optimizer: vector * this.optimizerSlots,
      gradients: vector,
      buffers: this.#bufferBytes,
    };
    const native = device.native.createState(bytes);
    await native.write('parameters', 0, values);
    if (this.averageSlot !== null) await native.write('optimizer', this.averageSlot * vector, values);
    await native.write('buffers', 0, Int32Array.of(this.seed, 0));
    for (const buffer of this.buffers)
      await native.write('buffers', this.byteOffsetOf(buffer), new Float32Array(buffer.size).fill(buffer.initial));
    return native;
  }

  #initialValues(): Float32Array {
    const values = new Float32Array(this.size);
    this.#initialOrder.forEach((parameter, index) => {
      const initial = parameter.initialize(new Philox(this.seed, index));
      if (!(initial instanceof Float32Array) || initial.length !== parameter.size) {
        throw invalid(`initial values of "${parameter.name}"`, `a Float32Array of ${parameter.size}`, initial?.length);
      }
      values.set(initial, this.offsetOf(parameter));
    });
    return values;
  }

  /**
   * Current values, row-major. Waits for runs that are under way. `which` of a parameter's values; a buffer has one kind.
   * @throws ERR_INVALID_ARGUMENT for the averages of a State that has none
   */
  async read(
    tensor: Parameter | StateBuffer,
    which: 'parameters' | 'gradients' | 'averages' = 'parameters',
  ): Promise<Float32Array> {
    const native = await this.#realized();
    const place = this.#placeOf(tensor);
    if (!(tensor instanceof Parameter) || which === 'parameters') {
      return new Float32Array(await typed(native.read(place.arena, place.byteOffset, tensor.size * 4)));
    }
    const arena = which === 'averages' ? 'optimizer' : which;
    const byteOffset = which === 'averages' ? this.averageOffsetOf(tensor) : place.byteOffset;
    return new Float32Array(await typed(native.read(arena, byteOffset, tensor.size * 4)));
  }

  /**
   * Replaces a tensor's values; a parameter's average begins anew with them.
   * @throws ERR_INVALID_ARGUMENT if `values` has not the tensor's number of elements
   */
  async write(tensor: Parameter | StateBuffer, values: Float32Array): Promise<void> {
    if (!(values instanceof Float32Array) || values.length !== tensor.size) {
      throw invalid(`values of "${tensor.name}"`, `a Float32Array of ${tensor.size}`, values?.length);
    }
    const native = await this.#realized();
    const { arena, byteOffset } = this.#placeOf(tensor);
    await typed(native.write(arena, byteOffset, values));
    if (tensor instanceof Parameter && this.averageSlot !== null)
      await typed(native.write('optimizer', this.averageOffsetOf(tensor), values));
  }

  #placeOf(tensor: Parameter | StateBuffer): { arena: 'parameters' | 'buffers'; byteOffset: number } {
    if (tensor instanceof Parameter) return { arena: 'parameters', byteOffset: this.offsetOf(tensor) * 4 };
    return { arena: 'buffers', byteOffset: this.byteOffsetOf(tensor) };
  }

  /** A whole arena, byte for byte: for checkpoints and comparisons. */
  async readArena(arena: Arena): Promise<Uint8Array> {
    const native = await this.#realized();
    return new Uint8Array(await typed(native.read(arena, 0, this.#arenaBytes(arena))));
  }

  /** @throws ERR_INVALID_ARGUMENT if `bytes` has not the arena's size */
  async writeArena(arena: Arena, bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength !== this.#arenaBytes(arena)) {
      throw invalid(`bytes of arena ${arena}`, `${this.#arenaBytes(arena)} bytes`, bytes.byteLength);
    }
    const native = await this.#realized();
    await typed(native.write(arena, 0, bytes));
  }

  #arenaBytes(arena: Arena): number {
    if (arena === 'buffers') return this.#bufferBytes;
    return this.size * 4 * (arena === 'optimizer' ? this.optimizerSlots : 1);
  }

  /** Opens the default device for a State that no plan has bound yet. */
  async #realized(): Promise<NativeState> {
    if (this.#native) return this.#native;
    const { openDevice } = require('../runtime/device') as typeof import('../runtime/device');
    return this.on(openDevice('auto'));
  }

  /**
   * Frees the device memory at once after what is queued. Later runs of plans that are bound to it reject with ERR_DISPOSED;
   * the plans' own memory stays until they are disposed of.
   */
  dispose(): void {
    const native = this.#native;
    this.#native = Promise.reject(new SaturnnError('ERR_DISPOSED', 'this State was disposed of'));
    this.#native.catch(() => {});
    dropPlansOf(this);
    native?.then((state) => state.dispose()).catch(() => {});
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
