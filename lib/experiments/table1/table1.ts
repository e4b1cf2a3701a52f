/**
 * Table 1 of the paper: the same network once per activation, and seed, with its figures. Everything lies in one folder, and
 * whatever interrupts it, it goes on there: table1.json (settings), search/ and runs/ (a folder per training), table.json,
 * table.txt, report.html, figures/.
 */
import { join } from 'node:path';
import { type OpenedSource, openSource } from '../../data/openSource';
import { checkNumber, checkOptions, invalid } from '../../errors';
import { prepareFolder, writeAtomically } from '../../files/durable';
import { lockFolder } from '../../files/lock';
import { environment } from '../../measure/harness';
import type { Device } from '../../runtime/device';
import { describeSource } from '../../train/checkpoint/checkpointInfo';
import type { PresetName } from '../presets';
import { type RateChoice, readSearch, type Search, searchData, searchFolder, searchImages, trialsOf } from '../rates';
import { folderName, trainingOf } from '../recipe';
import { chanceOf, learningThreshold } from '../status';
import { type LabelledTraining, readTraining, runTrainings, type TrainingsEvent } from '../trainings';
import { writeTable1Report } from './report';
import { rowOf, type Table1Row } from './rows';
import {
  deviceFor,
  keepSettings,
  recipeOf,
  resolveSettings,
  type Table1Overrides,
  type Table1Settings,
} from './settings';
import { table1Text } from './text';

export interface Table1Options extends Table1Overrides {
  preset: PresetName;
  /** Default: results/table1-PRESET. */
  out?: string;
  /** Folder of CIFAR's files; default: where `saturnn data get` puts them. */
  dataDir?: string;
  /** For openDevice(); default: the preset's. */
  device?: string;
  /** Ends it with everything that is done kept, and the table of that. */
  signal?: AbortSignal;
  /** The same after about so many minutes. */
  minutes?: number;
  /** A checkpoint when the last one is so many minutes old; default 1. */
  checkpointMinutes?: number;
  /** Told of what happens, as it happens. */
  onEvent?: (event: Table1Event) => void;
}

export interface Table1 {
  readonly settings: Table1Settings;
  /** Whether nothing is left to do, for all activations and seeds that the folder knows. */
  readonly complete: boolean;
  /** Of what was asked for now, something is left: the signal or the minutes came before. */
  readonly interrupted: boolean;
  /** In the order of settings.activations. */
  readonly rows: readonly Table1Row[];
  /** Of each activation; none where nothing is searched. */
  readonly searches: readonly Search[];
  readonly trainImages: number;
  readonly testImages: number;
  /** The train accuracy that a network must exceed to have learned something: see learningThreshold(). */
  readonly threshold: number;
  /** Of the process that made the table; trainings keep their own in their folders. */
  readonly versions: Readonly<Record<string, unknown>>;
  readonly device: Readonly<Record<string, unknown>>;
  readonly out: string;
  readonly report: string;
}

/** What is to be done. */
export interface Table1Plan {
  readonly event: 'plan';
  /** Of this call: a folder may know more. */
  readonly settings: Table1Settings;
  readonly out: string;
  readonly device: string;
  readonly classes: number;
  readonly trainImages: number;
  readonly testImages: number;
  readonly trainings: number;
  /** Null: nothing is searched. `share`: of all training images that are to be seen. */
  readonly search: { readonly trials: number; readonly share: number } | null;
}

export type Table1Event =
  | Table1Plan
  | (TrainingsEvent & { readonly phase: 'search' | 'runs'; readonly count: number })
  | { readonly event: 'chosen'; readonly search: Search };

/**
 * Trains what is missing and makes the table from what is there.
 * @throws ERR_INVALID_ARGUMENT; ERR_DATA; ERR_UNSUPPORTED for a preset that needs a GPU; ERR_CHECKPOINT if the folder holds
 * a table with other settings; ERR_BUSY if another process works on it; ERR_OUTPUT
 */
export async function table1(options: Table1Options): Promise<Table1> {
  const { preset, dataDir, minutes } = checkOptions('{ preset }', options);
  const signals = [options.signal ?? [], minutes === undefined ? [] : timeout(minutes)].flat();
  const asked = resolveSettings(preset, options);
  const { fixed } = asked;
  const device = deviceFor(preset, options.device, fixed.precision);
  const { data, classes, limit, testLimit } = fixed;
  const [ofClasses, ofTrain, ofTest] = [classes ?? undefined, limit ?? undefined, testLimit ?? undefined];
  const opened = await openSource({ data, dataDir, classes: ofClasses, limit: ofTrain, testLimit: ofTest });
  const folder = prepareFolder(options.out ?? join('results', `table1-${preset}`));
  const unlock = lockFolder(folder);
  try {
    const sources = { train: await describeSource(opened.train), test: await describeSource(opened.test) };
    const all = keepSettings(folder, asked, sources);
    const work = { ...options, folder, opened, device, signal: AbortSignal.any(signals) };
    const done = await trainAll(work, asked);
    return finish(work, all, !done);
  } finally {
    unlock();
    await opened.close();
  }
}

