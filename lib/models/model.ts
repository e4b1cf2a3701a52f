import type { Range } from '../errors';
import { contextOf, type ForwardContext, within } from '../layers/context';
import { type ConvolutionStyle, type Normalization, normalizationField } from '../layers/conv2d';
import { Dropout } from '../layers/dropout';
import { type Initializer, initializerField } from '../layers/initializers';
import { areNamed, type Layer } from '../layers/layer';
import { Linear } from '../layers/linear';
import { GlobalAveragePool } from '../layers/pooling';
import { Sequential } from '../layers/sequential';
import { activationField, encodeActivation } from '../ops/activation';
import type { Activation } from '../ops/activations';
import { dropoutRateField } from '../ops/dropout';
import { type Field, instance, integer, numberWithin, optional } from '../options/field';
import { checkArgument, type Fields, Options } from '../options/options';
import { isArray, isCallback } from '../options/values';
import { blockChannels } from '../runtime/layout';
import { type Tensor, tensorField } from '../tensor/tensor';
import { defaultsOf } from './defaults';
import { type ImageSize, imageSizeField, sidesOf } from './imageSize';

/** Options of the built-in models. */
export interface ModelOptions {
  /**
   * Factor on all channel counts, above 0 and at most 8; products are rounded to multiples of 16, at least 16 (mobilenetV2: of 8; lenet: to
   * whole numbers). Default 1.
   */
  width?: number;
  /** The number of classes, or of other outputs: 1 to 1,000,000. Default 100 (inceptionBn, resnet18, mobilenetV2: 1000; lenet, cifarResnet: 10). */
  classes?: number;
  /**
   * Activation of all convolutions. Default leakyTanh(0.25), the paper's; of other papers' networks, theirs (cifarResnet, resnet18: relu;
   * mobilenetV2: relu6; lenet: tanh).
   */
  activation?: Activation;
  /** Initialiser of the weights of all convolutions. Default: defaultInitializer(activation). */
  initializer?: Initializer;
  /**
   * Height and width of the images: a number for both or [height, width], 4 to 4096 each. Default 28 (cifarResnet: 32; inceptionBn,
   * resnet18, mobilenetV2: 224). The network halves them, rounded up: twice, inceptionBn, resnet18 and mobilenetV2 five times.
   */
  size?: ImageSize;
  /** Channels of the images: 1 (grey) to 4; default 3 (lenet: 1). */
  channels?: number;
  /** Normalisation between every convolution and its activation. Default 'none' (inceptionBn, cifarResnet, resnet18, mobilenetV2: 'batch'). */
  normalization?: Normalization;
  /** Share of the features that is dropped before the classifier in training: 0 to less than 1. Default 0 (mobilenetV2: 0.2). */
  dropout?: number;
}

/** A classifier: images [N, ...inputShape] -> logits [N, classes]. */
export interface Model extends Layer {
  /** Name, such as "inception33"; "custom" for functional models without a name. */
  readonly name: string;
  /** Factor on the channels, as in ModelOptions; 1 for functional models. */
  readonly width: number;
  /** The number of classes. */
  readonly classes: number;
  /** Activation of the convolutions. For functional models it is only shown in reports and recorded in checkpoints. */
  readonly activation: Activation;
  /** Normalisation of the convolutions. Absent in functional models; checkpoints then record 'none'. */
  readonly normalization?: Normalization;
  /** Shape of one image: [height, width, channels]. */
  readonly inputShape: readonly [number, number, number];
}

/** Whether a value has the members of a Model. */
export function isModel(value: unknown): value is Model {
  if (typeof value !== 'object' || value === null) return false;
  const { name, forward, parameters, buffers = [], inputShape } = value as Model;
  if (typeof name !== 'string') return false;
  return isCallback(forward) && areNamed(parameters) && areNamed(buffers) && isInputShape(inputShape);
}

const isInputShape = (shape: unknown): boolean =>
  isArray(shape) && shape.length === 3 && Array.from(shape).every((size) => Number.isInteger(size) && size > 0);

