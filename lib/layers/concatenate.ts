import { concat } from '../ops/channels';
import type { Parameter, StateBuffer, Tensor } from '../tensor/tensor';
import { type ForwardContext, inference } from './context';
import { asLayer, buffersOf, type Layer, type LayerFunction, parametersOf } from './layer';

/** Branches that read the same image, side by side in its channels; plain functions may be among them. */
export class Concatenate implements Layer {
  readonly branches: readonly Layer[];
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];

  /** @throws ERR_INVALID_ARGUMENT */
  constructor(
    branches: readonly (Layer | LayerFunction)[],
    private readonly options: { name?: string } = {},
  ) {
    this.branches = branches.map(asLayer);
    this.parameters = parametersOf(this.branches);
    this.buffers = buffersOf(this.branches);
  }

  forward(x: Tensor, context: ForwardContext = inference): Tensor {
    return concat(
      this.branches.map((branch) => branch.forward(x, context)),
      this.options,
    );
  }
}
