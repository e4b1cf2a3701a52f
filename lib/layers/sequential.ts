import type { Parameter, StateBuffer } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import { contextOf, type ForwardContext } from './context';
import { asLayers, buffersOf, type Layer, type LayerFunction, parametersOf } from './layer';

/** Layers that are applied one after the other. A layer may also be a plain function of a tensor. */
export class Sequential implements Layer {
  /** The layers; plain functions are layers without parameters here. */
  readonly layers: readonly Layer[];
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];

  /** Makes the layer. @throws ERR_INVALID_ARGUMENT for anything that is neither a layer nor a function */
  constructor(layers: readonly (Layer | LayerFunction)[]) {
    this.layers = asLayers('layers', layers);
    this.parameters = parametersOf(this.layers);
    this.buffers = buffersOf(this.layers);
  }

  /** Applies the layers to x, in order. @throws what the layers' forward() throws */
  forward(x: Tensor, context?: ForwardContext): Tensor {
    const own = contextOf(context);
    return this.layers.reduce((tensor, layer) => layer.forward(tensor, own), x);
  }
}
