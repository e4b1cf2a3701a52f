/** The options that say which network, for every command that makes one. */
import { type Command, Option } from 'commander';
import { createModel, type Model, models } from '../models';
import { type Activation, formatActivation, leakyTanh } from '../ops/activation';
import { type Initialization, initializationHelp, parseInitialization } from './initializerOption';
import * as read from './options';

export interface ModelOptions {
  model: string;
  width: number;
  activation: Activation;
  init: Initialization;
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
      new Option('--init <name[:options]>', initializationHelp)
        .argParser(parseInitialization)
        .default(parseInitialization('default'), 'default'),
    );
}

/** @throws ERR_INVALID_ARGUMENT */
export const modelFrom = ({ model, width, activation, init }: ModelOptions, classes: number): Model =>
  createModel(model, { width, activation, classes, initializer: init.initializer(activation) });

/** As they are in config.json. */
export const describeModelOptions = ({ activation, init }: ModelOptions) => ({
  activation: formatActivation(activation),
  init: init.text,
});
