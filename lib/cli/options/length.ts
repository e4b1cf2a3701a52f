/** The options that say how much a command computes, and the seed of its random numbers. */
import { seedRange } from '../../random';
import { batchRange, defaultBatches, trainerDefaults } from '../../train/trainerOptions';
import { declare, within } from './declare';
import * as read from './readers';

export const batchOption = declare({
  flags: '--batch <n>',
  help: 'images per step',
  read: read.positiveInteger,
  limits: within(batchRange),
});

/** The default batch of a Trainer, for --help. */
export const batchByDevice = `${defaultBatches.cpu} on the CPU, ${defaultBatches.gpu} on a GPU`;

export const epochsOption = declare({
  flags: '--epochs <n>',
  help: 'passes over the training images',
  read: read.positiveInteger,
});

export const stepsOption = declare({
  flags: '--steps <n>',
  help: 'number of training steps',
  read: read.positiveInteger,
});

export const seedOption = declare({
  flags: '--seed <n>',
  help: 'seed of all random numbers: initial weights, order of images, augmentation',
  read: read.seed,
  limits: within(seedRange),
  default: trainerDefaults.seed,
});

export const minutesOption = declare({
  flags: '--minutes <x>',
  help: 'stop after about x minutes',
  read: read.positiveNumber,
});
