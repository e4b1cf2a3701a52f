/** The numbers of `saturnn table1`: all of them are here. Options of the command take their places. */

import type { Rates, SearchSettings } from './rates';
import type { Recipe } from './recipe';

export interface Preset {
  /** What for, in a line. */
  readonly title: string;
  /** A name or path for openSource(). */
  readonly data: string;
  /** Only the images of the first so many classes, and of those the first so many images; null: all. */
  readonly classes: number | null;
  readonly limit: number | null;
  readonly testLimit: number | null;
  /** For openDevice(). */
  readonly device: string;
  /** Refused on a CPU unless that is asked for by name: how long it would take. */
  readonly tooLongOnCpu: string | null;
  readonly seeds: number;
  readonly recipe: Omit<Recipe, 'activation' | 'learningRate' | 'seed'>;
  readonly rates: Rates;
  /** What "auto" tries. */
  readonly search: SearchSettings;
}

export type PresetName = 'paper' | 'cpu' | 'smoke';

/** SGD with momentum 0.9, as the authors train. */
const common = { model: 'inception33', init: 'default', momentum: 0.9, clipNorm: null } as const;

/** By name: the numbers of each. */
export const presets: Readonly<Record<PresetName, Preset>> = {
  paper: {
    title: "the paper's network and data, for a GPU",
    data: 'cifar100',
    classes: null,
    limit: null,
    testLimit: null,
    device: 'auto',
    tooLongOnCpu: 'weeks',
    seeds: 1,
    recipe: {
      ...common,
      width: 1,
      epochs: 60,
      batch: 128,
      // Half the memory traffic; parameters, gradients and sums stay f32.
      precision: 'bf16',
      // To 0 along a cosine: the last epochs, with small rates, bring the training accuracy near 100 %.
      schedule: 'cosine',
      // Without batch normalisation, the full rate can overflow while the weights are as they were drawn.
      warmup: '2',
      weightDecay: 5e-4,
    },
    rates: 'auto',
    search: { grid: [0.01, 0.02, 0.05, 0.1], epochs: 2, limit: null },
  },
  cpu: {
    title: 'a quarter of the width and a fifth of the images: an hour or an hour and a half on two cores',
    data: 'cifar100',
    classes: null,
    limit: 10_000,
    testLimit: 2_000,
    device: 'cpu',
    tooLongOnCpu: null,
    seeds: 1,
    recipe: {
      ...common,
      width: 0.25,
      epochs: 12,
      // More steps per epoch: a network of 33 layers without normalisation needs some hundreds before it learns anything.
      batch: 32,
      precision: 'f32',
      schedule: 'cosine',
      warmup: '1',
      weightDecay: 1e-4,
    },
    // Of 0.01, 0.03 and 0.1, by the test accuracy after these epochs (bench/results/gpu-h100-first.json, smallTrainings). relu is
    // still guessing after an epoch with 0.1.
    rates: { rates: { 'leakyTanh:0.25': 0.1 }, otherwise: 0.03 },
    search: { grid: [0.01, 0.03, 0.1], epochs: 1, limit: null },
  },
  smoke: {
    title: 'generated data: two minutes on two cores, to see that everything works',
    data: 'generated',
    // Few classes are soon told apart: of a hundred, these few steps would learn next to nothing.
    classes: 10,
    limit: 1_000,
    testLimit: 400,
    device: 'cpu',
    tooLongOnCpu: null,
    seeds: 1,
    recipe: {
      ...common,
      // Every channel count is the least, 16.
      width: 0.1,
      epochs: 6,
      batch: 16,
      precision: 'f32',
      schedule: 'cosine',
      warmup: null,
      weightDecay: 1e-4,
    },
    // With 0.05, relu dies: after an epoch its loss goes back to that of guessing (2.30) and stays.
    rates: { rates: { relu: 0.02, 'leakyRelu:0.25': 0.02 }, otherwise: 0.05 },
    search: { grid: [0.02, 0.05, 0.1], epochs: 1, limit: null },
  },
};
