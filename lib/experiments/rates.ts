/** Which learning rate each activation is trained with, and the search for it. */
import { join } from 'node:path';
import { firstOf, type ImageSource } from '../data/source';
import { parseSpan } from '../optim/parseSchedule';
import { folderName, type Recipe, trainingOf } from './recipe';
import type { Status } from './status';
import { type LabelledTraining, readTraining, type TrainingData } from './trainings';

/** "auto": searched. A number: for all. Else by activation ("leakyTanh:0.25"). */
export type Rates = 'auto' | number | { readonly rates: Readonly<Record<string, number>>; readonly otherwise: number };

export interface SearchSettings {
  /** Tried with every activation. */
  readonly grid: readonly number[];
  /** Length of each trial. */
  readonly epochs: number;
  /** On the first so many training images; null: on all. */
  readonly limit: number | null;
}

export interface RateChoice {
  readonly rate: number;
  /** Given by the caller for all, by the preset, or found. */
  readonly how: 'given' | 'preset' | 'search';
}

export interface Trial {
  readonly rate: number;
  readonly status: Status;
  /** Means over the last epoch of the trial; null: it has none. */
  readonly trainLoss: number | null;
  readonly trainAccuracy: number | null;
}

/** What was tried with one activation. */
export interface Search {
  readonly activation: string;
  readonly trials: readonly Trial[];
  /** Null: trials are missing. */
  readonly chosen: number | null;
  /** What a reader should know of the choice; empty: nothing. */
  readonly note: string;
}

/** Test images of a trial: the choice does not look at them. */
const trialTestImages = 256;

/** What trials learn. */
export const searchData = ({ train, test, ...rest }: TrainingData, { limit }: SearchSettings): TrainingData => ({
  ...rest,
  train: limit === null ? train : firstOf(train, limit),
  test: firstOf(test, trialTestImages),
});

/** Images that all trials see, to tell what a search costs. */
export const searchImages = (
  train: ImageSource,
  { grid, epochs, limit }: SearchSettings,
  activations: number,
): number => activations * grid.length * epochs * Math.min(limit ?? train.count, train.count);

/**
 * Short trainings by the same recipe: the schedule runs from its beginning to its end within the trial, and the warm-up is
 * the same part of it. (Milestones are not moved.)
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
 * The rate whose trial ended with the lowest training loss (mean over its last epoch); of equals the lower rate. Trials that
 * diverged are out.
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
  if (!best) return { chosen: lowest, note: 'every rate diverged: the lowest is taken' };
  if (usable.every(({ status }) => status.kind === 'stuck'))
    return { chosen: best.rate, note: 'no rate left chance within its trial' };
  const atEdge = rates.length > 1 && (best.rate === lowest || best.rate === Math.max(...rates));
  return { chosen: best.rate, note: atEdge ? 'at the edge of the grid' : '' };
}

/** Where the trials of all activations are. */
export const searchFolder = (out: string): string => join(out, 'search');
