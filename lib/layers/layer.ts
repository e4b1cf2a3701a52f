import type { Parameter, Tensor } from '../tensor';

/** A part of a network: parameters, and how they make one tensor from another. Composes ops; holds no values. */
export interface Layer {
  /** Each once, however often the layer uses it. */
  readonly parameters: readonly Parameter[];
  forward(x: Tensor): Tensor;
}

/** Those of all `layers`, each once: a layer that is used twice shares its parameters with itself. */
export function parametersOf(layers: readonly Layer[]): readonly Parameter[] {
  return [...new Set(layers.flatMap((layer) => layer.parameters))];
}
