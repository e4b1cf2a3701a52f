import { concat } from '../ops/channels';
import { optional, text } from '../options/field';
import { Options } from '../options/options';
import type { Parameter, StateBuffer } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import { contextOf, type ForwardContext } from './context';
import { asLayers, buffersOf, type Layer, type LayerFunction, parametersOf } from './layer';

const concatenateOptions = new Options<{ name?: string }>('Concatenate', { name: optional(text) });

/**
 * Branches that read the same image; their outputs are joined in the channels, in the order of the branches.
 * [N, H, W, C] -> [N, H', W', sum of the branches' channels]. A branch may be a plain function of a tensor.
 */
export class Concatenate implements Layer {
  /** The branches; plain functions are layers without parameters here. */
  readonly branches: readonly Layer[];
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];

  readonly #options: { name?: string };

  /**
   * Makes the layer.
   * @param options `name`: name of the node that joins the outputs, for messages and profiles
   * @throws ERR_INVALID_ARGUMENT if a branch is neither a layer nor a function
   */
  constructor(branches: readonly (Layer | LayerFunction)[], options: { name?: string } = {}) {
    this.#options = concatenateOptions.check(options);
    this.branches = asLayers('branches', branches);
    this.parameters = parametersOf(this.branches);
    this.buffers = buffersOf(this.branches);
  }

  /** x [N, H, W, C] -> the outputs of all branches. @throws ERR_SHAPE if they differ in batch, height or width */
  forward(x: Tensor, context?: ForwardContext): Tensor {
    const own = contextOf(context);
    return concat(
      this.branches.map((branch) => branch.forward(x, own)),
      this.#options,
    );
  }
}
