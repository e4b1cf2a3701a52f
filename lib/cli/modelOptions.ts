/** The options that say which network, for every command that makes one. */
import { type Command, Option } from 'commander';
import { createModel, type Model, models } from '../models';
import { type Activation, formatActivation, leakyTanh } from '../ops/activation';
import * as read from './options';

export interface ModelOptions {
  model: string;
  width: number;
  activation: Activation;
}

export function addModelOptions(command: Command): Command {
  return command
    .addOption(new Option('--model <name>', 'network').choices(Object.keys(models)).default('inception33'))
    .option('--width <w>', 'factor on all channel counts', read.positiveNumber, 1)
    .addOption(
      new Option('--activation <name[:a]>', 'sigmoid, scaledSigmoid, tanh, leakyTanh:a, relu or leakyRelu:a')
        .argParser(read.activation)
        .default(leakyTanh(), formatActivation(leakyTanh())),
    );
}

/** @throws ERR_INVALID_ARGUMENT */
export const modelFrom = ({ model, width, activation }: ModelOptions, classes: number): Model =>
  createModel(model, { width, activation, classes });

/** As they are in config.json. */
export const describeModelOptions = ({ activation }: ModelOptions) => ({ activation: formatActivation(activation) });
