import type { Parameter, Tensor } from '../tensor';

/** A part of a network: parameters, and how they make one tensor from another. Composes ops; holds no values. */
export interface Layer {
  readonly parameters: readonly Parameter[];
  forward(x: Tensor): Tensor;
}
