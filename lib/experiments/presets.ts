/** The presets of `saturnn table1`: all its default settings. Options of the command override them. */

import type { Rates, SearchSettings } from './rates';
import type { Recipe } from './recipe';

/** A preset: default settings of table1() and sweep(). */
export interface Preset {
  /** Purpose and duration, in a line. */
  readonly title: string;
  /** Name of a data set ("cifar100", "generated") or path of a file. */
  readonly data: string;
  /** Number of classes: only the images of the first ones are used. Null: all. */
  readonly classes: number | null;
  /** Number of training images: only the first ones of those classes are used. Null: all. */
  readonly limit: number | null;
  /** Number of test images: only the first ones of those classes are used. Null: at most `limit`. */
  readonly testLimit: number | null;
  /** Device, as openDevice() takes it. */
  readonly device: string;
  /**
   * Time that it would take on a CPU, in words ("weeks"). Such a preset runs on a CPU only if the option `device` is "cpu". Null:
   * no restriction.
   */
  readonly tooLongOnCpu: string | null;
  /** Trainings per activation, with the seeds 0, 1, ... */
  readonly seeds: number;
  /** Settings of each training. */
  readonly recipe: Omit<Recipe, 'activation' | 'learningRate' | 'seed'>;
  /** Learning rates of the activations, or "auto" to search for them. */
  readonly rates: Rates;
  /** Search for learning rates, used if `rates` is "auto". */
  readonly search: SearchSettings;
}

/** Name of a preset: "paper" for a GPU, "cpu" for about an hour on two cores, "smoke" for two minutes. */
export type PresetName = 'paper' | 'cpu' | 'smoke';

/** The paper's network, and SGD with momentum 0.9 as in the authors' training. */
const common = { model: 'inception33', init: 'default', momentum: 0.9, clipNorm: null } as const;

/** Settings of each preset of table1() and sweep(), by name. */
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
      // The rate falls to 0 along a cosine: the last epochs, with small rates, bring the training accuracy near 100 %.
      schedule: 'cosine',
      // Without batch normalisation, the full rate can make the initial weights overflow.
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
    // Chosen from 0.01, 0.03 and 0.1 by the test accuracy after these epochs (bench/results/gpu-h100-first.json,
    // smallTrainings). With 0.1, relu is still at chance after an epoch.
    rates: { rates: { 'leakyTanh:0.25': 0.1 }, otherwise: 0.03 },
    search: { grid: [0.01, 0.03, 0.1], epochs: 1, limit: null },
  },
  smoke: {
    title: 'generated data: two minutes on two cores, to see that everything works',
    data: 'generated',
    // Few classes are learned quickly; with a hundred classes, so few steps would learn next to nothing.
    classes: 10,
    limit: 1_000,
    testLimit: 400,
    device: 'cpu',
    tooLongOnCpu: null,
    seeds: 1,
    recipe: {
      ...common,
      // Every channel count has its minimum, 16.
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
