/** The options that say which network, for every command that makes one. */
import { type Command, Option } from 'commander';
import { type Initialization, initializationForms, parseInitialization } from '../initial/initialization';
import type { Normalization } from '../layers';
import { createModel, type Model, models } from '../models';
import { formatActivation } from '../ops/activation';
import { type Activation, leakyTanh } from '../ops/activations';
import * as read from './options';

export interface ModelOptions {
  model: string;
  width: number;
  activation: Activation;
  init: Initialization;
  normalization?: Normalization;
  dropout: number;
  size?: number;
}

export function addModelOptions(command: Command): Command {
  return command
    .addOption(new Option('--model <name>', 'network').choices(Object.keys(models)).default('inception33'))
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber, 1)
    .addOption(
      new Option(
        '--activation <name[:a]>',
        'sigmoid, scaledSigmoid, tanh, leakyTanh:a, relu, leakyRelu:a, elu:a or rrelu:l:u',
      )
        .argParser(read.activation)
        .default(leakyTanh(), formatActivation(leakyTanh())),
    )
    .addOption(
      new Option('--init <name[:options]>', `initial weights: ${initializationForms}`)
        .argParser(read.initialization)
        .default(parseInitialization('default'), 'default'),
    )
    .addOption(
      new Option('--normalization <name>', 'after every convolution (default: none; inceptionBn: batch)').choices([
        'none',
        'batch',
      ]),
    )
    .option('--dropout <rate>', 'part of the features dropped before the classifier in training', read.fraction, 0)
    .addOption(
      new Option(
        '--size <n>',
        'height and width of the crops (default: 28; inceptionBn: 224, a multiple of 32)',
      ).argParser(read.positiveInteger),
    );
}

/** @throws ERR_INVALID_ARGUMENT */
export function modelFrom(options: ModelOptions, classes: number): Model {
  const { model, width, activation, init, normalization, dropout, size } = options;
  const initializer = init.initializer(activation);
  return createModel(model, { width, activation, classes, initializer, normalization, dropout, size });
}

/** As they are in config.json. */
export const describeModelOptions = ({ activation, init }: ModelOptions) => ({
  activation: formatActivation(activation),
  init: init.text,
});
