/** The options that say which network a command makes. */
import type { Command } from 'commander';
import type { ImageShape } from '../../data/source';
import { invalid } from '../../errors';
import { type Initialization, initializationForms, parseInitialization } from '../../initial/initialization';
import type { Normalization } from '../../layers';
import { normalizations } from '../../layers/conv2d';
import { createModel, type Model, models } from '../../models';
import { defaultsOf, describeDefaults, modelDefaults } from '../../models/defaults';
import {
  croppedSize,
  formatImageSize,
  type ImageSize,
  imageSizeField,
  modelSizeFor,
  parseImageSize,
} from '../../models/imageSize';
import { modelFields } from '../../models/model';
import { formatActivation } from '../../ops/activation';
import { type Activation, activations } from '../../ops/activations';
import { addOptions, declare, type Use } from './declare';
import * as read from './readers';

const defaultModel = 'inception33';
const defaultInit = 'default';

/** The values of --activation as text, with the range of each slope: "leakyTanh[:0..0.5]". */
export const activationForms = [
  ...Object.entries(activations).map(([kind, { slope }]) =>
    slope ? `${kind}[:${slope.minimum}..${slope.maximum}]` : kind,
  ),
  'rrelu[:LOWER:UPPER]',
].join(', ');

export const modelOption = declare({
  flags: '--model <name>',
  help: 'network',
  choices: Object.keys(models),
  default: defaultModel,
  shown: defaultModel,
});

export const widthOption = declare({
  flags: '--width <w>',
  help: 'factor on all channel counts',
  field: modelFields.width,
  default: modelDefaults.width,
});

export const activationOption = declare({
  flags: '--activation <name[:a]>',
  help: 'activation',
  note: `: ${activationForms}`,
  read: read.activation,
  otherwise: describeDefaults('activation', formatActivation),
});

export const activationsOption = declare({
  flags: '--activations <name[:a]>',
  help: 'activations, in the order of the results',
  read: read.activation,
});

export const initOption = declare({
  flags: '--init <name[:options]>',
  help: 'initial weights',
  note: `: ${initializationForms}`,
  read: read.initialization,
  default: parseInitialization(defaultInit),
  shown: defaultInit,
});

export const normalizationOption = declare({
  flags: '--normalization <name>',
  help: 'normalisation after every convolution',
  choices: normalizations,
  otherwise: describeDefaults('normalization'),
});

const dropoutOption = declare({
  flags: '--dropout <rate>',
  help: 'part of the features that is dropped before the classifier in training',
  field: modelFields.dropout,
  otherwise: describeDefaults('dropout'),
});

export const sizeOption = declare({
  flags: '--size <n>',
  help: 'height and width of the images that the network reads: one number, or HEIGHTxWIDTH',
  read: read.reading(parseImageSize),
  field: modelFields.size,
  otherwise: `for images of ${croppedSize}x${croppedSize}: ${describeDefaults('size')}; for others, and for pictures, their own size`,
});

export const channelsOption = declare({
  flags: '--channels <n>',
  help: 'channels of the images: 1 for grey ones, 3 for red, green and blue',
  field: modelFields.channels,
  otherwise: 'those of the images',
});

export interface ModelOptions {
  model: string;
  width: number;
  activation?: Activation;
  init: Initialization;
  normalization?: Normalization;
  dropout?: number;
  size?: ImageSize;
  channels?: number;
}

/** Makes the options of a model beside its name, width, activation and initial weights. */
export const furtherModelOptions = (dropout?: Use) => [
  ...[normalizationOption(), dropoutOption(dropout), sizeOption(), channelsOption()],
];

/** Adds the options of a model. */
export const addModelOptions = (command: Command): Command =>
  addOptions(command, ...[modelOption(), widthOption(), activationOption(), initOption()], ...furtherModelOptions());

/**
 * Makes the model that the options describe.
 * @param source the data: their classes, and the shape of their images, if they are known
 * @throws ERR_INVALID_ARGUMENT
 */
export function modelFrom(options: ModelOptions, source: { classes: number; shape?: ImageShape }): Model {
  const { model, width, init, normalization, dropout } = options;
  const { activation = defaultsOf(model).activation } = options;
  const { classes, shape } = source;
  const usual: { size?: ImageSize; channels?: number } = shape ? modelSizeFor(shape) : {};
  const { size = usual.size, channels = usual.channels } = options;
  const initializer = init.initializer(activation);
  const made = createModel(model, { width, activation, classes, initializer, normalization, dropout, size, channels });
  if (shape) checkFits(made, shape, options.size === undefined);
  return made;
}

/** Checks that the images are not smaller than those that the network reads. @throws ERR_INVALID_ARGUMENT */
function checkFits({ name, inputShape }: Model, shape: ImageShape, isDefault: boolean): void {
  if (inputShape[0] <= shape[0] && inputShape[1] <= shape[1]) return;
  const { least } = imageSizeField.limits!;
  const expected = `${least} to ${formatImageSize(shape)} pixels, the size of the images,`;
  const received = `${formatImageSize(inputShape)}${isDefault ? `, the default of ${name}` : ''}`;
  throw invalid('--size', expected, received);
}

/** Returns the size and the channels of a model for config.json and reports. */
export const describeImages = ({ inputShape }: Model) => ({
  size: inputShape[0] === inputShape[1] ? inputShape[0] : formatImageSize(inputShape),
  channels: inputShape[2],
});

/** Returns activation, initial weights and dropout as they are used, for config.json and reports. */
export function describeModelOptions({ model, init, ...given }: ModelOptions) {
  const { activation = defaultsOf(model).activation, dropout = defaultsOf(model).dropout } = given;
  return { activation: formatActivation(activation), init: init.text, dropout };
}
