/** The options that say how much a command computes, and the seed of its random numbers. */
import { table1Fields } from '../../experiments/table1/table1';
import { fitOptions } from '../../train/fit';
import { defaultBatches, trainerDefaults, trainerFields } from '../../train/trainerOptions';
import { declare } from './declare';

const { fields: fitFields } = fitOptions;

export const batchOption = declare({
  flags: '--batch <n>',
  help: 'images per step',
  field: trainerFields.batch,
});

export const accumulateOption = declare({
  flags: '--accumulate <n>',
  help: 'compute each step in n equal parts, one after the other: the memory is that of a part, the results those of the whole batch',
  field: trainerFields.accumulate,
  default: trainerDefaults.accumulate,
});

/** The default batch of a Trainer, for --help. */
export const batchByDevice = `${defaultBatches.cpu} on the CPU, ${defaultBatches.gpu} on a GPU`;

export const epochsOption = declare({
  flags: '--epochs <n>',
  help: 'passes over the training images',
  field: fitFields.totalEpochs,
});

export const stepsOption = declare({
  flags: '--steps <n>',
  help: 'number of training steps',
  field: fitFields.totalSteps,
});

export const seedOption = declare({
  flags: '--seed <n>',
  help: 'seed of all random numbers: initial weights, order of images, augmentation',
  field: trainerFields.seed,
  default: trainerDefaults.seed,
});

export const minutesOption = declare({
  flags: '--minutes <x>',
  help: 'stop after about x minutes',
  field: table1Fields.minutes,
});
