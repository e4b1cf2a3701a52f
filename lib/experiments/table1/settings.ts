/** What a table 1 is made of: a preset and what takes its places; kept in its folder, and what may be added there later. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkInteger, checkNumber, invalid, SaturnnError } from '../../errors';
import { writeAtomically } from '../../files/durable';
import { formatActivation } from '../../ops/activation';
import { parseActivation } from '../../ops/activations';
import { type Device, openDevice, type Precision, precisions } from '../../runtime/device';
import { type Description, firstDifference } from '../../train/checkpoint/checkpointInfo';
import { paperActivations } from '../paper';
import { type Preset, type PresetName, presets } from '../presets';
import type { Rates, SearchSettings } from '../rates';
import { partsOf, type Recipe } from '../recipe';
import { readJson } from '../trainings';

/** Options that take the place of a preset's. */
export interface Table1Overrides {
  /** As parseActivation reads them; default: the paper's six. */
  activations?: readonly string[];
  /** Trainings of each activation, with the seeds 0, 1, ... */
  seeds?: number;
  /** "auto": searched on the preset's grid. A number: of all. Default: as the preset says. */
  learningRate?: 'auto' | number;
  /** What "auto" tries. */
  search?: Partial<SearchSettings>;
  data?: string;
  /** Only the images of the first so many classes. */
  classes?: number;
  /** Of those, the first so many training and test images. */
  limit?: number;
  testLimit?: number;
  model?: string;
  width?: number;
  init?: string;
  /** As parseLayerRates reads it, or "lars". */
  layerRates?: string;
  epochs?: number;
  batch?: number;
  precision?: Precision;
  schedule?: string;
  /** "none": none. */
  warmup?: string;
  momentum?: number;
  weightDecay?: number;
}

/** JSON. What a folder's trainings have in common is `fixed`; activations and seeds may be added. */
export interface Table1Settings {
  readonly activations: readonly string[];
  readonly seeds: number;
  readonly fixed: Table1Fixed;
}

export interface Table1Fixed extends Omit<Recipe, 'activation' | 'learningRate' | 'seed'> {
  readonly preset: PresetName;
  readonly data: string;
  readonly classes: number | null;
  readonly limit: number | null;
  readonly testLimit: number | null;
  readonly rates: Rates;
  /** Null: nothing is searched. */
  readonly search: SearchSettings | null;
}

/** @throws ERR_INVALID_ARGUMENT naming what does not fit */
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
  const fixed: Table1Fixed = {
    ...{ preset: name, data, classes, limit, testLimit },
    ...recipe,
    ...defined({ model, width, init, layerRates, epochs, batch, precision, schedule, momentum, weightDecay }),
    warmup: warmup === 'none' ? null : warmup,
    ...{ rates, search: rates === 'auto' ? checkSearch(search) : null },
  };
  checkInteger('seeds', seeds, 1, 1000);
  checkInteger('epochs', fixed.epochs, 1, 100_000);
  for (const [key, value] of Object.entries({ limit, testLimit })) if (value !== null) checkInteger(key, value, 1);
  if (classes !== null) checkInteger('classes', classes, 2);
  if (!precisions.includes(fixed.precision)) throw invalid('precision', precisions.join(', '), fixed.precision);
  const names = activations.map((text) => formatActivation(parseActivation(text)));
  if (names.length === 0 || new Set(names).size < names.length)
    throw invalid('activations', 'at least one, and none twice', names);
  // What cannot be read is found before any data are.
  for (const activation of names) partsOf(recipeOf(fixed, activation, 1, 0), 2);
  return { activations: names, seeds, fixed };
}

/** @throws ERR_INVALID_ARGUMENT */
export function presetOf(name: PresetName): Preset {
  if (Object.hasOwn(presets, name)) return presets[name];
  throw invalid('preset', Object.keys(presets).join(', '), name);
}

/**
 * The device of a preset, or the one that is asked for.
 * @throws ERR_UNSUPPORTED where it would take too long on a CPU that nobody has asked for; what openDevice throws
 */
export function deviceFor(name: PresetName, asked: string | undefined, precision: Precision): Device {
  const { device: own, tooLongOnCpu } = presetOf(name);
  const device = openDevice(asked ?? own);
  if (device.backend === 'cpu' && tooLongOnCpu !== null && asked !== 'cpu') {
    const message = `The preset ${name} is for a GPU, and none works here (\`saturnn doctor\` says why): on a CPU it takes ${tooLongOnCpu}. The preset cpu takes an hour; --device cpu insists`;
    throw new SaturnnError('ERR_UNSUPPORTED', message);
  }
  device.checkPrecision(precision);
  return device;
}

/** One training of the table. */
export function recipeOf(fixed: Table1Fixed, activation: string, learningRate: number, seed: number): Recipe {
  const { preset, data, classes, limit, testLimit, rates, search, ...recipe } = fixed;
  return { ...recipe, activation, learningRate, seed };
}

const settingsName = 'table1.json';

/**
 * Keeps the settings in the folder. If a table is there already, its activations and seeds stay beside those that are given.
 * @param sources what describes the training and the test set
 * @returns the settings of the whole table
 * @throws ERR_CHECKPOINT if it has other settings, naming the first that differs
 */
export function keepSettings(folder: string, settings: Table1Settings, sources: Description): Table1Settings {
  const path = join(folder, settingsName);
  const stored = existsSync(path) ? (readJson(path) as (Table1Settings & { sources: Description }) | null) : null;
  // As JSON has them.
  const here = JSON.parse(JSON.stringify({ ...settings, sources })) as Table1Settings & { sources: Description };
  const difference =
    stored &&
    (firstDifference({ ...stored.fixed }, { ...here.fixed }) ?? firstDifference(stored.sources, here.sources));
  if (difference) {
    const message = `${folder} holds a table with other settings: ${difference}. Choose another --out, or the settings that are there (${settingsName}); only activations and seeds may be added`;
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
  if (!Array.isArray(grid) || grid.length === 0 || new Set(grid).size < grid.length)
    throw invalid('grid of the search', 'different learning rates', grid);
  for (const rate of grid) checkNumber('learning rate of the search', rate, Number.MIN_VALUE, 1e6);
  checkInteger('epochs of the search', epochs, 1, 100_000);
  if (limit !== null) checkInteger('limit of the search', limit, 1);
  return { grid, epochs, limit };
}

/** Without what is undefined. */
const defined = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