/** Accepts a Model. */
export const modelField: Field<Model> = instance<Model>('a Model', isModel);

/**
 * Makes a model's forward pass with a context that its layers find, also if the model does not hand it on.
 * @throws ERR_INVALID_ARGUMENT if the result is no Tensor
 */
export const forwardOf = (model: Model, x: Tensor, context: ForwardContext): Tensor =>
  checkArgument(
    'the result of forward()',
    tensorField,
    within(context, () => model.forward(x, context)),
  );

/** Returns what a function of the caller has made. @throws ERR_INVALID_ARGUMENT unless it is a Model */
export const madeModel = (made: unknown): Model => checkArgument('the result of model()', modelField, made);

/** Limits of ModelOptions.width, of which 0 itself is refused. */
export const widthRange: Range = [0, 8];
/** Limits of ModelOptions.channels. */
const channelsRange: Range = [1, 4];

/** Limits of the number of classes, or of other outputs, of a model. */
export const classesRange: Range = [1, 1_000_000];

/** Accepts the width of a model. */
export const widthField: Field<number> = numberWithin({ least: widthRange[0], most: widthRange[1], open: 'least' });

/** Schema of the options of the built-in models. */
export const modelFields: Fields<ModelOptions> = {
  width: optional(widthField),
  classes: optional(integer(...classesRange)),
  activation: optional(activationField),
  initializer: optional(initializerField),
  ...{ size: optional(imageSizeField), channels: optional(integer(...channelsRange)) },
  normalization: optional(normalizationField),
  dropout: optional(dropoutRateField),
};

/**
 * Checks the options of a model and fills in the defaults.
 * @param name the model, whose defaults they are
 * @param bias whether convolutions have biases: see ConvolutionStyle
 * @throws ERR_INVALID_ARGUMENT
 */
export function resolveOptions(name: string, given: ModelOptions, { bias }: { bias?: boolean } = {}) {
  const options = new Options(`${name}()`, modelFields).check(given);
  const defaults = defaultsOf(name);
  const { width = defaults.width, classes = defaults.classes, activation = defaults.activation, initializer } = options;
  const { size = defaults.size, channels = defaults.channels } = options;
  const { dropout = defaults.dropout, normalization = defaults.normalization } = options;
  encodeActivation(activation);
  const style: ConvolutionStyle = { activation, normalization, bias, initializer };
  return { width, classes, activation, size: sidesOf(size), channels, normalization, dropout, style };
}

/** Returns the channels at a width, rounded to a multiple of 16: that keeps the CPU's blocked layout, and vectors full. */
export function scaleChannels(channels: number, width: number): number {
  return Math.max(blockChannels, Math.round((channels * width) / blockChannels) * blockChannels);
}

/**
 * Makes a Model of a convolutional trunk, global average pooling, dropout and a linear layer.
 * @param features channels of the trunk's output
 * @param head name of the linear layer
 */
export const classifier = (
  name: string,
  trunk: readonly Layer[],
  features: number,
  resolved: ReturnType<typeof resolveOptions>,
  head = 'classifier',
): Model => classifierOfFeatures(name, [...trunk, new GlobalAveragePool({ name: 'pool' })], features, resolved, head);

/** Makes a Model of layers that end with features [N, features], dropout and a linear layer. */
export function classifierOfFeatures(
  name: string,
  body: readonly Layer[],
  features: number,
  { width, classes, activation, size, channels, normalization, dropout }: ReturnType<typeof resolveOptions>,
  head: string,
): Model {
  const layers = new Sequential([
    ...body,
    ...(dropout > 0 ? [new Dropout({ rate: dropout, name: 'dropout' })] : []),
    new Linear({ name: head, inputs: features, outputs: classes }),
  ]);
  return {
    name,
    width,
    classes,
    activation,
    normalization,
    inputShape: [...size, channels],
    parameters: layers.parameters,
    buffers: layers.buffers,
    forward: (x, context) => within(contextOf(context), () => layers.forward(x)),
  };
}