interface Work extends Omit<Table1Options, 'device'> {
  readonly folder: string;
  readonly opened: OpenedSource;
  readonly device: Device;
  readonly signal: AbortSignal;
}

/** @returns whether everything has ended */
async function trainAll(work: Work, settings: Table1Settings): Promise<boolean> {
  const { folder, opened, device, signal, checkpointMinutes, onEvent } = work;
  const { fixed, activations, seeds } = settings;
  const common = { data: opened, device, signal, checkpointMinutes };
  onEvent?.(planOf(work, settings));
  if (fixed.search) {
    for (const activation of activations) {
      const trainings = trialsOf(recipeOf(fixed, activation, 1, 0), fixed.search, opened.train.classes);
      const done = await runTrainings({
        ...{ ...common, data: searchData(opened, fixed.search), folder: searchFolder(folder), trainings },
        ...{ evaluateTrain: false, keepWeights: false },
        onEvent: (event) => onEvent?.({ ...event, phase: 'search', count: trainings.length }),
      });
      if (!done) return false;
      onEvent?.({ event: 'chosen', search: searchOf(work, settings, activation)! });
    }
  }
  // All activations with one seed come before the next seed: a table that is cut off compares them.
  const trainings = Array.from({ length: seeds }, (_, seed) =>
    activations.map((activation) => runOf(work, settings, activation, rateOf(work, settings, activation)!, seed)),
  ).flat();
  return runTrainings({
    ...{ ...common, folder: runsFolder(folder), trainings },
    onEvent: (event) => onEvent?.({ ...event, phase: 'runs', count: trainings.length }),
  });
}

/** The table of everything that the folder knows, written and returned. */
function finish(work: Work, settings: Table1Settings, interrupted: boolean): Table1 {
  const { folder, opened, device } = work;
  const { activations, seeds } = settings;
  const searches = activations.flatMap((activation) => searchOf(work, settings, activation) ?? []);
  const rows = activations.map((activation) => {
    const rate = rateOf(work, settings, activation);
    const search = searches.find((one) => one.activation === activation) ?? null;
    // Where the rate is not known yet there is no run, whatever the rate.
    const recipes = Array.from({ length: seeds }, (_, seed) =>
      runOf(work, settings, activation, rate ?? { rate: 1, how: 'search' }, seed),
    );
    const runs = recipes.map((training) => readTraining(runsFolder(folder), training));
    return rowOf(activation, rate, runs, search);
  });
  const { train, test } = opened;
  const table: Table1 = {
    ...{ settings, complete: rows.every(({ ended }) => ended), interrupted, rows, searches },
    ...{ trainImages: train.count, testImages: test.count, threshold: learningThreshold(chanceOf(train)) },
    ...{ versions: environment(), device: { name: device.name, ...device.info } },
    ...{ out: folder, report: join(folder, 'report.html') },
  };
  writeAtomically(join(folder, 'table.json'), `${JSON.stringify(table, null, 2)}\n`);
  writeAtomically(join(folder, 'table.txt'), table1Text(rows));
  writeTable1Report(folder, table);
  return table;
}

const runsFolder = (folder: string): string => join(folder, 'runs');

function runOf(
  work: Work,
  { fixed }: Table1Settings,
  activation: string,
  { rate }: RateChoice,
  seed: number,
): LabelledTraining {
  const recipe = recipeOf(fixed, activation, rate, seed);
  return trainingOf(
    `${activation}, seed ${seed}`,
    `${folderName(activation)}-seed${seed}`,
    recipe,
    work.opened.train.classes,
  );
}

function searchOf({ folder, opened }: Work, { fixed }: Table1Settings, activation: string): Search | null {
  if (!fixed.search) return null;
  return readSearch(searchFolder(folder), recipeOf(fixed, activation, 1, 0), fixed.search, opened.train.classes);
}

/** Null: its search has not ended. */
function rateOf(work: Work, settings: Table1Settings, activation: string): RateChoice | null {
  const { rates } = settings.fixed;
  if (typeof rates === 'number') return { rate: rates, how: 'given' };
  if (rates !== 'auto') return { rate: rates.rates[activation] ?? rates.otherwise, how: 'preset' };
  const chosen = searchOf(work, settings, activation)?.chosen ?? null;
  return chosen === null ? null : { rate: chosen, how: 'search' };
}

function planOf({ folder, device, opened: { train, test } }: Work, settings: Table1Settings): Table1Plan {
  const { fixed, activations, seeds } = settings;
  const { search } = fixed;
  const trainings = activations.length * seeds;
  const images = search ? searchImages(train, search, activations.length) : 0;
  return {
    ...{ event: 'plan', settings, out: folder, device: device.name, trainings },
    ...{ classes: train.classes, trainImages: train.count, testImages: test.count },
    search: search && {
      trials: activations.length * search.grid.length,
      share: images / (images + trainings * fixed.epochs * train.count),
    },
  };
}

function timeout(minutes: number): AbortSignal {
  checkNumber('minutes', minutes, 0, 35_000);
  if (minutes === 0) throw invalid('minutes', 'a positive number', minutes);
  return AbortSignal.timeout(60_000 * minutes);
}
