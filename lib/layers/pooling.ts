import { averagePool, globalAveragePool, maxPool, type PoolOptions } from '../ops/pooling';
import type { Parameter } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import type { Layer } from './layer';

/**
 * Average pooling: the mean of each window, padding not counted. [N, H, W, C] -> [N, H', W', C]. Options: `kernel` and `stride`
 * (a number, or [vertical, horizontal]), `padding` on each side (default 0, smaller than the kernel), `ceil`, `name`. H' is
 * (H + 2 padding - kernel) / stride + 1, rounded down, or up if `ceil` is true (default false), but no window begins outside of
 * the image; W' likewise.
 */
export class AveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  /** Makes the layer. The options are checked by forward(). */
  constructor(private readonly options: PoolOptions) {}

  /** x [N, H, W, C] -> [N, H', W', C]. @throws ERR_SHAPE; ERR_INVALID_ARGUMENT for an option that is not valid */
  forward(x: Tensor): Tensor {
    return averagePool(x, this.options);
  }
}

/** Max pooling: the largest value of each window. [N, H, W, C] -> [N, H', W', C]. The options are those of AveragePool. */
export class MaxPool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  /** Makes the layer. The options are checked by forward(). */
  constructor(private readonly options: PoolOptions) {}

  /** x [N, H, W, C] -> [N, H', W', C]. @throws ERR_SHAPE; ERR_INVALID_ARGUMENT for an option that is not valid */
  forward(x: Tensor): Tensor {
    return maxPool(x, this.options);
  }
}

/** Global average pooling: the mean over height and width. [N, H, W, C] -> [N, C] */
export class GlobalAveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  /** @param options `name`: name of the node, for messages and profiles */
  constructor(private readonly options: { name?: string } = {}) {}

  /** x [N, H, W, C] -> [N, C]. @throws ERR_SHAPE */
  forward(x: Tensor): Tensor {
    return globalAveragePool(x, this.options);
  }
}
