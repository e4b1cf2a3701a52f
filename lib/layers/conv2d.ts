import { checkInteger } from '../errors';
import { defaultInitializer, type Initializer } from '../initializers';
import { type Activation, activate } from '../ops/activation';
import { conv2d, type Pair, pair } from '../ops/conv2d';
import type { Parameter, Tensor } from '../tensor';
import { type ForwardContext, inference } from './context';
import { type Layer, weightAndBias } from './layer';

export interface Conv2dOptions {
  /** Prefix of the parameters' names, and the name of its kernels. */
  name: string;
  /** Channels of x. */
  inputs: number;
  /** Channels of y. */
  outputs: number;
  kernel: Pair;
  /** Default 1. */
  stride?: Pair;
  /** Default 0. */
  padding?: Pair;
  /** Applied after the bias; none if absent. */
  activation?: Activation;
  /** Of the weights; default by activation. Biases begin at 0. */
  initializer?: Initializer;
}

/** Convolution, bias, activation. [N, H, W, inputs] -> [N, H', W', outputs] */
export class Conv2d implements Layer {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly parameters: readonly Parameter[];
  readonly #options: Conv2dOptions;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor(options: Conv2dOptions) {
    const { name, activation, initializer = defaultInitializer(activation) } = options;
    const inputs = checkInteger(`inputs of ${name}`, options.inputs, 1);
    const outputs = checkInteger(`outputs of ${name}`, options.outputs, 1);
    const shape = [outputs, ...pair(`kernel of ${name}`, options.kernel, 1), inputs];
    this.#options = options;
    const { weight, bias } = weightAndBias(name, shape, initializer);
    this.weight = weight;
    this.bias = bias;
    this.parameters = [weight, bias];
  }

  forward(x: Tensor, context: ForwardContext = inference): Tensor {
    const { name, stride, padding, activation } = this.#options;
    const { bias } = this;
    if (!activation) return conv2d(x, this.weight, { bias, stride, padding, name });
    return activate(conv2d(x, this.weight, { stride, padding, name }), activation, { bias, name, context });
  }
}
