import { checkInteger, invalid } from '../errors';
import { defaultInitializer, type Initializer } from '../initial/initializers';
import { activate } from '../ops/activation';
import type { Activation } from '../ops/activations';
import { conv2d } from '../ops/convolution';
import { type Pair, pair } from '../ops/op';
import type { Parameter, StateBuffer, Tensor } from '../tensor/tensor';
import { BatchNorm } from './batchNorm';
import { type ForwardContext, inference } from './context';
import { type Layer, weightAndBias } from './layer';

/** What stands between a convolution and its activation. */
export type Normalization = 'none' | 'batch';

/** @throws ERR_INVALID_ARGUMENT */
export function checkNormalization(argument: string, value: unknown): Normalization {
  if (value !== 'none' && value !== 'batch') throw invalid(argument, '"none" or "batch"', value);
  return value;
}

/** What the convolutions of a network have in common. */
export interface ConvolutionStyle {
  /** Before the activation; default 'none'. */
  normalization?: Normalization;
  /** Default: without normalization, which would take the bias away again. */
  bias?: boolean;
  /** Applied last; none if absent. */
  activation?: Activation;
  /** Of the weights; default by activation. Biases begin at 0. */
  initializer?: Initializer;
}

export interface Conv2dOptions extends ConvolutionStyle {
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
}

/** Convolution, bias, normalization, activation. [N, H, W, inputs] -> [N, H', W', outputs] */
export class Conv2d implements Layer {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly normalization: BatchNorm | null;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];
  readonly #options: Conv2dOptions;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor(options: Conv2dOptions) {
    const { name, activation, initializer = defaultInitializer(activation) } = options;
    const inputs = checkInteger(`inputs of ${name}`, options.inputs, 1);
    const outputs = checkInteger(`outputs of ${name}`, options.outputs, 1);
    const shape = [outputs, ...pair(`kernel of ${name}`, options.kernel, 1), inputs];
    const normalization = checkNormalization(`normalization of ${name}`, options.normalization ?? 'none');
    const { bias: wantsBias = normalization === 'none' } = options;
    this.#options = options;
    const { weight, bias } = weightAndBias(name, shape, initializer);
    this.weight = weight;
    this.bias = wantsBias ? bias : null;
    this.normalization = normalization === 'batch' ? new BatchNorm({ name, channels: outputs }) : null;
    this.parameters = [weight, ...(wantsBias ? [bias] : []), ...(this.normalization?.parameters ?? [])];
    this.buffers = this.normalization?.buffers ?? [];
  }

  forward(x: Tensor, context: ForwardContext = inference): Tensor {
    const { name, stride, padding, activation } = this.#options;
    const { weight, normalization } = this;
    const bias = this.bias ?? undefined;
    if (normalization) {
      const normalized = normalization.forward(conv2d(x, weight, { bias, stride, padding, name }), context);
      return activation ? activate(normalized, activation, { name, context }) : normalized;
    }
    if (!activation) return conv2d(x, weight, { bias, stride, padding, name });
    return activate(conv2d(x, weight, { stride, padding, name }), activation, { bias, name, context });
  }
}
