import { globalAveragePool } from '../ops/globalAveragePool';
import type { Parameter, Tensor } from '../tensor';
import type { Layer } from './layer';

/** The mean over height and width. [N, H, W, C] -> [N, C] */
export class GlobalAveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  constructor(private readonly options: { name?: string } = {}) {}

  forward(x: Tensor): Tensor {
    return globalAveragePool(x, this.options);
  }
}
