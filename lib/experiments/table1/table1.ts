/**
 * Table 1 of the paper, with its figures: the same network, trained once per activation and seed. Everything is stored in one
 * folder, in which an interrupted table goes on: table1.json (settings), search/ and runs/ (a folder per training), table.json,
 * table.txt, report.html, figures/.
 */
import { join } from 'node:path';
import { type OpenedSets, openSource, type SourceOptions, sourceFields } from '../../data/openSource';
import { pictureFields } from '../../data/pictures/decode';
import type { ImageFolderOptions } from '../../data/pictures/imageFolder';
import { type ImageFolder, pictureSetFields } from '../../data/pictures/openSet';
import { type DataMode, dataModeField, type EvaluatedSet, evaluatedSet } from '../../data/source';
import type { Range } from '../../errors';
import { writeAtomically } from '../../files/durable';
import { environment } from '../../measure/harness';
import { defaultsOf, pictureSizeFor } from '../../models/defaults';
import { modelSizeFor } from '../../models/imageSize';
import { callback, number, numberWithin, oneOf, optional, signal, text } from '../../options/field';
import { checkArgument, type Fields, Options } from '../../options/options';
import { type Device, threadsField } from '../../runtime/device';
import { everyMinutesRange } from '../../train/callbacks/checkpoints';
import { describeSource } from '../../train/checkpoint/checkpointInfo';
import { type PresetName, presets } from '../presets';
import { type RateChoice, readSearch, type Search, searchData, searchFolder, searchImages, trialsOf } from '../rates';
import { folderName, trainingOf } from '../recipe';
import { ResultFolder } from '../resultFolder';
import { chanceOf, learningThreshold } from '../status';
import { type LabelledTraining, readTraining, runTrainings, type TrainingsEvent } from '../trainings';
import { writeTable1Report } from './report';
import { rowOf, type Table1 } from './rows';
import {
  deviceFor,
  keepSettings,
  overridesFields,
  recipeOf,
  resolveSettings,
  type Table1Fixed,
  type Table1Overrides,
  type Table1Settings,
} from './settings';
import { table1Text } from './text';

/** How pictures are decoded: the options of imageFolder(), without those that table1() has itself. */
export interface TablePictures
  extends Omit<ImageFolderOptions, 'mode' | 'signal' | 'channels' | 'testShare' | 'testSeed'> {}

/** Options of table1(): a preset, everything that overrides it, and how the data are opened. */
export interface Table1Options
  extends Table1Overrides,
    Pick<SourceOptions, 'labels' | 'labelColumn' | 'pixelRange' | 'pixelLayout' | 'verify' | 'testShare' | 'testSeed'> {
  /** Settings to start from: "paper", "cpu" or "smoke". */
  preset: PresetName;
  /** Folder of the table. Default: results/table1-PRESET. */
  out?: string;
  /** Folder of the files of cifar10 or cifar100. Default: where `saturnn data get` puts them. */
  dataDir?: string;
  /** How pictures are decoded. Default of its `size`: the option `size`, the network's; without that, 32 (inceptionBn: 224). */
  pictures?: TablePictures;
  /** "resident" (default): all images are on the device. "streaming": the host sends those of each step. The results are the same. */
  dataMode?: DataMode;
  /** Name of a device, as openDevice() takes it. Default: the preset's. */
  device?: string;
  /** Number of threads of the CPU, as for openDevice(). Default 0: as it chooses them. */
  threads?: number;
  /** Stops the trainings. What they have done is kept, and table1() resolves to the table of that. */
  signal?: AbortSignal;
  /** Stops the trainings in the same way after about so many minutes (above 0, at most 35,000). Default: no limit. */
  minutes?: number;
  /** Minutes between two checkpoints of a training. Default 1. */
  checkpointMinutes?: number;
  /** Called for every event. */
  onEvent?: (event: Table1Event) => void;
}

/** Limits of Table1Options.minutes, of which 0 itself is refused. */
const minutesRange: Range = [0, 35_000];

const { mode: _m, signal: _s, channels: _c, testShare: _share, testSeed: _seed, ...picturesFields } = pictureSetFields;

