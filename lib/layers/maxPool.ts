import { maxPool } from '../ops/maxPool';
import type { PoolOptions } from '../ops/pool';
import type { Parameter, Tensor } from '../tensor';
import type { Layer } from './layer';

/** The largest value of each window. [N, H, W, C] -> [N, H', W', C] */
export class MaxPool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  constructor(private readonly options: PoolOptions) {}

  forward(x: Tensor): Tensor {
    return maxPool(x, this.options);
  }
}
