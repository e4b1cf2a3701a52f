import { invalid } from '../errors';
import { assign } from '../ops/update';
import type { StateBuffer } from '../tensor/state';
import { isTensor, type Node, type Tensor } from '../tensor/tensor';

/**
 * The purpose of a forward pass, training or inference, for layers that differ between them: batch normalisation, dropout, rrelu.
 */
export interface ForwardContext {
  /** Whether the pass is a part of a training step. */
  readonly training: boolean;
  /** Seed and step, i32 [2], from which layers make their random numbers. Null: dropout and rrelu throw when training. */
  readonly counter: Tensor | null;
  /**
   * Sets `target` to next(old value) at the end of the step, unless the step is skipped. If it is called more than once for a
   * target, each call continues from the value of the call before.
   */
  remember(target: StateBuffer, next: (old: Tensor) => Tensor): void;
}

/** The context of the model's forward pass that is under way. */
let current: ForwardContext | null = null;

/**
 * Makes a forward pass with this context: layers that are given none within `make` have it too. A graph is made without waiting for
 * anything, so no other forward pass can come in between.
 */
export function within<T>(context: ForwardContext, make: () => T): T {
  const before = current;
  current = context;
  try {
    return make();
  } finally {
    current = before;
  }
}

/**
 * Returns the context of the model's forward pass that is under way. Outside of one, the result is a context that a layer cannot
 * read: a layer that needs it throws ERR_INVALID_ARGUMENT, because inference would be a guess.
 */
export const currentContext = (): ForwardContext => current ?? unknown;

/**
 * Returns the context that a layer was given; without one, that of the model's forward pass that is under way.
 * @throws ERR_INVALID_ARGUMENT if it is no ForwardContext
 */
export function contextOf(given: ForwardContext = currentContext()): ForwardContext {
  if (given !== unknown && !isContext(given)) throw invalid('context', contexts, given);
  return given;
}

function isContext(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { training, counter, remember } = value as ForwardContext;
  return typeof training === 'boolean' && (counter === null || isTensor(counter)) && typeof remember === 'function';
}

const contexts = 'layers.inference, or new layers.TrainingContext(state.counter) for a training step,';

const missing = (): never => {
  throw invalid('context of a layer that differs between training and inference', contexts, undefined);
};

const unknown: ForwardContext = {
  get training() {
    return missing();
  },
  get counter() {
    return missing();
  },
  remember: missing,
};

/** The context of inference: without random numbers, and without changes of buffers. */
export const inference: ForwardContext = { training: false, counter: null, remember: () => {} };

/** The context of a training step: it collects the changes of buffers (running statistics) that layers ask for. */
export class TrainingContext implements ForwardContext {
  readonly training = true;
  readonly #remembered = new Map<StateBuffer, Tensor>();

  /** @param counter the counter of the State, i32 [2] */
  constructor(readonly counter: Tensor) {}

  remember(target: StateBuffer, next: (old: Tensor) => Tensor): void {
    this.#remembered.set(target, next(this.#remembered.get(target) ?? target));
  }

  /** The new values, f32, by the buffers that get them. @internal */
  get remembered(): ReadonlyMap<StateBuffer, Tensor> {
    return this.#remembered;
  }

  /** The new values of the buffers, f32. */
  get values(): Tensor[] {
    return [...this.#remembered.values()];
  }

  /**
   * Returns the nodes that change the buffers, for Graph.from({ updates }).
   * @param gate i32 [1]: nothing is written if it is not 0. OptimizerNodes.skip or, if that is null, OptimizerNodes.gate
   */
  updates(gate: Tensor | null): Node[] {
    return [...this.#remembered].map(([target, value]) => assign(target, value, { gate }));
  }
}