/** Schema of the options of table1(). */
export const table1Fields: Fields<Table1Options> = {
  ...overridesFields,
  preset: oneOf(Object.keys(presets) as PresetName[]),
  ...sourceFields,
  ...{
    pictures: optional(new Options<TablePictures>('option pictures', picturesFields).nested()),
    dataMode: optional(dataModeField),
  },
  ...{ out: optional(text), dataDir: optional(text), device: optional(text), threads: optional(threadsField) },
  ...{
    signal: optional(signal),
    minutes: optional(numberWithin({ least: minutesRange[0], most: minutesRange[1], open: 'least' })),
  },
  ...{ checkpointMinutes: optional(number(everyMinutesRange)), onEvent: optional(callback()) },
};

const table1Options = new Options('table1()', table1Fields);

/** The first event of table1(): what it is going to do. */
export interface Table1Plan {
  readonly event: 'plan';
  /** Settings of this call. The folder may hold more activations and seeds. */
  readonly settings: Table1Settings;
  /** Path of the folder. */
  readonly out: string;
  /** Name of the device. */
  readonly device: string;
  /** Number of classes. */
  readonly classes: number;
  /** Number of training images. */
  readonly trainImages: number;
  /** Number of test images, or of those of the validation set. */
  readonly testImages: number;
  /** The set of these images. */
  readonly evaluated: EvaluatedSet;
  /** The folder of pictures, with its broken files and its split; null for other data. */
  readonly pictures: ImageFolder | null;
  /** Trainings of this call, those that have ended included. */
  readonly trainings: number;
  /** Number of trials, and their share of all training images that the call passes through the network; null: no search. */
  readonly search: { readonly trials: number; readonly share: number } | null;
}

/**
 * An event of table1(): its plan; an event of a training, with its phase ("search": a trial of a learning rate; "runs": a
 * training of the table) and `count`, the number of trainings in the list of which `index` is the position; or the result of
 * a search.
 */
export type Table1Event =
  | Table1Plan
  | (TrainingsEvent & { readonly phase: 'search' | 'runs'; readonly count: number })
  | { readonly event: 'chosen'; readonly search: Search };

/**
 * Runs the trainings that the folder does not hold yet, and writes the table, its figures and report from all that it holds. An
 * interrupted table goes on when table1() is called again with the same settings; activations and seeds may be added.
 * @throws ERR_INVALID_ARGUMENT if an option is not valid; ERR_DATA if data are missing or damaged; ERR_UNSUPPORTED for a
 * preset that needs a GPU, or a precision that the device lacks; ERR_CHECKPOINT if the folder holds a table with other
 * settings or damaged files; ERR_BUSY if another process uses the folder; ERR_OUTPUT if it cannot be written; what a Trainer
 * throws
 */
export async function table1(given: Table1Options): Promise<Table1> {
  const options = table1Options.check(given);
  const { preset, minutes } = options;
  const signals = [options.signal ?? [], minutes === undefined ? [] : timeout(minutes)].flat();
  const settings = resolveSettings(preset, options);
  const device = deviceFor(preset, options, settings.fixed.precision);
  const opened = await open(options, settings.fixed);
  try {
    const asked = sized(settings, opened);
    using results = new ResultFolder(options.out ?? join('results', `table1-${preset}`));
    const folder = results.path;
    const sources = { train: await describeSource(opened.train), test: await describeSource(opened.test) };
    const all = keepSettings(folder, asked, sources);
    const work = { ...options, folder, opened, device, signal: AbortSignal.any(signals) };
    const done = await trainAll(work, asked);
    return finish(work, all, !done);
  } finally {
    await opened.close();
  }
}

function open(options: Table1Options, fixed: Table1Fixed): Promise<OpenedSets> {
  const { dataDir, labels, labelColumn, pixelRange, pixelLayout, verify, testShare, testSeed, dataMode } = options;
  const read = { labels, labelColumn, pixelRange, pixelLayout, verify };
  const { data, classes, limit, testLimit, model, validation } = fixed;
  const counts = { classes: classes ?? undefined, limit: limit ?? undefined, testLimit: testLimit ?? undefined };
  const pictures = () => ({
    ...options.pictures,
    size: options.pictures?.size ?? fixed.size ?? pictureSizeFor(model),
    channels: checkArgument('channels of pictures', pictureFields.channels, fixed.channels),
    signal: options.signal, // decoding may take long
  });
  return openSource({ data, dataDir, ...read, testShare, testSeed, validation, ...counts, pictures }, dataMode);
}

