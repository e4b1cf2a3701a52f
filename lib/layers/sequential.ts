import type { Parameter, Tensor } from '../tensor';
import { type Layer, parametersOf } from './layer';

/** Layers one after the other. */
export class Sequential implements Layer {
  readonly parameters: readonly Parameter[];

  constructor(readonly layers: readonly Layer[]) {
    this.parameters = parametersOf(layers);
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((tensor, layer) => layer.forward(tensor), x);
  }
}
