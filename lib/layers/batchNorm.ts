import { batchNorm, batchNormInference, defaultEpsilon, follow } from '../ops/normalization';
import { integer, number, optional, text } from '../options/field';
import { Options } from '../options/options';
import { Parameter, StateBuffer } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import { contextOf, type ForwardContext } from './context';
import type { Layer } from './layer';

/** Options of BatchNorm. */
export interface BatchNormOptions {
  /** Prefix of the names of parameters and buffers, and the name of its kernels. */
  name: string;
  /** Channels of x. */
  channels: number;
  /** Added to the variance, so that it is not 0: 1e-30 to 1, default 1e-5. */
  epsilon?: number;
  /**
   * Share of their old values that the running statistics keep in every step, 0 to 1; default 0.9. PyTorch's momentum is the
   * other share, 1 minus this one.
   */
  momentum?: number;
}

const batchNormOptions = new Options<BatchNormOptions>(
  'BatchNorm',
  { name: text, channels: integer(1), epsilon: optional(number([1e-30, 1])), momentum: optional(number([0, 1])) },
  { named: true },
);

/**
 * Batch normalisation (Ioffe and Szegedy 2015): y = scale (x - mean) / sqrt(variance + epsilon) + shift, with trained scale and
 * shift per channel (the last dimension). [..., C] -> [..., C], 2 to 4 dimensions.
 *
 * Training uses the mean and variance of the batch, and moves the running statistics towards them: running = momentum running +
 * (1 - momentum) batch, with the unbiased variance (divided by n - 1), as PyTorch and cuDNN do. Inference uses the running
 * statistics. The rows that fill up a last batch count for the statistics like all others; DataLoader takes further images for
 * them.
 */
export class BatchNorm implements Layer {
  /** NAME/scale [channels], which begins at 1 and has no weight decay. */
  readonly scale: Parameter;
  /** NAME/shift [channels], which begins at 0 and has no weight decay. */
  readonly shift: Parameter;
  /** NAME/runningMean [channels], which begins at 0. */
  readonly runningMean: StateBuffer;
  /** NAME/runningVariance [channels], which begins at 1. */
  readonly runningVariance: StateBuffer;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];
  readonly #name: string;
  readonly #epsilon: number;
  readonly #momentum: number;

  /**
   * Makes the layer, its parameters and its buffers.
   * @param options name, number of channels, epsilon (default 1e-5) and momentum (default 0.9)
   * @throws ERR_INVALID_ARGUMENT for a number out of range
   */
  constructor(options: BatchNormOptions) {
    const { name, channels, epsilon = defaultEpsilon, momentum = 0.9 } = batchNormOptions.check(options);
    const shape = [channels];
    this.#name = name;
    this.#epsilon = epsilon;
    this.#momentum = momentum;
    const parameter = (part: string, value: number) =>
      new Parameter({
        name: `${name}/${part}`,
        shape,
        decay: false,
        initialize: () => new Float32Array(channels).fill(value),
      });
    this.scale = parameter('scale', 1);
    this.shift = parameter('shift', 0);
    this.runningMean = new StateBuffer({ name: `${name}/runningMean`, shape });
    this.runningVariance = new StateBuffer({ name: `${name}/runningVariance`, shape, initial: 1 });
    this.parameters = [this.scale, this.shift];
    this.buffers = [this.runningMean, this.runningVariance];
  }

  /** x [..., C] -> [..., C]. @throws ERR_SHAPE, also in training for fewer than 2 values per channel */
  forward(x: Tensor, context?: ForwardContext): Tensor {
    const { scale, shift, runningMean, runningVariance } = this;
    const options = { epsilon: this.#epsilon, name: this.#name };
    const own = contextOf(context);
    if (!own.training) {
      return batchNormInference(x, { mean: runningMean, variance: runningVariance, scale, shift }, options);
    }
    const { y, mean, variance } = batchNorm(x, { scale, shift }, options);
    const towards = (value: Tensor) => (old: Tensor) => follow(old, value, { keep: this.#momentum, name: this.#name });
    own.remember(runningMean, towards(mean));
    own.remember(runningVariance, towards(variance));
    return y;
  }
}