/** Adds the size and the channels of the images, unless they are the model's own: earlier versions did not store them. */
function sized(settings: Table1Settings, { train, pictures }: OpenedSets): Table1Settings {
  const usual = modelSizeFor(train.shape, { whole: pictures !== undefined });
  const { size = usual.size, channels = usual.channels } = settings.fixed;
  const images = { ...(size && { size }), ...(channels !== defaultsOf(settings.fixed.model).channels && { channels }) };
  return { ...settings, fixed: { ...settings.fixed, ...images } };
}

interface Work extends Omit<Table1Options, 'device'> {
  readonly folder: string;
  readonly opened: OpenedSets;
  readonly device: Device;
  readonly signal: AbortSignal;
}

/** Runs all searches and trainings. @returns whether all have ended */
async function trainAll(work: Work, settings: Table1Settings): Promise<boolean> {
  const { folder, opened, device, signal, checkpointMinutes, onEvent } = work;
  const { fixed, activations, seeds } = settings;
  const data = { ...opened, statistics: fixed.statistics, mode: work.dataMode };
  const common = { data, device, signal, checkpointMinutes };
  onEvent?.(planOf(work, settings));
  if (fixed.search) {
    for (const activation of activations) {
      const trainings = trialsOf(recipeOf(fixed, activation, 1, 0), fixed.search, opened.train.classes);
      const done = await runTrainings({
        ...{ ...common, data: searchData(data, fixed.search), folder: searchFolder(folder), trainings },
        ...{ evaluateTrain: false, keepWeights: false },
        onEvent: (event) => onEvent?.({ ...event, phase: 'search', count: trainings.length }),
      });
      if (!done) return false;
      onEvent?.({ event: 'chosen', search: searchOf(work, settings, activation)! });
    }
  }
  // All activations with one seed come before the next seed, so that an interrupted table can compare them.
  const trainings = Array.from({ length: seeds }, (_, seed) =>
    activations.map((activation) => runOf(work, settings, activation, rateOf(work, settings, activation)!, seed)),
  ).flat();
  return runTrainings({
    ...{ ...common, folder: runsFolder(folder), trainings },
    onEvent: (event) => onEvent?.({ ...event, phase: 'runs', count: trainings.length }),
  });
}

/** Makes the table of everything in the folder, writes it, and returns it. */
function finish(work: Work, settings: Table1Settings, interrupted: boolean): Table1 {
  const { folder, opened, device } = work;
  const { activations, seeds } = settings;
  const searches = activations.flatMap((activation) => searchOf(work, settings, activation) ?? []);
  const rows = activations.map((activation) => {
    const rate = rateOf(work, settings, activation);
    const search = searches.find((one) => one.activation === activation) ?? null;
    // If the rate is not known yet, no training has begun, so any rate will do here.
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

/** Returns the learning rate of an activation; null if its search has not ended. */
function rateOf(work: Work, settings: Table1Settings, activation: string): RateChoice | null {
  const { rates } = settings.fixed;
  if (typeof rates === 'number') return { rate: rates, how: 'given' };
  if (rates !== 'auto') return { rate: rates.rates[activation] ?? rates.otherwise, how: 'preset' };
  const chosen = searchOf(work, settings, activation)?.chosen ?? null;
  return chosen === null ? null : { rate: chosen, how: 'search' };
}

function planOf({ folder, device, opened: { train, test, pictures } }: Work, settings: Table1Settings): Table1Plan {
  const { fixed, activations, seeds } = settings;
  const { search } = fixed;
  const trainings = activations.length * seeds;
  const images = search ? searchImages(train, search, activations.length) : 0;
  return {
    ...{ event: 'plan', settings, out: folder, device: device.name, trainings },
    ...{ classes: train.classes, trainImages: train.count, testImages: test.count },
    ...{ evaluated: evaluatedSet(test), pictures: pictures ?? null },
    search: search && {
      trials: activations.length * search.grid.length,
      share: images / (images + trainings * fixed.epochs * train.count),
    },
  };
}

function timeout(minutes: number): AbortSignal {
  return AbortSignal.timeout(60_000 * minutes);
}
