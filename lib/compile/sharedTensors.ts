import type { Tensor } from '../tensor/tensor';

/** Tensors that a pass makes once and several of its new nodes read: by what they are made from. */
export class SharedTensors {
  readonly #ids = new Map<Tensor, number>();
  readonly #made = new Map<string, Tensor>();

  /** @param kind says all about the tensor that `inputs` do not */
  get(kind: string, inputs: readonly Tensor[], make: () => Tensor): Tensor {
    const key = `${kind} of ${inputs.map((tensor) => this.id(tensor))}`;
    const known = this.#made.get(key);
    if (known) return known;
    const made = make();
    this.#made.set(key, made);
    return made;
  }

  /** A number that no other tensor has, for keys. */
  id(tensor: Tensor): number {
    const known = this.#ids.get(tensor);
    if (known !== undefined) return known;
    this.#ids.set(tensor, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** The same for equal attributes. */
export const attributesKey = (attributes: Readonly<Record<string, number>>): string =>
  Object.keys(attributes)
    .sort()
    .map((name) => `${name}=${attributes[name]}`)
    .join();
