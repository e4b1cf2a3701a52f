import { invalid } from '../errors';
import { activate, activationField } from '../ops/activation';
import type { Activation } from '../ops/activations';
import { conv2d } from '../ops/convolution';
import { type Padding, type Pair, paddingField, pair, pairField, sides } from '../ops/op';
import { flag, integer, oneOf, optional, text } from '../options/field';
import { type Fields, Options } from '../options/options';
import type { Parameter, StateBuffer } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import { BatchNorm } from './batchNorm';
import { contextOf, type ForwardContext } from './context';
import { defaultInitializer, type Initializer, initializerField } from './initializers';
import { type Layer, weightAndBias } from './layer';

/** The normalisation between a convolution and its activation: none, or batch normalisation. */
export type Normalization = 'none' | 'batch';
/** All normalisations. */
export const normalizations: readonly Normalization[] = ['none', 'batch'];

/** Accepts a Normalization. */
export const normalizationField = oneOf(normalizations, '"none" or "batch"');

/** The options that all convolutions of a network share. */
export interface ConvolutionStyle {
  /** Normalisation between the convolution and its activation; default 'none'. */
  normalization?: Normalization;
  /** Whether to add a bias. Default: only without normalisation, which would subtract it again. */
  bias?: boolean;
  /** The activation, applied last. Default: none. */
  activation?: Activation;
  /** Initialiser of the weights. Default: defaultInitializer(activation). Biases begin at 0. */
  initializer?: Initializer;
}

/** Schema of ConvolutionStyle. */
export const styleFields: Fields<ConvolutionStyle> = {
  normalization: optional(normalizationField),
  bias: optional(flag),
  activation: optional(activationField),
  initializer: optional(initializerField),
};

/** Options of the layer Conv2d. */
export interface Conv2dOptions extends ConvolutionStyle {
  /** Prefix of the parameters' names, and the name of its kernels. */
  name: string;
  /** Channels of x. */
  inputs: number;
  /** Channels of y. */
  outputs: number;
  /** Height and width of the kernel; one number means both. */
  kernel: Pair;
  /** Step between windows, vertical and horizontal; default 1. */
  stride?: Pair;
  /** Rows and columns of zeros around the image, on all sides or [top, bottom, left, right]; default 0. */
  padding?: Padding;
  /** Pixels from one tap of the kernel to the next, vertical and horizontal; default 1. */
  dilation?: Pair;
  /**
   * Number of groups of channels: a divisor of `inputs` and of `outputs`; default 1. Channels of y read the channels of x in the
   * same group only. `groups: inputs` makes a depthwise convolution.
   */
  groups?: number;
}

const conv2dOptions = new Options<Conv2dOptions>(
  'Conv2d',
  {
    ...styleFields,
    ...{ name: text, inputs: integer(1), outputs: integer(1) },
    ...{ kernel: pairField, stride: optional(pairField), padding: optional(paddingField) },
    ...{ dilation: optional(pairField), groups: optional(integer(1)) },
  },
  { named: true },
);

/**
 * A convolution, followed by bias, normalisation and activation as far as the options ask for them.
 * [N, H, W, inputs] -> [N, H', W', outputs] with H' = floor((H + top + bottom - (kernel - 1) dilation - 1) / stride) + 1, and W'
 * likewise. Parameters: NAME/weight [outputs, kernel height, kernel width, inputs / groups] and NAME/bias [outputs].
 */
export class Conv2d implements Layer {
  /** NAME/weight [outputs, kernel height, kernel width, inputs / groups]. */
  readonly weight: Parameter;
  /** NAME/bias [outputs]; null if the convolution has no bias. */
  readonly bias: Parameter | null;
  /** The batch normalisation after the convolution; null if there is none. */
  readonly normalization: BatchNorm | null;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];
  readonly #options: Conv2dOptions;

  /** @throws ERR_INVALID_ARGUMENT */
  constructor(options: Conv2dOptions) {
    const checked = conv2dOptions.check(options);
    const { name, inputs, outputs, kernel, activation, normalization = 'none' } = checked;
    const { stride = 1, padding = 0, dilation = 1, groups = 1 } = checked;
    const { initializer = defaultInitializer(activation), bias: wantsBias = normalization === 'none' } = checked;
    if (inputs % groups !== 0 || outputs % groups !== 0)
      throw invalid(`groups of ${name}`, `a divisor of ${inputs} inputs and of ${outputs} outputs`, groups);
    const shape = [outputs, ...pair(`kernel of ${name}`, kernel, 1), inputs / groups];
    pair(`stride of ${name}`, stride, 1);
    sides(`padding of ${name}`, padding);
    pair(`dilation of ${name}`, dilation, 1);
    this.#options = checked;
    const { weight, bias } = weightAndBias(name, shape, initializer);
    this.weight = weight;
    this.bias = wantsBias ? bias : null;
    this.normalization = normalization === 'batch' ? new BatchNorm({ name, channels: outputs }) : null;
    this.parameters = [weight, ...(wantsBias ? [bias] : []), ...(this.normalization?.parameters ?? [])];
    this.buffers = this.normalization?.buffers ?? [];
  }

  /**
   * x [N, H, W, inputs] -> [N, H', W', outputs].
   * @throws ERR_SHAPE; ERR_INVALID_ARGUMENT, also for rrelu in training without a counter
   */
  forward(x: Tensor, context?: ForwardContext): Tensor {
    const { name, stride, padding, dilation, groups, activation } = this.#options;
    const places = { stride, padding, dilation, groups };
    const { weight, normalization } = this;
    const bias = this.bias ?? undefined;
    // Only rrelu differs in training. Another activation needs no context, which may then be missing.
    const own = contextOf(context);
    const needed = activation?.kind === 'rrelu' ? { context: own } : {};
    if (normalization) {
      const normalized = normalization.forward(conv2d(x, weight, { bias, ...places, name }), own);
      return activation ? activate(normalized, activation, { name, ...needed }) : normalized;
    }
    if (!activation) return conv2d(x, weight, { bias, ...places, name });
    return activate(conv2d(x, weight, { ...places, name }), activation, { bias, name, ...needed });
  }
}
