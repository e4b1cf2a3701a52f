import { averagePool, encodePool, globalAveragePool, maxPool, type PoolOptions, poolFields } from '../ops/pooling';
import { optional, text } from '../options/field';
import { Options } from '../options/options';
import type { Parameter } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import type { Layer } from './layer';

const averagePoolOptions = new Options('AveragePool', poolFields, { named: true });
const maxPoolOptions = new Options('MaxPool', poolFields, { named: true });
const globalAveragePoolOptions = new Options<{ name?: string }>('GlobalAveragePool', { name: optional(text) });

/** Checks the options of a pooling, also against each other. @throws ERR_INVALID_ARGUMENT */
function checkPool(declared: Options<PoolOptions>, options: PoolOptions): PoolOptions {
  const checked = declared.check(options);
  encodePool(checked);
  return checked;
}

/**
 * Average pooling: the mean of each window, padding not counted. [N, H, W, C] -> [N, H', W', C]. Options: `kernel` and `stride`
 * (a number, or [vertical, horizontal]), `padding` (default 0, smaller than the kernel; a number for all sides, [vertical, horizontal] or
 * [top, bottom, left, right]), `ceil`, `name`. H' is (H + padding above + padding below - kernel) / stride + 1, rounded down, or up if `ceil` is true (default false), but no window begins outside of
 * the image; W' likewise.
 */
export class AveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  readonly #options: PoolOptions;

  /** Makes the layer. @throws ERR_INVALID_ARGUMENT for an option that is not valid */
  constructor(options: PoolOptions) {
    this.#options = checkPool(averagePoolOptions, options);
  }

  /** x [N, H, W, C] -> [N, H', W', C]. @throws ERR_SHAPE */
  forward(x: Tensor): Tensor {
    return averagePool(x, this.#options);
  }
}

/** Max pooling: the largest value of each window. [N, H, W, C] -> [N, H', W', C]. The options are those of AveragePool. */
export class MaxPool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  readonly #options: PoolOptions;

  /** Makes the layer. @throws ERR_INVALID_ARGUMENT for an option that is not valid */
  constructor(options: PoolOptions) {
    this.#options = checkPool(maxPoolOptions, options);
  }

  /** x [N, H, W, C] -> [N, H', W', C]. @throws ERR_SHAPE */
  forward(x: Tensor): Tensor {
    return maxPool(x, this.#options);
  }
}

/** Global average pooling: the mean over height and width. [N, H, W, C] -> [N, C] */
export class GlobalAveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];

  readonly #options: { name?: string };

  /** @param options `name`: name of the node, for messages and profiles @throws ERR_INVALID_ARGUMENT */
  constructor(options: { name?: string } = {}) {
    this.#options = globalAveragePoolOptions.check(options);
  }

  /** x [N, H, W, C] -> [N, C]. @throws ERR_SHAPE */
  forward(x: Tensor): Tensor {
    return globalAveragePool(x, this.#options);
  }
}
