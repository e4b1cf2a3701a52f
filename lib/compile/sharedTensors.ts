import type { Tensor } from '../tensor/tensor';

/** Tensors that a pass makes once for several new nodes, found again by the tensors that they are made from. */
export class SharedTensors {
  readonly #ids = new Map<Tensor, number>();
  readonly #made = new Map<string, Tensor>();

  /**
   * Returns the tensor of this kind made from `inputs`; the first call makes it.
   * @param kind everything about it that `inputs` do not tell
   */
  get(kind: string, inputs: readonly Tensor[], make: () => Tensor): Tensor {
    const key = `${kind} of ${inputs.map((tensor) => this.id(tensor))}`;
    const known = this.#made.get(key);
    if (known) return known;
    const made = make();
    this.#made.set(key, made);
    return made;
  }

  /** Returns a number that is unique to a tensor, for keys. */
  id(tensor: Tensor): number {
    const known = this.#ids.get(tensor);
    if (known !== undefined) return known;
    this.#ids.set(tensor, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** Returns a text that is equal for equal attributes, whatever the order of their names. */
export const attributesKey = (attributes: Readonly<Record<string, number>>): string =>
  Object.keys(attributes)
    .sort()
    .map((name) => `${name}=${attributes[name]}`)
    .join();
