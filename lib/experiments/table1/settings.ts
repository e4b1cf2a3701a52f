/**
 * Settings of a Table 1: a preset and the options that override it. They are stored in its folder; activations and seeds may
 * be added.
 */
import { join } from 'node:path';
import { formatAugmentation, parseAugmentation } from '../../data/augmentation/kinds';
import { fewestClasses } from '../../data/source';
import { type StatisticsOptions, statisticsField } from '../../data/statistics';
import { type Validation, validationField } from '../../data/validation';
import { checkInteger, checkNumber, invalid, type Range, SaturnnError } from '../../errors';
import { writeAtomically } from '../../files/durable';
import type { Normalization } from '../../layers';
import { normalizationField } from '../../layers/conv2d';
import type { ImageSize } from '../../models';
import { modelFields } from '../../models/model';
import { formatActivation } from '../../ops/activation';
import { parseActivation } from '../../ops/activations';
import { learningRateRange } from '../../optim/schedule';
import { anyNumber, anyOf, arrayOf, integer, numberWithin, oneOf, optional, orNull, text } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import { entryOf, isArray } from '../../options/values';
import { type Device, openDevice, type Precision, precisionField, precisions } from '../../runtime/device';
import { type Description, firstDifference } from '../../train/checkpoint/checkpointInfo';
import { paperActivations } from '../paper';
import { type Preset, type PresetName, presets } from '../presets';
import type { Rates, SearchSettings } from '../rates';
import { partsOf, type Recipe } from '../recipe';
import { count, object, readStored, texts } from '../storedJson';

/** Options that override the settings of a preset. Without an option, the preset's value is used. */
export interface Table1Overrides {
  /** Activations, as parseActivation() reads them, none twice. Default: paperActivations. */
  activations?: readonly string[];
  /** Trainings of each activation, 1 to 1000, with the seeds 0, 1, ... */
  seeds?: number;
  /** Learning rate of all activations (above 0, at most 1e6), or "auto" to search for the rate of each. */
  learningRate?: 'auto' | number;
  /** Settings of the search; only used if learning rates are searched for. */
  search?: Partial<SearchSettings>;
  /** Name of a data set ("cifar10", "cifar100", "generated"), or a path, as --data takes it. */
  data?: string;
  /** Number of classes, at least 2: only the images of the first ones are used. */
  classes?: number;
  /** Number of training images: only the first ones of those classes are used. */
  limit?: number;
  /** Number of test images: only the first ones of those classes are used. */
  testLimit?: number;
  /** Normalisation of the pixels, computed from the training set. Default: by mean and standard deviation per channel. */
  statistics?: StatisticsOptions;
  /** How training images are changed at random, as augmentations.parse() reads it: "none". Default: that of the data set. */
  augmentation?: string;
  /** Evaluate this part of the training set in place of the test set. Default: none. */
  validation?: Validation;
  /** Name of a model in `models`. */
  model?: string;
  /** Factor on all channel counts of the model. */
  width?: number;
  /** Height and width of the images that the model reads. Default: 28 for images of 32x32, and the images' own size for others and for pictures. */
  size?: ImageSize;
  /** Channels of the images, 1 to 4: pictures are decoded to so many, and others must have them. Default: those of the images. */
  channels?: number;
  /** Normalisation after every convolution. Default: the model's own. */
  normalization?: Normalization;
  /** Share of the features that is dropped before the classifier in training. Default 0. */
  dropout?: number;
  /** Initial weights, as the option --init of `saturnn train` reads them. */
  init?: string;
  /** Rule for the learning rates of layers, as parseLayerRates() reads it, or "lars". Default: none. */
  layerRates?: string;
  /** Epochs of each training, 1 to 100,000. */
  epochs?: number;
  /** Images per step. */
  batch?: number;
  /** Arithmetic of the plans: "f32", "tf32", "bf16" or "fp16". */
  precision?: Precision;
  /** Schedule of the learning rate, as parseSchedule() reads it: "cosine". */
  schedule?: string;
  /** Length of the warm-up in epochs ("2") or steps ("500steps"), or "none". */
  warmup?: string;
  /** Momentum of SGD, 0 to 1. */
  momentum?: number;
  /** Weight decay of weights; biases have none. */
  weightDecay?: number;
}

/** Settings of a Table 1, as JSON in table1.json. */
export interface Table1Settings {
  /** Activations in the order of the rows. More may be added to a folder later. */
  readonly activations: readonly string[];
  /** Trainings per activation, with the seeds 0, 1, ... More may be added to a folder later. */
  readonly seeds: number;
  /** Settings that all trainings of a folder have in common. */
  readonly fixed: Table1Fixed;
}

