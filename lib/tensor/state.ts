import { constants } from 'node:buffer';
import { markCopy } from '../copies';
import { checkInteger, invalid, SaturnnError, typed } from '../errors';
import {
  anyArray,
  arrayOf,
  callback,
  type Field,
  flag,
  floats,
  instance,
  integer,
  number,
  optional,
  orNull,
  text,
} from '../options/field';
import { checkArgument, Options } from '../options/options';
import { isArray } from '../options/values';
import { type Philox, seedRange } from '../random';
import { type Device, deviceField, deviceOf, openDevice } from '../runtime/device';
import { bytesOf, copyOf } from '../runtime/dtypes';
import type { Arena, NativeState } from '../runtime/native';
import { dropPlansOf } from '../runtime/planCache';
import {
  type ArenaPlace,
  alignmentBytes,
  arenaField,
  f32Bytes,
  layOut,
  layOutParameters,
  vectorsField,
  whichField,
} from './arena';
import { givenValues, initialValues } from './initialValues';
import { Owned } from './owned';
import { checkShape, stateTensor, type Tensor } from './tensor';

export { type ArenaPlace, counterBytes, savedArenas, stepsIn } from './arena';

/** Options of a Parameter. */
export interface ParameterOptions {
  /** Name, unique within a State, e.g. "3a/1x1/weight". */
  name: string;
  /** 1 to 4 dimensions. */
  shape: readonly number[];
  /** Whether weight decay applies: true for weights, false for biases. */
  decay: boolean;
  /** Returns the first values, row-major, one per element of the shape. `random` is a stream of this parameter alone. */
  initialize: (random: Philox) => Float32Array;
}

/** Accepts a shape, which checkShape() checks. */
const shapeField = anyArray<readonly number[]>('1 to 4 positive integers');

const parameterOptions = new Options<ParameterOptions>(
  'Parameter',
  { name: text, shape: shapeField, decay: flag, initialize: callback() },
  { named: true },
);

/** A trainable f32 tensor. It holds name, shape and initialiser; its values live in a State. */
export class Parameter extends Owned<State> {
  /** Whether weight decay applies. */
  readonly decay: boolean;
  /** Returns the first values, row-major, one per element of the shape. */
  readonly initialize: (random: Philox) => Float32Array;

  /**
   * Makes a parameter, which belongs to no State yet.
   * @param options name, shape, whether weight decay applies, and the function that makes the first values
   * @throws ERR_INVALID_ARGUMENT for a shape that is not 1 to 4 positive integers
   */
  constructor(options: ParameterOptions) {
    const { name, shape, decay, initialize } = parameterOptions.check(options);
    super({ kind: 'parameter' }, name, { dtype: 'f32', shape: checkShape(`${name}.shape`, shape) });
    this.decay = decay;
    this.initialize = initialize;
  }
}

/** Options of a StateBuffer. */
export interface StateBufferOptions {
  /** Name, unique within a State, e.g. "3a/1x1/runningMean". */
  name: string;
  /** 1 to 4 dimensions. */
  shape: readonly number[];
  /** First value of every element, from -3.4e38 to 3.4e38; default 0. */
  initial?: number;
  /** First values, row-major, in place of one for all elements. They are copied. */
  values?: Float32Array;
}

const stateBufferOptions = new Options<StateBufferOptions>(
  'StateBuffer',
  {
    ...{ name: text, shape: shapeField },
    ...{ initial: optional(number([-3.4e38, 3.4e38])), values: optional(floats) },
  },
  { named: true },
);

/**
 * An f32 tensor that a model keeps from step to step and that no gradient changes: running statistics. Its values live in a
 * State.
 */
export class StateBuffer extends Owned<State> {
  /** First value of every element, unless the buffer has first values of its own. */
  readonly initial: number;
  readonly #values: Float32Array | null;

  /**
   * Makes a buffer, which belongs to no State yet.
   * @param options name, shape, and the first value of every element (default 0) or of each
   * @throws ERR_INVALID_ARGUMENT for a shape that is not 1 to 4 positive integers, or a number or values that are not accepted
   */
  constructor(options: StateBufferOptions) {
    const { name, shape, initial = 0, values } = stateBufferOptions.check(options);
    super({ kind: 'buffer' }, name, { dtype: 'f32', shape: checkShape(`${name}.shape`, shape) });
    this.initial = initial;
    if (values && values.length !== this.size)
      throw invalid(`values of ${name}`, `${this.size} numbers`, values.length);
    this.#values = values ? (copyOf(values, `values of ${name}`) as Float32Array) : null;
  }

