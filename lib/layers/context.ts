import { assign } from '../ops/update';
import type { Node, StateBuffer, Tensor } from '../tensor/tensor';

/** What a forward pass is for. Layers that behave differently in training (batch normalisation, dropout) ask it. */
export interface ForwardContext {
  readonly training: boolean;
  /** i32 [2], seed and step: the key of a layer's random numbers. Null where nothing is random: then layers that are refuse to train. */
  readonly counter: Tensor | null;
  /** At the end of this step, if it is taken, `target` becomes `next` of what it was; twice, if it is asked for twice. */
  remember(target: StateBuffer, next: (old: Tensor) => Tensor): void;
}

/** Nothing is random, and nothing is remembered. */
export const inference: ForwardContext = { training: false, counter: null, remember: () => {} };

/** A forward pass of training; collects what its layers want remembered. */
export class TrainingContext implements ForwardContext {
  readonly training = true;
  readonly #remembered = new Map<StateBuffer, Tensor>();

  /** @param counter State.counter */
  constructor(readonly counter: Tensor) {}

  remember(target: StateBuffer, next: (old: Tensor) => Tensor): void {
    this.#remembered.set(target, next(this.#remembered.get(target) ?? target));
  }

  /** Nodes for Graph.from({updates}), behind the optimizer's gate. */
  updates(gate: Tensor | null): Node[] {
    return [...this.#remembered].map(([target, value]) => assign(target, value, { gate }));
  }
}