/** Settings that all trainings of a Table 1 have in common. */
export interface Table1Fixed extends Omit<Recipe, 'activation' | 'learningRate' | 'seed'> {
  /** Name of the preset that the settings come from. */
  readonly preset: PresetName;
  /** Name of a data set or path of its files. */
  readonly data: string;
  /** Number of classes that are used; null: all. */
  readonly classes: number | null;
  /** Number of training images that are used; null: all. */
  readonly limit: number | null;
  /** Number of test images that are used; null: at most `limit`. */
  readonly testLimit: number | null;
  /** The part of the training set that is evaluated in place of the test set. Default: none. */
  readonly validation?: Validation;
  /** Normalisation of the pixels. Default: by mean and standard deviation per channel. */
  readonly statistics?: StatisticsOptions;
  /** Learning rates of the activations, or "auto" if they are searched for. */
  readonly rates: Rates;
  /** Settings of the search; null if learning rates are not searched for. */
  readonly search: SearchSettings | null;
}

/** Limits of Table1Overrides.seeds. */
const seedsRange: Range = [1, 1000];
/** Limits of Table1Overrides.epochs. */
const epochsRange: Range = [1, 100_000];

const searchOptions = new Options<Partial<SearchSettings>>('option search', {
  grid: optional(arrayOf(anyNumber, 'an array of learning rates')),
  epochs: optional(anyNumber),
  limit: optional(orNull(anyNumber)),
});

/** Accepts the learning rate of a training. */
export const trainingRateField = numberWithin({ least: 0, most: learningRateRange[1], open: 'least' });

/** Schema of the overrides of a preset. Where a field takes any text or number, the function that uses it checks that. */
export const overridesFields: Fields<Table1Overrides> = {
  activations: optional(arrayOf(text, 'an array of activations as text')),
  seeds: optional(integer(...seedsRange)),
  learningRate: optional(anyOf(`"auto" or ${trainingRateField.expected}`, oneOf<'auto'>(['auto']), trainingRateField)),
  search: optional(searchOptions.nested()),
  ...{ data: optional(text), classes: optional(integer(fewestClasses)) },
  ...{ limit: optional(integer(1)), testLimit: optional(integer(1)) },
  validation: optional(validationField),
  ...{ statistics: optional(statisticsField), augmentation: optional(text) },
  ...{ size: modelFields.size, channels: modelFields.channels },
  ...{ normalization: optional(normalizationField), dropout: modelFields.dropout },
  ...{ model: optional(text), width: optional(anyNumber), init: optional(text), layerRates: optional(text) },
  epochs: optional(integer(...epochsRange)),
  ...{ batch: optional(anyNumber), precision: optional(precisionField) },
  ...{ schedule: optional(text), warmup: optional(text) },
  ...{ momentum: optional(anyNumber), weightDecay: optional(anyNumber) },
};

/** Applies the overrides to a preset. @throws ERR_INVALID_ARGUMENT, naming the option that is not valid */
export function resolveSettings(name: PresetName, overrides: Table1Overrides): Table1Settings {
  const preset = presetOf(name);
  const { activations = paperActivations, seeds = preset.seeds, learningRate, data = preset.data } = overrides;
  const {
    classes = preset.classes,
    limit = preset.limit,
    testLimit = preset.testLimit,
    warmup = preset.recipe.warmup,
  } = overrides;
  const { recipe } = preset;
  const rates = checkRates(learningRate ?? preset.rates);
  const search = { ...preset.search, ...defined(overrides.search ?? {}) };
  const { model, width, init, layerRates, epochs, batch, precision, schedule, momentum, weightDecay } = overrides;
  const { validation, statistics, size, channels, normalization, dropout } = overrides;
  const augmentation =
    overrides.augmentation === undefined ? undefined : formatAugmentation(parseAugmentation(overrides.augmentation));
  const fixed: Table1Fixed = {
    ...{ preset: name, data, classes, limit, testLimit },
    ...recipe,
    ...defined({ model, width, init, layerRates, epochs, batch, precision, schedule, momentum, weightDecay }),
    ...defined({
      validation: validation && { share: validation.share, seed: validation.seed ?? 0 },
      statistics,
      augmentation,
      size,
      channels,
      normalization,
      dropout,
    }),
    warmup: warmup === 'none' ? null : warmup,
    ...{ rates, search: rates === 'auto' ? checkSearch(search) : null },
  };
  checkInteger('seeds', seeds, ...seedsRange);
  checkInteger('epochs', fixed.epochs, ...epochsRange);
  for (const [key, value] of Object.entries({ limit, testLimit })) if (value !== null) checkInteger(key, value, 1);
  if (classes !== null) checkInteger('classes', classes, fewestClasses);
  if (!precisions.includes(fixed.precision)) throw invalid('precision', precisions.join(', '), fixed.precision);
  const names = activations.map((text) => formatActivation(parseActivation(text)));
  if (names.length === 0 || new Set(names).size < names.length)
    throw invalid('activations', 'at least one activation, and none twice', names);
  // Texts that cannot be parsed are found before data are read.
  for (const activation of names) partsOf(recipeOf(fixed, activation, 1, 0), 2);
  return { activations: names, seeds, fixed };
}