  /** Returns the first values, row-major. @internal */
  initialize(): Float32Array {
    return this.#values ?? new Float32Array(this.size).fill(this.initial);
  }
}

/** Options of a State. */
export interface StateOptions {
  /** Seed of the initial values and of every random number in training: an integer from 0 to 2^31 - 1; default 0. */
  seed?: number;
  /** Number of values that the optimizer keeps per weight (Optimizer.slots): 1 for SGD with momentum. 0 to 8; default 1. */
  optimizerSlots?: number;
  /**
   * Index of the slot with the moving average of the weights (Optimizer.averageSlot). It begins as a copy of the weights, and
   * State.write() sets it with the weight. Default null: no average.
   */
  averageSlot?: number | null;
  /**
   * Number of gradients that are kept for each weight: 1, or 2 for updates whose gradient is the sum of those of several parts of a batch,
   * which is the second one. Default 1.
   */
  gradientSlots?: number;
  /** Tensors that the model keeps beside its parameters, such as running statistics; default none. */
  buffers?: readonly StateBuffer[];
  /** Parameters, of those given, that are not trained: they get neither gradients nor values of an optimizer. Default none. */
  frozen?: readonly Parameter[];
  /** The device of the values, or its name. Default: that of the first plan; for a read or write before any plan, "auto". */
  device?: Device | string;
}

/** Accepts a StateBuffer of this copy of saturnn: the State is bound to it. */
const bufferField = instance<StateBuffer>('a StateBuffer', (value) => value instanceof StateBuffer);

const parameterField = instance<Parameter>('a Parameter', (value) => value instanceof Parameter);

const stateOptions = new Options<StateOptions>('State', {
  seed: optional(integer(...seedRange)),
  optimizerSlots: optional(integer(0, 8)),
  averageSlot: optional(orNull(integer(0))),
  gradientSlots: optional(integer(1, 2)),
  buffers: optional(arrayOf(bufferField, 'an array of StateBuffers')),
  frozen: optional(arrayOf(parameterField, 'an array of Parameters')),
  device: optional(deviceField),
});

/**
 * The values of a model on a device, in four contiguous arenas: `parameters`; `optimizer`, one vector of the parameters' size
 * per slot; `gradients`; and `buffers`, the counter (seed, steps done) followed by running statistics. Plans bind to a State:
 * those of training, evaluation and statistics share one.
 */
export class State {
  /** The parameters that are trained, in the order of the arena: those with weight decay first, so that an optimizer needs no mask. */
  readonly parameters: readonly Parameter[];
  /** The parameters that are not trained. Their values follow those of `parameters` in the arena. */
  readonly frozen: readonly Parameter[];
  /** Elements (f32) of all trained parameters, with the gaps that align every parameter to 64 bytes. */
  readonly size: number;
  /** Number of elements at the beginning of the parameter arena to which weight decay applies. */
  readonly decayed: number;
  /** Seed of the initial values and of every random number in training. */
  readonly seed: number;
  /** Number of values that the optimizer keeps per weight. */
  readonly optimizerSlots: number;
  /** Index of the slot with the moving average of the weights; null: no average. */
  readonly averageSlot: number | null;
  /** Number of gradients that are kept for each weight. */
  readonly gradientSlots: number;
  /** Tensors that are kept beside the parameters, in the order of the arena. */
  readonly buffers: readonly StateBuffer[];
  /** i32 [2]: the seed, and the number of steps done. */
  readonly counter: Tensor;
  readonly #offsets: ReadonlyMap<Parameter, number>;
  /** Elements of all parameters, the frozen ones included. */
  readonly #allElements: number;
  readonly #bufferOffsets: ReadonlyMap<StateBuffer, number>;
  readonly #bufferBytes: number;
  /** Values that take the place of first values, until they are on the device. */
  #given: ReadonlyMap<Parameter | StateBuffer, Float32Array> = new Map();
  readonly #initialOrder: readonly Parameter[];
  /** The device that the values must be on; null: any. */
  readonly #home: Device | null;
  #device: Device | null = null;
  #native: Promise<NativeState> | null = null;

