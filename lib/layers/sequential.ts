import type { Parameter, StateBuffer, Tensor } from '../tensor';
import { type ForwardContext, inference } from './context';
import { buffersOf, type Layer, parametersOf } from './layer';

/** Layers one after the other. */
export class Sequential implements Layer {
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];

  constructor(readonly layers: readonly Layer[]) {
    this.parameters = parametersOf(layers);
    this.buffers = buffersOf(layers);
  }

  forward(x: Tensor, context: ForwardContext = inference): Tensor {
    return this.layers.reduce((tensor, layer) => layer.forward(tensor, context), x);
  }
}
