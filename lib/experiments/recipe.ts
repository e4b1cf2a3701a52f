/** A training as plain data: what presets are made of, and what is kept with results. */

import { SaturnnError } from '../errors';
import { parseInitialization } from '../initial/initialization';
import { createModel } from '../models';
import { parseActivation } from '../ops/activations';
import { Lars } from '../optim/lars';
import { parseSchedule, parseSpan } from '../optim/parseSchedule';
import { warmUp } from '../optim/schedules';
import { Sgd } from '../optim/sgd';
import type { Precision } from '../runtime/device';
import { layerRates } from './layerRates';
import type { LabelledTraining, TrainingParts } from './trainings';

export interface Recipe {
  /** A name of `models`. */
  readonly model: string;
  /** Factor on all channel counts. */
  readonly width: number;
  /** As parseActivation reads it: "leakyTanh:0.25". */
  readonly activation: string;
  /** Initial weights, as parseInitialization reads it: "default". */
  readonly init: string;
  readonly epochs: number;
  readonly batch: number;
  readonly precision: Precision;
  /** The first, or the largest, of the schedule. */
  readonly learningRate: number;
  /** As parseSchedule reads it: "cosine". */
  readonly schedule: string;
  /** Epochs, or steps as in "500steps", in which the rate rises; null: none. */
  readonly warmup: string | null;
  readonly momentum: number;
  /** Of weights; biases have none. */
  readonly weightDecay: number;
  /** Largest norm of the gradient; null: any. */
  readonly clipNorm: number | null;
  /** Factors on the learning rate per layer, as parseLayerRates reads them: "gain"; or "lars" in place of SGD. Absent: none. */
  readonly layerRates?: string;
  /** Of initial weights, order and augmentation. */
  readonly seed: number;
}

/** @throws ERR_INVALID_ARGUMENT naming what cannot be read */
export function partsOf(recipe: Recipe, classes: number): TrainingParts {
  const { batch, seed, precision, momentum, weightDecay, clipNorm } = recipe;
  const activation = parseActivation(recipe.activation);
  const { initializer, prepare } = parseInitialization(recipe.init);
  const { learningRate } = recipe;
  const rates = parseSchedule(recipe.schedule, { rate: learningRate });
  const model = createModel(recipe.model, {
    width: recipe.width,
    activation,
    classes,
    initializer: initializer(activation),
  });
  const { layerRates: rule } = recipe;
  const groups = rule === undefined || rule === 'lars' ? [] : layerRates(model, rule, { learningRate });
  const options = { momentum, weightDecay, clipNorm, groups };
  return {
    model,
    optimizer: rule === 'lars' ? new Lars(options) : new Sgd(options),
    schedule: recipe.warmup === null ? rates : warmUp(rates, parseSpan('warm-up', recipe.warmup)),
    ...{ batch, seed, precision, prepare },
  };
}

/** One of a list of trainings. @param classes of the data set */
export function trainingOf(label: string, folder: string, recipe: Recipe, classes: number): LabelledTraining {
  return { label, folder, epochs: recipe.epochs, settings: { ...recipe }, make: () => partsOf(recipe, classes) };
}

/** A name that may be a folder's: "leakyTanh:0.25" becomes "leakyTanh-0.25". */
export function folderName(text: string): string {
  const name = text.replaceAll(/[:,]/g, '-');
  if (!/^[\w.-]+$/.test(name)) throw new SaturnnError('ERR_INVALID_ARGUMENT', `No folder can be named "${text}"`);
  return name;
}
