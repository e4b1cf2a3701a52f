import { concat } from '../ops/concat';
import type { Parameter, Tensor } from '../tensor';
import { type Layer, parametersOf } from './layer';

/** Branches that read the same image, side by side in its channels. */
export class Concatenate implements Layer {
  readonly parameters: readonly Parameter[];

  constructor(
    readonly branches: readonly Layer[],
    private readonly options: { name?: string } = {},
  ) {
    this.parameters = parametersOf(branches);
  }

  forward(x: Tensor): Tensor {
    return concat(
      this.branches.map((branch) => branch.forward(x)),
      this.options,
    );
  }
}
