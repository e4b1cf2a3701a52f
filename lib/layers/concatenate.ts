import { concat } from '../ops/concat';
import type { Parameter, StateBuffer, Tensor } from '../tensor';
import { type ForwardContext, inference } from './context';
import { buffersOf, type Layer, parametersOf } from './layer';

/** Branches that read the same image, side by side in its channels. */
export class Concatenate implements Layer {
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];

  constructor(
    readonly branches: readonly Layer[],
    private readonly options: { name?: string } = {},
  ) {
    this.parameters = parametersOf(branches);
    this.buffers = buffersOf(branches);
  }

  forward(x: Tensor, context: ForwardContext = inference): Tensor {
    return concat(
      this.branches.map((branch) => branch.forward(x, context)),
      this.options,
    );
  }
}