  /**
   * Makes a State, without values on a device yet: the first plan that is compiled with it, read or write allocates them.
   * @param parameters one or more, with different names, in the order in which they get their first values
   * @param options seed (default 0), optimizer slots (default 1), slot of the average, buffers and frozen parameters (default: none)
   * @throws ERR_INVALID_ARGUMENT if there are no parameters or all are frozen, two of these tensors have one name, one belongs to
   * another State, or an option is out of range
   */
  constructor(parameters: readonly Parameter[], options: StateOptions = {}) {
    const {
      seed = 0,
      optimizerSlots = 1,
      averageSlot = null,
      buffers = [],
      device,
      ...more
    } = stateOptions.check(options);
    const { frozen: fixed = [], gradientSlots = 1 } = more;
    this.seed = seed;
    this.gradientSlots = gradientSlots;
    this.optimizerSlots = optimizerSlots;
    this.#home = device === undefined ? null : deviceOf(device);
    this.averageSlot = averageSlot === null ? null : checkInteger('averageSlot', averageSlot, 0, optimizerSlots - 1);
    if (!isArray(parameters) || parameters.length === 0)
      throw invalid('parameters', 'at least one Parameter', parameters);
    for (const parameter of parameters)
      if (!(parameter instanceof Parameter)) throw invalid('parameters', 'Parameters', parameter);
    const names = new Set<string>();
    for (const owned of [...parameters, ...buffers]) {
      owned.checkFree();
      if (names.has(owned.name)) throw invalid('parameters and buffers', 'different names', owned.name);
      names.add(owned.name);
    }
    this.#initialOrder = [...parameters];
    const places = layOutParameters(parameters, fixed);
    this.parameters = places.trained;
    this.frozen = places.frozen;
    this.#offsets = places.offsets;
    this.#allElements = places.all;
    this.size = places.size;
    this.decayed = places.decayed;
    this.buffers = [...buffers];
    const counterElements = alignmentBytes / f32Bytes; // The counter comes first.
    const laidOut = layOut(buffers, counterElements);
    this.#bufferOffsets = laidOut.offsets;
    this.#bufferBytes = laidOut.end * f32Bytes;
    for (const owned of [...parameters, ...buffers]) owned.bind(this);
    this.counter = stateTensor(this, 'buffers', 0, { dtype: 'i32', shape: [2], image: false }, 'counter');
  }

  /**
   * Returns the index of a parameter's first element in the parameter arena.
   * @throws ERR_INVALID_ARGUMENT if it is not of this State
   */
  offsetOf(parameter: Parameter): number {
    const offset = this.#offsets.get(parameter);
    if (offset === undefined) throw invalid('parameter', 'a Parameter of this State', parameter?.name ?? parameter);
    return offset;
  }

  /** Whether a parameter is not trained. @throws ERR_INVALID_ARGUMENT if it is not of this State @internal */
  isFrozen(parameter: Parameter): boolean {
    return this.offsetOf(parameter) >= this.size;
  }

  /** Returns the first byte of a parameter's average in the arena `optimizer`. @throws ERR_INVALID_ARGUMENT if there is none */
  averageOffsetOf(parameter: Parameter): number {
    if (this.averageSlot === null) throw invalid('averageSlot of this State', 'a slot with averages', null);
    return this.#bytesOfSlots(this.averageSlot) + this.offsetOf(parameter) * f32Bytes;
  }

  /** Returns the first byte of a buffer in the arena `buffers`. @throws ERR_INVALID_ARGUMENT if it is not of this State */
  byteOffsetOf(buffer: StateBuffer): number {
    const offset = this.#bufferOffsets.get(buffer);
    if (offset === undefined) throw invalid('buffer', 'a StateBuffer of this State', buffer?.name ?? buffer);
    return offset * f32Bytes;
  }

  /**
   * Returns the place of a tensor's values. `which` chooses among those of a parameter; for a buffer it is ignored.
   * @throws ERR_INVALID_ARGUMENT for a tensor of another State, or the averages of a State that has none
   * @internal
   */
  placeOf(tensor: Parameter | StateBuffer, which: 'parameters' | 'gradients' | 'averages' = 'parameters'): ArenaPlace {
    checkArgument('which', whichField, which);
    const ofState = tensor instanceof Parameter || tensor instanceof StateBuffer;
    if (!ofState) throw invalid('tensor', 'a Parameter or StateBuffer of this State', tensor);
    const byteLength = tensor.size * f32Bytes;
    if (!(tensor instanceof Parameter)) return { arena: 'buffers', byteOffset: this.byteOffsetOf(tensor), byteLength };
    const offset = this.offsetOf(tensor);
    if (this.isFrozen(tensor)) {
      if (which === 'gradients') throw invalid('tensor', 'a Parameter that is not frozen', tensor.name);
      // Its average is its value, which never changes.
      return { arena: 'parameters', byteOffset: offset * f32Bytes, byteLength };
    }
    if (which === 'averages') return { arena: 'optimizer', byteOffset: this.averageOffsetOf(tensor), byteLength };
    return { arena: which, byteOffset: offset * f32Bytes, byteLength };
  }

