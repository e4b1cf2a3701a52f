import { averagePool, globalAveragePool, maxPool, type PoolOptions } from '../ops/pooling';
import type { Parameter } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import type { Layer } from './layer';

/** Average pooling: the mean of each window, padding not counted. [N, H, W, C] -> [N, H', W', C]. forward() checks options. */
export class AveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  constructor(private readonly options: PoolOptions) {}

  forward(x: Tensor): Tensor {
    return averagePool(x, this.options);
  }
}

/** Max pooling: the largest value of each window. [N, H, W, C] -> [N, H', W', C]. forward() checks the options. */
export class MaxPool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  constructor(private readonly options: PoolOptions) {}

  forward(x: Tensor): Tensor {
    return maxPool(x, this.options);
  }
}

/** Global average pooling: the mean over height and width. [N, H, W, C] -> [N, C] */
export class GlobalAveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  constructor(private readonly options: { name?: string } = {}) {}

  forward(x: Tensor): Tensor {
    return globalAveragePool(x, this.options);
  }
}
