import { checkInteger, checkNumber, invalid, SaturnnError, typed } from '../errors';
import { Philox, seedRange } from '../random';
import { type Device, openDevice } from '../runtime/device';
import { bytesPerElement } from '../runtime/dtypes';
import type { Arena, NativeState } from '../runtime/native';
import { dropPlansOf } from '../runtime/planCache';
import { checkShape, type Source, sourceNode, stateTensor, Tensor, type TensorSpec } from './tensor';

/** A named tensor whose values live in a State. It has one owner. */
abstract class Owned extends Tensor {
  readonly name: string;
  #state: State | null = null;

  constructor(source: Source, name: string, spec: Omit<TensorSpec, 'image'>) {
    super(sourceNode(source, name), 0, { ...spec, image: false });
    (this.node.outputs as Tensor[]).push(this);
    this.name = name;
  }

  /** The State that holds the values, or null before one was made. */
  get state(): State | null {
    return this.#state;
  }

  /** @throws ERR_INVALID_ARGUMENT */
  checkFree(): void {
    if (this.#state) {
      const kind = this instanceof Parameter ? 'Parameter' : 'StateBuffer';
      throw new SaturnnError('ERR_INVALID_ARGUMENT', `${kind} "${this.name}" already belongs to a State`);
    }
  }

  /** Called by State's constructor. */
  bind(state: State): void {
    this.checkFree();
    this.#state = state;
  }
}

export interface ParameterOptions {
  /** Unique within a State, e.g. "3a/1x1/weight". */
  name: string;
  shape: readonly number[];
  /** True: weight decay applies (weights, not biases). */
  decay: boolean;
  /** Its first values, drawn from `random`: as many as the shape has. */
  initialize: (random: Philox) => Float32Array;
}

/** A trainable tensor. Its values live in a State; here are only its name, shape and initial distribution. */
export class Parameter extends Owned {
  readonly decay: boolean;
  /** Its first values. */
  readonly initialize: (random: Philox) => Float32Array;

  constructor({ name, shape, decay, initialize }: ParameterOptions) {
    super({ kind: 'parameter' }, name, { dtype: 'f32', shape: checkShape(`${name}.shape`, shape) });
    this.decay = decay;
    this.initialize = initialize;
  }
}

export interface StateBufferOptions {
  /** Unique within a State, e.g. "3a/1x1/runningMean". */
  name: string;
  shape: readonly number[];
  /** Every element's first value; default 0. */
  initial?: number;
}

/** What a model remembers from step to step without following a gradient: running statistics. f32; its values live in a State. */
export class StateBuffer extends Owned {
  readonly initial: number;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor({ name, shape, initial = 0 }: StateBufferOptions) {
    super({ kind: 'buffer' }, name, { dtype: 'f32', shape: checkShape(`${name}.shape`, shape) });
    this.initial = checkNumber(`initial of ${name}`, initial, -3.4e38, 3.4e38);
  }
}

/** Parameters and buffers begin at multiples of 64 bytes, so that every kernel's vectors are aligned; the gaps stay 0. */
const alignmentBytes = 64;
const elementBytes = bytesPerElement('f32');
const alignment = alignmentBytes / elementBytes;

/** The arenas that say how far training is. Gradients are scratch, and not among them. */
export const savedArenas = ['parameters', 'optimizer', 'buffers'] as const satisfies readonly Arena[];

/** Bytes of the counter, at the beginning of the buffers: seed and steps done, each an i32. */
export const counterBytes = 2 * bytesPerElement('i32');

/** The steps done that a copy of the buffers says; undefined if it is too short. */
export function stepsIn(buffers: Uint8Array): number | undefined {
  const steps = Buffer.from(buffers.subarray(counterBytes / 2, counterBytes));
  return steps.length < counterBytes / 2 ? undefined : steps.readInt32LE();
}

/** A part of an arena. */
export interface ArenaPlace {
  readonly arena: Arena;
  readonly byteOffset: number;
  readonly byteLength: number;
}

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
    this.seed = checkInteger('seed', seed, ...seedRange);
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
    return this.#bytesOfSlots(this.averageSlot) + this.offsetOf(parameter) * elementBytes;
  }

  /** First byte of a buffer in the arena. */
  byteOffsetOf(buffer: StateBuffer): number {
    const offset = this.#bufferOffsets.get(buffer);
    if (offset === undefined) throw invalid('buffer', 'a StateBuffer of this State', buffer.name);
    return offset;
  }

  /**
   * Where the values of one of its tensors lie; `which` of a parameter's values, a buffer has one kind.
   * @throws ERR_INVALID_ARGUMENT for the averages of a State that has none
   * @internal
   */
  placeOf(tensor: Parameter | StateBuffer, which: 'parameters' | 'gradients' | 'averages' = 'parameters'): ArenaPlace {
    const byteLength = tensor.size * elementBytes;
    if (!(tensor instanceof Parameter)) return { arena: 'buffers', byteOffset: this.byteOffsetOf(tensor), byteLength };
    if (which === 'averages') return { arena: 'optimizer', byteOffset: this.averageOffsetOf(tensor), byteLength };
    return { arena: which, byteOffset: this.offsetOf(tensor) * elementBytes, byteLength };
  }

  /**
   * Where the averages of all parameters lie, in the parameters' order; null: there are none.
   * @internal
   */
  get averagesPlace(): ArenaPlace | null {
    if (this.averageSlot === null) return null;
    return { arena: 'optimizer', byteOffset: this.#bytesOfSlots(this.averageSlot), byteLength: this.#bytesOfSlots(1) };
  }

  /** Bytes of so many vectors of the parameters' size: where the optimizer's slot of that number begins. */
  #bytesOfSlots(count: number): number {
    return count * this.size * elementBytes;
  }

  /** The whole arena as a vector [size]; `slot` chooses among the optimizer's. */
  vector(arena: Exclude<Arena, 'buffers'>, slot = 0): Tensor {
    checkInteger('slot', slot, 0, arena === 'optimizer' ? this.optimizerSlots - 1 : 0);
    return stateTensor(
      this,
      arena,
      this.#bytesOfSlots(slot),
      { dtype: 'f32', shape: [this.size], image: false },
      arena,
    );
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
    const native = device.native.createState({
      parameters: this.#arenaBytes('parameters'),
      optimizer: this.#arenaBytes('optimizer'),
      gradients: this.#arenaBytes('gradients'),
      buffers: this.#arenaBytes('buffers'),
    });
    await native.write('parameters', 0, values);
    const averages = this.averagesPlace;
    if (averages) await native.write(averages.arena, averages.byteOffset, values);
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
    const { arena, byteOffset, byteLength } = this.placeOf(tensor, which);
    return new Float32Array(await typed(native.read(arena, byteOffset, byteLength)));
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
    const { arena, byteOffset } = this.placeOf(tensor);
    await typed(native.write(arena, byteOffset, values));
    if (tensor instanceof Parameter && this.averageSlot !== null) {
      const average = this.placeOf(tensor, 'averages');
      await typed(native.write(average.arena, average.byteOffset, values));
    }
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
    return this.#bytesOfSlots(arena === 'optimizer' ? this.optimizerSlots : 1);
  }

  /** Opens the default device for a State that no plan has bound yet. */
  async #realized(): Promise<NativeState> {
    if (this.#native) return this.#native;
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
