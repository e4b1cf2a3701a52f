/** The options of commands that apply a trained network to a data set: which images, and their size. */
import type { Command } from 'commander';
import type { OpenedSets } from '../../data/openSource';
import type { TestPart } from '../../data/testPart';
import { predictorDefaults } from '../../train/predictor';
import { addArithmeticOptions } from './arithmetic';
import { addSourceOptions, type DataOptions, limitNote, limitOption, openShown } from './data';
import { addOptions, declare } from './declare';
import { batchOption } from './length';
import type { PictureFlags } from './pictures';
import { trainedPicturesOf, weightsOption } from './weights';

const splits = ['train', 'test'] as const;
const defaultSplit: (typeof splits)[number] = 'test';

const cropOption = declare({
  flags: '--crop',
  help: 'take images of another size than those of the training: only their centre, of the size that the network reads',
});

const splitOption = declare({
  flags: '--split <name>',
  help: 'which images of the data set',
  choices: splits,
  default: defaultSplit,
  shown: defaultSplit,
});

/** The options that say which images a trained network is given. */
export interface AppliedOptions
  extends Pick<DataOptions, 'data' | 'dataDir' | 'labels' | 'verify' | 'limit'>,
    PictureFlags,
    TestPart {
  weights: string;
  split: (typeof splits)[number];
  crop?: boolean;
  batch: number;
  json?: boolean;
}

/** Adds the options that name a trained network, the images that it is given, and how they are computed. */
export const addAppliedOptions = (command: Command): Command =>
  addOptions(
    addArithmeticOptions(addSourceOptions(command)),
    weightsOption().makeOptionMandatory(),
    ...[splitOption(), cropOption(), limitOption({ note: limitNote })],
    batchOption({ default: predictorDefaults.batch }),
  );

/** Opens the data set for a trained network: pictures are decoded as those of its training, unless an option says otherwise. */
export async function openForNetwork(options: AppliedOptions): Promise<OpenedSets> {
  const { fit, ...trained } = trainedPicturesOf(options.weights);
  return openShown({ ...options, ...trained, fit: options.fit ?? fit });
}
