/** The options that say which data a command takes, and how pixels are normalised. */
import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { hasRange } from '../../data/formats/shardNames';
import {
  dataSetNames,
  type OpenedSets,
  type OpenedSource,
  openSource,
  type SourceOptions,
} from '../../data/openSource';
import { defaultLabels, type LabelKind, labelKinds } from '../../data/records';
import { type DataMode, dataModes } from '../../data/source';
import { factorField, meanKinds, type StatisticsOptions, statisticsDefaults } from '../../data/statistics';
import { type TestPart, testPartDefaults, testPartFields } from '../../data/testPart';
import { describeShare, parseValidation } from '../../data/validation';
import { SaturnnError } from '../../errors';
import { overridesFields } from '../../experiments/table1/settings';
import { trainerDefaults } from '../../train/trainerOptions';
import { decodingBar } from '../terminal/bar';
import { Interruption } from '../terminal/interruption';
import { print } from '../terminal/print';
import { addOptions, declare, doesNotApply, type Use } from './declare';
import { type FormatFlags, formatOptions } from './formats';
import { describePictures, type NetworkFlags, type PictureFlags, pictureOptions, picturesFrom } from './pictures';
import * as read from './readers';

/** Returns a data set's name or a path that exists. */
function readData(text: string): string {
  if (dataSetNames.includes(text) || existsSync(text) || hasRange(text)) return text;
  throw new InvalidArgumentError(`Expected ${dataSetNames.join(', ')}, or a path that exists.`);
}

function readScale(text: string): StatisticsOptions['scale'] {
  if (text === 'deviation' || text === 'none') return text;
  try {
    return read.numberOf(factorField)(text);
  } catch {
    throw new InvalidArgumentError(`Expected deviation, none or ${factorField.expected}.`);
  }
}

export const dataOption = declare({
  flags: '--data <name>',
  help: `data set: ${dataSetNames.join(', ')}, or a path: class folders of pictures, Parquet files, tar shards (also a range, 'a-{000..009}.tar'), IDX (MNIST) or npy files, a .npz, or a folder or .tar.gz in CIFAR's binary layout`,
  read: readData,
  default: dataSetNames[0],
  shown: dataSetNames[0],
});

export const dataDirOption = declare({
  flags: '--data-dir <dir>',
  help: 'folder of cifar10 or cifar100',
  otherwise: 'where `saturnn data get` puts them',
});

const labelsOption = declare({
  flags: '--labels <kind>',
  help: 'which labels of CIFAR-100',
  choices: labelKinds,
  otherwise: defaultLabels,
});

const noVerifyOption = declare({
  flags: '--no-verify',
  help: "take an archive even if its md5 is not the official one's",
});

const meanOption = declare({
  flags: '--mean <per>',
  help: 'the mean that is subtracted from pixels: one for each channel, or one for each pixel of the image',
  choices: meanKinds,
  default: statisticsDefaults.per,
  shown: statisticsDefaults.per,
});

const scaleOption = declare({
  flags: '--scale <x>',
  help: 'how pixels are scaled after that: deviation (divided by their deviation), none (0..255), or a factor',
  read: readScale,
  field: factorField,
  default: statisticsDefaults.scale,
  shown: statisticsDefaults.scale,
});

const dataModeOption = declare({
  flags: '--data-mode <mode>',
  help: 'keep all images on the device, or stream them from memory or disk',
  choices: dataModes,
  default: trainerDefaults.data,
  shown: trainerDefaults.data,
});

export const limitOption = declare({
  flags: '--limit <n>',
  help: 'use only the first n training images',
  field: overridesFields.limit,
});

/** Completes the help of --limit for commands without --test-limit: openSource then limits both sets. */
export const limitNote = ', and at most n test images';

const testShareOption = declare({
  flags: '--test-share <x>',
  help: 'part of each class that becomes the test set of data that have none of their own',
  field: testPartFields.testShare,
  otherwise: `${testPartDefaults.testShare}`,
});

const testSeedOption = declare({
  flags: '--test-seed <n>',
  help: 'seed of the choice of that part',
  field: testPartFields.testSeed,
  otherwise: `${testPartDefaults.testSeed}`,
});

export const noTestOption = declare({ flags: '--no-test', help: 'train without a test set' });

export const validationOption = declare({
  flags: '--validation <share>',
  help: 'evaluate a share of the training images of each class, for example 0.1, in place of the test set; SHARE:SEED chooses others',
  read: read.reading(parseValidation),
});

export const testLimitOption = declare({
  flags: '--test-limit <n>',
  help: 'use only the first n test images',
  field: overridesFields.testLimit,
});

