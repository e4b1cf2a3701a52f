/** The options of commands that make a table of trainings: table1 and sweep. */
import type { Command } from 'commander';
import { type PresetName, presets } from '../../experiments/presets';
import { overridesFields, trainingRateField } from '../../experiments/table1/settings';
import type { Table1Options } from '../../experiments/table1/table1';
import { defaultCheckpointMinutes } from '../../experiments/trainings';
import { deviceOption, precisionOption, threadsOption } from './arithmetic';
import { classesOption, dataDirOption, dataOption, limitOption, testLimitOption } from './data';
import { addOptions, declare } from './declare';
import { batchOption, epochsOption, minutesOption } from './length';
import { initOption, modelOption, widthOption } from './model';
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
import * as read from './readers';
import { checkpointMinutesOption } from './run';

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

export interface TrainingsOptions extends Omit<Table1Options, 'learningRate' | 'signal' | 'onEvent' | 'init'> {
  preset: PresetName;
  lr?: 'auto' | number;
  init?: { readonly text: string };
  lrLayers?: string;
  json?: boolean;
}

const readRate = (text: string): 'auto' | number => (text === 'auto' ? text : read.numberOf(trainingRateField)(text));

/** Removes a declared default: the preset's value holds instead. */
const ofPreset = { default: undefined };

/** Adds the options of a table of trainings. Without one of them, the preset's value holds. */
export const addTrainingsOptions = (command: Command): Command =>
  addOptions(
    command,
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
    ...[modelOption(ofPreset), widthOption(ofPreset), batchOption(), dataOption(ofPreset), dataDirOption()],
    classesOption(),
    limitOption({ note: 'of those classes' }),
    testLimitOption({ note: 'of those classes' }),
    ...[deviceOption(ofPreset), threadsOption(), precisionOption(ofPreset), initOption(ofPreset), scheduleOption()],
    warmupOption({ read: readWarmupText, note: '; none switches it off' }),
    ...[trainingLrLayersOption(), momentumOption(), weightDecayOption()],
    checkpointMinutesOption({ default: defaultCheckpointMinutes }),
    jsonOption({ note: ': the table as one object; progress goes to stderr' }),
  );

/** Returns the options of the library's function. */
export const libraryOptions = <T extends TrainingsOptions>({ lr, init, lrLayers, json, ...options }: T) => ({
  ...options,
  ...{ learningRate: lr, init: init?.text, layerRates: lrLayers },
});
