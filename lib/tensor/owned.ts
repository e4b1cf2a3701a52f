import { SaturnnError } from '../errors';
import { type Source, sourceNode, Tensor, type TensorSpec } from './tensor';

/** A named tensor whose values live in a State. It belongs to one State at most. */
export abstract class Owned<State> extends Tensor {
  /** Unique within a State. */
  readonly name: string;
  #state: State | null = null;

  constructor(source: Source, name: string, spec: Omit<TensorSpec, 'image'>) {
    super(sourceNode(source, name), 0, { ...spec, image: false });
    (this.node.outputs as Tensor[]).push(this);
    this.name = name;
  }

  /** The State that holds the values; null before a State was made with it. */
  get state(): State | null {
    return this.#state;
  }

  /**
   * Checks that it belongs to no State yet.
   * @throws ERR_INVALID_ARGUMENT
   * @internal
   */
  checkFree(): void {
    if (this.#state) {
      const kind = this.node.source?.kind === 'parameter' ? 'Parameter' : 'StateBuffer';
      throw new SaturnnError('ERR_INVALID_ARGUMENT', `${kind} "${this.name}" already belongs to a State`);
    }
  }

  /**
   * Sets its State; only State's constructor calls this.
   * @throws ERR_INVALID_ARGUMENT if it has one already
   * @internal
   */
  bind(state: State): void {
    this.checkFree();
    this.#state = state;
  }
}
