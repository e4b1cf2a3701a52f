/** The options of commands that make a table of trainings: table1 and sweep. */
import type { Command } from 'commander';
import { type Augmentation, formatAugmentation } from '../../data/augmentation/kinds';
import type { DecodingProgress } from '../../data/pictures/decodeSet';
import { statisticsDefaults } from '../../data/statistics';
import { type PresetName, presets } from '../../experiments/presets';
import { overridesFields, trainingRateField } from '../../experiments/table1/settings';
import type { Table1Options } from '../../experiments/table1/table1';
import { defaultCheckpointMinutes } from '../../experiments/trainings';
import { deviceOption, precisionOption, threadsOption } from './arithmetic';
import { augmentOption } from './augment';
import {
  addSourceOptions,
  classesOption,
  type DataOptions,
  limitOption,
  pixelOptions,
  testLimitOption,
  validationOption,
} from './data';
import { addOptions, declare } from './declare';
import { batchOption, epochsOption, minutesOption } from './length';
import { furtherModelOptions, initOption, modelOption, widthOption } from './model';
import {
  lrOption,
  momentumOption,
  readWarmupText,
  scheduleOption,
  trainingLrLayersOption,
  warmupOption,
  weightDecayOption,
} from './optimizer';
import { jsonOption } from './output';
import { type PictureFlags, pictureChoices } from './pictures';
import * as read from './readers';
import { checkpointMinutesOption } from './run';

type Pixels = Pick<DataOptions, 'mean' | 'scale'>;

const defaultPreset: PresetName = 'smoke';

const presetOption = declare({
  flags: '--preset <name>',
  help: `settings of the trainings: ${Object.entries(presets)
    .map(([name, { title }]) => `${name} (${title})`)
    .join('; ')}`,
  choices: Object.keys(presets),
  default: defaultPreset,
  shown: defaultPreset,
});

const seedsOption = declare({
  flags: '--seeds <n>',
  help: 'trainings of each activation, with the seeds 0 to n - 1',
  field: overridesFields.seeds,
});

/** Options of the library's function that the command has in another form, or fills in itself. */
type Converted =
  | 'learningRate'
  | 'signal'
  | 'onEvent'
  | 'init'
  | 'layerRates'
  | 'augmentation'
  | 'pictures'
  | 'statistics';

export interface TrainingsOptions extends Omit<Table1Options, Converted>, PictureFlags, Partial<Pixels> {
  preset: PresetName;
  lr?: 'auto' | number;
  init?: { readonly text: string };
  lrLayers?: string;
  augment?: readonly Augmentation[];
  json?: boolean;
}

const readRate = (text: string): 'auto' | number => (text === 'auto' ? text : read.numberOf(trainingRateField)(text));

/** Removes a declared default: the preset's value holds instead. */
const ofPreset = { default: undefined };

/** Adds the options of a table of trainings. Without one of them, the preset's value holds. */
export const addTrainingsOptions = (command: Command): Command =>
  addOptions(
    addSourceOptions(command, { data: ofPreset }),
    presetOption(),
    minutesOption({ note: 'and print the command that continues' }),
    seedsOption(),
    lrOption({
      argument: '<auto|x>',
      read: readRate,
      field: trainingRateField,
      note: ': auto searches a short grid for each activation, x is for all',
    }),
    epochsOption({ field: overridesFields.epochs }),
    ...[modelOption(ofPreset), widthOption(ofPreset), ...furtherModelOptions(ofPreset), batchOption()],
    ...[...pixelOptions(), classesOption()],
    limitOption({ note: 'of those classes' }),
    testLimitOption({ note: 'of those classes' }),
    ...[validationOption(), augmentOption()],
    ...[deviceOption(ofPreset), threadsOption(), precisionOption(ofPreset), initOption(ofPreset), scheduleOption()],
    warmupOption({ read: readWarmupText, note: '; none switches it off' }),
    ...[trainingLrLayersOption(), momentumOption(), weightDecayOption()],
    checkpointMinutesOption({ default: defaultCheckpointMinutes }),
    jsonOption({ note: ': the table as one object; progress goes to stderr' }),
  );

/**
 * Returns the options of the library's function.
 * @param onProgress shows how far the decoding of pictures is
 */
export function libraryOptions<T extends TrainingsOptions>(given: T, onProgress: (progress: DecodingProgress) => void) {
  const { lr, init, lrLayers, augment, json, mean: per, scale, ...rest } = given;
  const { storedSize, fit, onBroken, cacheDir, ...options } = rest;
  return {
    ...options,
    ...{ learningRate: lr, init: init?.text, layerRates: lrLayers },
    augmentation: augment && formatAugmentation(augment),
    pictures: { ...pictureChoices(given), onProgress },
    // Left out if nothing differs from the default: earlier versions did not store it.
    statistics: per === statisticsDefaults.per && scale === statisticsDefaults.scale ? undefined : { per, scale },
  };
}
