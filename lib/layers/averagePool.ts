import { averagePool } from '../ops/averagePool';
import type { PoolOptions } from '../ops/pool';
import type { Parameter, Tensor } from '../tensor';
import type { Layer } from './layer';

/** The mean of each window, padding not counted. [N, H, W, C] -> [N, H', W', C] */
export class AveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  constructor(private readonly options: PoolOptions) {}

  forward(x: Tensor): Tensor {
    return averagePool(x, this.options);
  }
}
