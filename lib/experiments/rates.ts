/** The learning rate of each activation, and the search for it. */
import { join } from 'node:path';
import type { OpenedSets } from '../data/openSource';
import { evenlyOf, firstOf, type ImageSource } from '../data/source';
import { parseSpan } from '../optim/parseSchedule';
import { folderName, type Recipe, trainingOf } from './recipe';
import type { Status } from './status';
import { type LabelledTraining, readTraining, type TrainingData } from './trainings';

/**
 * Learning rates of a table's activations: "auto" to search for the rate of each; a number for all; or rates by activation
 * ("leakyTanh:0.25"), with `otherwise` for activations that `rates` does not name.
 */
export type Rates = 'auto' | number | { readonly rates: Readonly<Record<string, number>>; readonly otherwise: number };

/** Settings of a search for learning rates. */
export interface SearchSettings {
  /** Learning rates that are tried with every activation. */
  readonly grid: readonly number[];
  /** Epochs of each trial. */
  readonly epochs: number;
  /** Training images of a trial, the first of the data set; null: all. */
  readonly limit: number | null;
}

/** The learning rate of an activation. */
export interface RateChoice {
  /** The learning rate. */
  readonly rate: number;
  /** "given": one rate for all activations; "preset": from the rates by activation of a preset; "search": found by a search. */
  readonly how: 'given' | 'preset' | 'search';
}

/** A short training with one learning rate. */
export interface Trial {
  /** The learning rate. */
  readonly rate: number;
  /** State of the training. */
  readonly status: Status;
  /** Mean training loss over the last complete epoch of the trial; null if there is no result or no complete epoch. */
  readonly trainLoss: number | null;
  /** Training accuracy over the same epoch, 0 to 1; null as for `trainLoss`. */
  readonly trainAccuracy: number | null;
}

/** The search for the learning rate of one activation. */
export interface Search {
  /** Text as parseActivation() reads it: "leakyTanh:0.25". */
  readonly activation: string;
  /** One trial per learning rate of the grid, in its order. */
  readonly trials: readonly Trial[];
  /**
   * The chosen learning rate: that of the trial with the lowest training loss in its last epoch, or the lowest rate if all trials
   * diverged. Null if not all trials have ended.
   */
  readonly chosen: number | null;
  /** A remark on the choice, such as "at the edge of the grid"; empty if there is none. */
  readonly note: string;
}

/** Test images of a trial. They are few because the choice does not depend on them. */
const trialTestImages = 256;

/** Returns the data of the trials. Pictures may lie in the order of their classes, so as many of each class are taken. */
export function searchData(
  { train, test, pictures, ...rest }: TrainingData & Pick<OpenedSets, 'pictures'>,
  { limit }: SearchSettings,
): TrainingData {
  const first = pictures ? evenlyOf : firstOf;
  return { ...rest, train: limit === null ? train : first(train, limit), test: first(test, trialTestImages) };
}

/** Returns how many training images all trials see together, which says what a search costs. */
export const searchImages = (
  train: ImageSource,
  { grid, epochs, limit }: SearchSettings,
  activations: number,
): number => activations * grid.length * epochs * Math.min(limit ?? train.count, train.count);

/**
 * Returns the trials of a search: short trainings with the recipe's other settings, one per rate of the grid. The schedule
 * runs from beginning to end within a trial, and warm-up takes the same part of it. Milestones in epochs (step schedules) are
 * not moved.
 */
export function trialsOf(recipe: Recipe, { grid, epochs }: SearchSettings, classes: number): LabelledTraining[] {
  const warmup = recipe.warmup === null ? null : shortened(recipe.warmup, epochs / recipe.epochs);
  return grid.map((learningRate) => {
    const { activation } = recipe;
    const folder = `${folderName(activation)}-lr${learningRate}`;
    return trainingOf(
      `${activation}, lr ${learningRate}`,
      folder,
      { ...recipe, epochs, warmup, learningRate },
      classes,
    );
  });
}

function shortened(span: string, factor: number): string {
  const { epochs, steps = 0 } = parseSpan('warm-up', span);
  if (epochs === undefined) return `${Math.max(1, Math.round(steps * factor))}steps`;
  return `${Math.max(0.0001, Number((epochs * factor).toFixed(4)))}`;
}

/**
 * Reads the trials of an activation and chooses the rate whose trial ended with the lowest training loss (mean over its last
 * epoch), or the lower rate if two are equal. Trials that diverged are not considered; if all did, the lowest rate is chosen.
 * @throws ERR_CHECKPOINT if files of a trial are damaged
 */
export function readSearch(folder: string, recipe: Recipe, settings: SearchSettings, classes: number): Search {
  const trials = trialsOf(recipe, settings, classes).map((training, index): Trial => {
    const { status, result } = readTraining(folder, training);
    const { trainLoss = null, trainAccuracy = null } = result?.last ?? {};
    return { rate: settings.grid[index]!, status, trainLoss, trainAccuracy };
  });
  return { activation: recipe.activation, trials, ...choose(trials) };
}

function choose(trials: readonly Trial[]): Pick<Search, 'chosen' | 'note'> {
  if (trials.some(({ status }) => status.kind === 'running' || status.kind === 'missing'))
    return { chosen: null, note: 'not finished' };
  const rates = trials.map(({ rate }) => rate);
  const lowest = Math.min(...rates);
  const usable = trials
    .filter(({ status, trainLoss }) => status.kind !== 'diverged' && Number.isFinite(trainLoss))
    .sort((a, b) => a.trainLoss! - b.trainLoss! || a.rate - b.rate);
  const [best] = usable;
  if (!best) return { chosen: lowest, note: 'every rate diverged; the lowest was chosen' };
  if (usable.every(({ status }) => status.kind === 'stuck'))
    return { chosen: best.rate, note: 'no trial learned more than chance' };
  const atEdge = rates.length > 1 && (best.rate === lowest || best.rate === Math.max(...rates));
  return { chosen: best.rate, note: atEdge ? 'at the edge of the grid' : '' };
}

/** Folder of the trials of all activations. */
export const searchFolder = (out: string): string => join(out, 'search');