  /**
   * The place of the averages of all parameters, in the layout of the parameter arena; null if there are none.
   * @internal
   */
  get averagesPlace(): ArenaPlace | null {
    if (this.averageSlot === null) return null;
    return { arena: 'optimizer', byteOffset: this.#bytesOfSlots(this.averageSlot), byteLength: this.#bytesOfSlots(1) };
  }

  /** Returns the bytes of `count` vectors [size]; this is also the first byte of the optimizer's slot `count`. */
  #bytesOfSlots(count: number): number {
    return count * this.size * f32Bytes;
  }

  /** Returns an arena as a vector [size], gaps included; for `optimizer` and `gradients`, slot number `slot`. @throws ERR_INVALID_ARGUMENT */
  vector(arena: Exclude<Arena, 'buffers'>, slot = 0): Tensor {
    checkArgument('arena', vectorsField, arena);
    const slots = { parameters: 1, optimizer: this.optimizerSlots, gradients: this.gradientSlots };
    checkInteger('slot', slot, 0, slots[arena] - 1);
    return stateTensor(
      this,
      arena,
      this.#bytesOfSlots(slot),
      { dtype: 'f32', shape: [this.size], image: false },
      arena,
    );
  }

  /**
   * Returns the values on `device`; the first call allocates and initialises them. Rejects with ERR_STATE if they are on another
   * device already, and with ERR_DISPOSED after dispose().
   * @internal
   */
  on(device: Device): Promise<NativeState> {
    const there = this.#home ?? this.#device;
    if (there && there !== device) {
      // A device that is opened with another number of threads has the same name.
      const here =
        there.name === device.name ? `another ${device.name}, which was opened with other options` : device.name;
      const message = `this State is on ${there.name} and cannot be used on ${here}`;
      return Promise.reject(new SaturnnError('ERR_STATE', message));
    }
    if (!this.#native) {
      const made = typed(this.#create(device));
      this.#device = device;
      this.#native = made;
      // A failure is not kept: the next attempt may find free memory, or use another device.
      made.catch(() => {
        if (this.#native !== made) return;
        this.#native = null;
        this.#device = null;
      });
    }
    return this.#native;
  }

  async #create(device: Device): Promise<NativeState> {
    const given = this.#given;
    const places = { parameters: this.#initialOrder, offsets: this.#offsets, size: this.#allElements };
    const values = initialValues({ ...places, seed: this.seed, given });
    const native = device.native.createState({
      parameters: this.bytesOf('parameters'),
      optimizer: this.bytesOf('optimizer'),
      gradients: this.bytesOf('gradients'),
      buffers: this.bytesOf('buffers'),
    });
    try {
      await native.write('parameters', 0, values);
      const averages = this.averagesPlace;
      if (averages) await native.write(averages.arena, averages.byteOffset, values.slice(0, this.size));
      await native.write('buffers', 0, Int32Array.of(this.seed, 0));
      for (const buffer of this.buffers)
        await native.write('buffers', this.byteOffsetOf(buffer), given.get(buffer) ?? buffer.initialize());
      this.#given = new Map();
      return native;
    } catch (error) {
      // Now, not when it is collected: the caller may try again with something smaller, or on another device.
      native.dispose();
      throw error;
    }
  }

  /**
   * Sets the values with which tensors begin in place of their own first values, before they are on a device.
   * @throws ERR_STATE if the values are on a device already
   * @internal
   */
  beginWith(given: ReadonlyMap<Parameter | StateBuffer, Float32Array>): void {
    if (this.#native) throw new SaturnnError('ERR_STATE', 'this State has its first values already');
    this.#given = given;
  }

  /**
   * Returns a tensor's values, row-major, after the runs that are queued. `which` chooses among those of a parameter: its weights, the
   * gradients of the last step (in a training with `accumulate`, of its last part), or its moving average. Opens device "auto" if the
   * values are on no device yet.
   * @throws ERR_INVALID_ARGUMENT for a tensor of another State, or the averages of a State that has none; ERR_DISPOSED
   */
  async read(
    tensor: Parameter | StateBuffer,
    which: 'parameters' | 'gradients' | 'averages' = 'parameters',
  ): Promise<Float32Array> {
    const { arena, byteOffset, byteLength } = this.placeOf(tensor, which);
    const native = await this.#realized();
    return new Float32Array(await typed(native.read(arena, byteOffset, byteLength)));
  }

  /**
   * Replaces a tensor's values (row-major), and a parameter's moving average with the same values. `values` is copied at the
   * call; a Float64Array is rounded to float32.
   * @throws ERR_INVALID_ARGUMENT for another number of elements than the tensor has, or a tensor of another State; ERR_DISPOSED
   */
  async write(tensor: Parameter | StateBuffer, values: Float32Array | Float64Array): Promise<void> {
    const own = this.placeOf(tensor);
    const copied = givenValues(tensor, values);
    const hasAverage = tensor instanceof Parameter && this.averageSlot !== null && !this.isFrozen(tensor);
    const places = [own, ...(hasAverage ? [this.placeOf(tensor, 'averages')] : [])];
    const native = await this.#realized();
    for (const { arena, byteOffset } of places) await typed(native.write(arena, byteOffset, copied));
  }

  /**
   * Returns a copy of a whole arena, byte for byte, for checkpoints and comparisons.
   * @throws ERR_DISPOSED; ERR_UNSUPPORTED if it is larger than an array of this version of Node.js can be (4 GiB in Node.js 20)
   */
  async readArena(arena: Arena): Promise<Uint8Array> {
    checkArgument('arena', arenaField, arena);
    this.requireReadable(arena);
    const native = await this.#realized();
    return new Uint8Array(await typed(native.read(arena, 0, this.bytesOf(arena))));
  }

  /** Checks that readArena() can return an arena, which a checkpoint needs. @throws ERR_UNSUPPORTED @internal */
  requireReadable(arena: Arena, most = constants.MAX_LENGTH): void {
    const bytes = this.bytesOf(arena);
    if (bytes <= most) return;
    const here = `this Node.js has arrays of at most ${most}: use a newer one, or a smaller model`;
    throw new SaturnnError('ERR_UNSUPPORTED', `The arena ${arena} has ${bytes} bytes, and ${here}`);
  }

  /**
   * Replaces a whole arena. `bytes` is copied at the call.
   * @throws ERR_INVALID_ARGUMENT if `bytes` is not of the arena's size; ERR_DISPOSED
   */
  async writeArena(arena: Arena, bytes: Uint8Array): Promise<void> {
    checkArgument('arena', arenaField, arena);
    const given = bytesOf(bytes, `bytes of arena ${arena}`);
    if (given.length !== this.bytesOf(arena)) {
      throw invalid(`bytes of arena ${arena}`, `${this.bytesOf(arena)} bytes`, given.length);
    }
    const copied = new Uint8Array(given);
    const native = await this.#realized();
    await typed(native.write(arena, 0, copied));
  }

  /**
   * Returns the size of an arena in bytes, gaps included.
   * @internal
   */
  bytesOf(arena: Arena): number {
    if (arena === 'buffers') return this.#bufferBytes;
    if (arena === 'parameters') return this.#allElements * f32Bytes;
    return this.#bytesOfSlots(arena === 'optimizer' ? this.optimizerSlots : this.gradientSlots);
  }

  /** Returns the values where they are; if they are on no device yet, makes them on their own device, or else on "auto". */
  async #realized(): Promise<NativeState> {
    if (this.#native) return this.#native;
    return this.on(this.#home ?? openDevice('auto'));
  }

  /**
   * Frees the device memory as soon as the calls that are queued have run. Later runs of plans that are bound to this State
   * reject with ERR_DISPOSED; those plans keep their own memory until they are disposed of.
   */
  dispose(): void {
    const native = this.#native;
    this.#native = Promise.reject(new SaturnnError('ERR_DISPOSED', 'this State was disposed of'));
    this.#native.catch(() => {});
    dropPlansOf(this);
    native?.then((state) => state.dispose()).catch(() => {});
  }

  /** Calls dispose(), for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

markCopy(State);

/** Accepts a State of this copy of saturnn, whose private values are used. */
export const stateField: Field<State> = instance<State>('a State', (value) => value instanceof State);
