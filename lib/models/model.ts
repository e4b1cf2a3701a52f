import { checkInteger, checkNumber, invalid } from '../errors';
import type { Initializer } from '../initializers';
import { GlobalAveragePool } from '../layers/globalAveragePool';
import type { Layer } from '../layers/layer';
import { Linear } from '../layers/linear';
import { Sequential } from '../layers/sequential';
import { type Activation, encodeActivation, leakyTanh } from '../ops/activation';

export interface ModelOptions {
  /** Factor on all channel counts; they are rounded to multiples of 16, at least 16. Default 1. */
  width?: number;
  /** Default 100. */
  classes?: number;
  /** Default leakyTanh(0.25), the paper's. */
  activation?: Activation;
  /** Of all convolutions' weights. Default: defaultInitializer(activation). */
  initializer?: Initializer;
  /** Height and width of the images: a multiple of 4, as they are halved twice. Default 28. */
  size?: number;
}

/** A classifier: images [N, size, size, 3] -> logits [N, classes]. */
export interface Model extends Layer {
  readonly name: string;
  readonly width: number;
  readonly classes: number;
  readonly activation: Activation;
  /** Height, width, channels of its images. */
  readonly inputShape: readonly [number, number, number];
}

/** The options with defaults, checked. @throws ERR_INVALID_ARGUMENT */
export function resolveOptions(options: ModelOptions) {
  const { width = 1, classes = 100, activation = leakyTanh(), size = 28, initializer } = options;
  if (!(typeof width === 'number' && width > 0)) throw invalid('width', 'a positive number', width);
  checkNumber('width', width, 0, 8);
  checkInteger('classes', classes, 2, 1_000_000);
  checkInteger('size', size, 4, 4096);
  if (size % 4 !== 0) throw invalid('size', 'a multiple of 4', size);
  encodeActivation(activation);
  return { width, classes, activation, size, initializer };
}

/** Channels at a width: a multiple of 16 keeps the CPU's blocked layout, and vectors full. */
export function scaleChannels(channels: number, width: number): number {
  return Math.max(16, Math.round((channels * width) / 16) * 16);
}

/** Convolutional trunk, global average pool, linear layer. `features`: the trunk's channels. */
export function classifier(
  name: string,
  trunk: readonly Layer[],
  features: number,
  { width, classes, activation, size }: ReturnType<typeof resolveOptions>,
): Model {
  const layers = new Sequential([
    ...trunk,
    new GlobalAveragePool({ name: 'pool' }),
    new Linear({ name: 'classifier', inputs: features, outputs: classes }),
  ]);
  return {
    name,
    width,
    classes,
    activation,
    inputShape: [size, size, 3],
    parameters: layers.parameters,
    buffers: layers.buffers,
    forward: (x, context) => layers.forward(x, context),
  };
}
