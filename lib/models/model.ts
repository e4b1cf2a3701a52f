import { checkInteger, checkNumber, invalid } from '../errors';
import { type ConvolutionStyle, checkNormalization, type Normalization } from '../layers/conv2d';
import { Dropout } from '../layers/dropout';
import type { Initializer } from '../layers/initializers';
import type { Layer } from '../layers/layer';
import { Linear } from '../layers/linear';
import { GlobalAveragePool } from '../layers/pooling';
import { Sequential } from '../layers/sequential';
import { encodeActivation } from '../ops/activation';
import { type Activation, leakyTanh } from '../ops/activations';
import { checkDropoutRate } from '../ops/dropout';
import { blockChannels } from '../runtime/layout';

export interface ModelOptions {
  /** Factor on all channel counts; they are rounded to multiples of 16, at least 16. Default 1. */
  width?: number;
  /** Default 100. */
  classes?: number;
  /** Default leakyTanh(0.25), the paper's. */
  activation?: Activation;
  /** Of all convolutions' weights. Default: defaultInitializer(activation). */
  initializer?: Initializer;
  /** Height and width of the images: a multiple of 4, as they are halved twice (inceptionBn: 32, five times). Default 28 (224). */
  size?: number;
  /** Between every convolution and its activation. Default 'none' (inceptionBn: 'batch'). */
  normalization?: Normalization;
  /** Part of the features that is dropped before the classifier, in training; from 0 to less than 1. Default 0. */
  dropout?: number;
}

/** A classifier: images [N, size, size, 3] -> logits [N, classes]. */
export interface Model extends Layer {
  readonly name: string;
  readonly width: number;
  readonly classes: number;
  readonly activation: Activation;
  /** Absent: none. */
  readonly normalization?: Normalization;
  /** Height, width, channels of its images. */
  readonly inputShape: readonly [number, number, number];
}

/** What a model sets in place of the defaults. */
export interface ModelDefaults {
  classes?: number;
  size?: number;
  /** What `size` must be a multiple of. */
  sizeStep?: number;
  normalization?: Normalization;
  /** Of convolutions: see ConvolutionStyle. */
  bias?: boolean;
}

/** The options with defaults, checked. @throws ERR_INVALID_ARGUMENT */
export function resolveOptions(options: ModelOptions, defaults: ModelDefaults = {}) {
  const { sizeStep = 4 } = defaults;
  const { width = 1, classes = defaults.classes ?? 100, activation = leakyTanh(), initializer } = options;
  const { size = defaults.size ?? 28, dropout = 0, normalization = defaults.normalization ?? 'none' } = options;
  if (!(typeof width === 'number' && width > 0)) throw invalid('width', 'a positive number', width);
  checkNumber('width', width, 0, 8);
  checkInteger('classes', classes, 2, 1_000_000);
  checkInteger('size', size, sizeStep, 4096);
  if (size % sizeStep !== 0) throw invalid('size', `a multiple of ${sizeStep}`, size);
  encodeActivation(activation);
  checkNormalization('normalization', normalization);
  const style: ConvolutionStyle = { activation, normalization, bias: defaults.bias, initializer };
  return { width, classes, activation, size, normalization, dropout: checkDropoutRate('dropout', dropout), style };
}

/** Channels at a width: whole blocks keep the CPU's blocked layout, and vectors full. */
export function scaleChannels(channels: number, width: number): number {
  return Math.max(blockChannels, Math.round((channels * width) / blockChannels) * blockChannels);
}

/** Convolutional trunk, global average pool, dropout, linear layer. `features`: the trunk's channels. */
export function classifier(
  name: string,
  trunk: readonly Layer[],
  features: number,
  { width, classes, activation, size, normalization, dropout }: ReturnType<typeof resolveOptions>,
): Model {
  const layers = new Sequential([
    ...trunk,
    new GlobalAveragePool({ name: 'pool' }),
    ...(dropout > 0 ? [new Dropout({ rate: dropout, name: 'dropout' })] : []),
    new Linear({ name: 'classifier', inputs: features, outputs: classes }),
  ]);
  return {
    name,
    width,
    classes,
    activation,
    normalization,
    inputShape: [size, size, 3],
    parameters: layers.parameters,
    buffers: layers.buffers,
    forward: (x, context) => layers.forward(x, context),
  };
}