/** Returns a preset by its name. @throws ERR_INVALID_ARGUMENT if there is none */
export function presetOf(name: PresetName): Preset {
  const preset = entryOf(presets, name);
  if (!preset) throw invalid('preset', Object.keys(presets).join(', '), name);
  return preset;
}

/**
 * Opens the device that was asked for, or else the preset's.
 * @throws ERR_UNSUPPORTED if the preset would take too long on a CPU and "cpu" was not asked for, or the device lacks the
 * precision; what openDevice() throws
 */
export function deviceFor(
  name: PresetName,
  { device: asked, threads }: { device?: string; threads?: number },
  precision: Precision,
): Device {
  const { device: own, tooLongOnCpu } = presetOf(name);
  const device = openDevice(asked ?? own, { threads });
  if (device.backend === 'cpu' && tooLongOnCpu !== null && asked !== 'cpu') {
    const message =
      `The preset ${name} is for a GPU, but no GPU can be used here (\`saturnn doctor\` says why). On a CPU it would take ` +
      `${tooLongOnCpu}. Use the preset cpu, which takes about an hour, or --device cpu to train on the CPU nevertheless`;
    throw new SaturnnError('ERR_UNSUPPORTED', message);
  }
  device.checkPrecision(precision);
  return device;
}

/** Returns the recipe of one training of the table. */
export function recipeOf(fixed: Table1Fixed, activation: string, learningRate: number, seed: number): Recipe {
  const { preset, data, classes, limit, testLimit, validation, statistics, rates, search, ...recipe } = fixed;
  return { ...recipe, activation, learningRate, seed };
}

const settingsName = 'table1.json';

/**
 * Stores the settings in the folder. If it holds a table already, the table's activations and seeds are kept beside the given
 * ones.
 * @param sources descriptions of the training and the test set
 * @returns the settings of the whole table
 * @throws ERR_CHECKPOINT if the folder holds a table with other settings; the message names the first that differs
 */
export function keepSettings(folder: string, settings: Table1Settings, sources: Description): Table1Settings {
  const path = join(folder, settingsName);
  const stored = readStored(path, { activations: texts, seeds: count, fixed: object, sources: object }) as
    | (Table1Settings & { sources: Description })
    | null;
  // Compared as JSON, which leaves undefined values out.
  const here = JSON.parse(JSON.stringify({ ...settings, sources })) as Table1Settings & { sources: Description };
  const difference =
    stored &&
    (firstDifference({ ...stored.fixed }, { ...here.fixed }) ?? firstDifference(stored.sources, here.sources));
  if (difference) {
    const message =
      `${folder} holds a table with other settings: ${difference}. Choose another --out, or use the settings in ` +
      `${settingsName}. Only activations and seeds can be added`;
    throw new SaturnnError('ERR_CHECKPOINT', message);
  }
  const all = {
    ...here,
    activations: [...new Set([...(stored?.activations ?? []), ...settings.activations])],
    seeds: Math.max(stored?.seeds ?? 1, settings.seeds),
  };
  writeAtomically(path, `${JSON.stringify(all, null, 2)}\n`);
  const { activations, seeds, fixed } = all;
  return { activations, seeds, fixed };
}

function checkRates(rates: Rates): Rates {
  if (typeof rates === 'number') return checkNumber('learningRate', rates, Number.MIN_VALUE, 1e6);
  if (rates !== 'auto' && typeof rates !== 'object') throw invalid('learningRate', '"auto" or a number', rates);
  return rates;
}

function checkSearch({ grid, epochs, limit }: SearchSettings): SearchSettings {
  if (!isArray(grid) || grid.length === 0 || new Set(grid).size < grid.length)
    throw invalid('grid of the search', 'different learning rates', grid);
  for (const rate of grid) checkNumber('learning rate of the search', rate, Number.MIN_VALUE, 1e6);
  checkInteger('epochs of the search', epochs, ...epochsRange);
  if (limit !== null) checkInteger('limit of the search', limit, 1);
  return { grid, epochs, limit };
}

/** Returns options without undefined values. */
const defined = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