export const classesOption = declare({
  flags: '--classes <n>',
  help: 'use only the images of the first n classes',
  field: overridesFields.classes,
});

export interface DataOptions extends PictureFlags, FormatFlags, TestPart {
  /** A name of dataSetNames, or a path. */
  data: string;
  dataDir?: string;
  labels?: LabelKind;
  /** False with --no-verify. */
  verify: boolean;
  mean: 'channel' | 'pixel';
  scale: 'deviation' | 'none' | number;
  dataMode: DataMode;
  limit?: number;
}

interface HowOpened {
  readonly statistics: StatisticsOptions;
  readonly mode: DataMode;
}

/** A command's own defaults of options of data. */
interface OwnUses {
  readonly data?: Use;
  readonly onBroken?: PictureFlags['onBroken'];
}

/** Adds the options that name a data set. */
export const addSourceOptions = (command: Command, { data, onBroken }: OwnUses = {}): Command =>
  addOptions(
    command,
    ...[dataOption(data), dataDirOption(), labelsOption(), noVerifyOption()],
    ...[...formatOptions(), ...pictureOptions(onBroken), testShareOption(), testSeedOption()],
  );

/** Makes the options that say how pixels are normalised, and where images are kept. */
export const pixelOptions = () => [meanOption(), scaleOption(), dataModeOption()];

/** Adds the options of addSourceOptions, and those of a training set. */
export const addDataOptions = (command: Command): Command =>
  addOptions(addSourceOptions(command), ...pixelOptions(), limitOption({ note: limitNote }));

/** Options that openSource() takes as they are, those of pictures, and those that say which network reads the images. */
type ShownOptions = Omit<SourceOptions, 'pictures'> &
  PictureFlags &
  NetworkFlags & {
    readonly json?: boolean;
    /** False: the lines that say what was found in a folder of pictures are not printed. */
    readonly summary?: boolean;
  };

/**
 * Opens a data set; while pictures are decoded, progress is shown, and Ctrl-C ends the work so that it can go on later. With --json,
 * nothing is printed.
 * @throws ERR_DATA; ERR_INVALID_ARGUMENT; ERR_INTERRUPTED
 */
export async function openShown(options: ShownOptions & { test?: true }, mode?: DataMode): Promise<OpenedSets>;
export async function openShown(options: ShownOptions, mode?: DataMode): Promise<OpenedSource>;
export async function openShown(options: ShownOptions, mode?: DataMode): Promise<OpenedSource> {
  const bar = decodingBar();
  let interruption: Interruption | null = null;
  const onProgress = options.json ? undefined : bar.show;
  const pictures = () => {
    interruption = new Interruption();
    return { ...picturesFrom(options), signal: interruption.signal, onProgress };
  };
  try {
    const opened = await openSource({ ...options, pictures }, mode);
    bar.stop();
    if (!options.json && options.summary !== false) print(describeOpened(opened, options));
    return opened;
  } catch (error) {
    if (!(error instanceof SaturnnError) || error.code !== 'ERR_INTERRUPTED') throw error;
    throw new SaturnnError(error.code, `${error.message}. The next call goes on from here`, { cause: error });
  } finally {
    bar.stop();
    (interruption as Interruption | null)?.dispose();
  }
}

/** Says in lines what was found in a folder of pictures, or how arrays were divided; nothing for other data. */
function describeOpened({ train, test, pictures, split }: OpenedSource, options: ShownOptions): string {
  if (pictures) return `${describePictures(options.data, pictures, options)}\n`;
  if (!split) return '';
  const sets = `${train.count} training and ${test?.count} test images of ${train.classes} classes`;
  return `${options.data}: ${sets}; the test set is ${describeShare(split)}\n`;
}

type OpenOptions = DataOptions & NetworkFlags & Pick<SourceOptions, 'test' | 'validation'> & { json?: boolean };

/** Opens the data set that the options name. @throws ERR_DATA; ERR_INVALID_ARGUMENT; ERR_INTERRUPTED */
export async function openData(options: OpenOptions & { test?: true }): Promise<OpenedSets & HowOpened>;
export async function openData(options: OpenOptions): Promise<OpenedSource & HowOpened>;
export async function openData(options: OpenOptions): Promise<OpenedSource & HowOpened> {
  const { mean: per, scale, dataMode: mode } = options;
  if (options.validation && options.test === false) throw doesNotApply('--no-test', 'beside --validation');
  return { ...(await openShown(options, mode)), statistics: { per, scale }, mode };
}
