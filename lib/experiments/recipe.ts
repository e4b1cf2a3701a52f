/** A training as plain data, as presets hold it and as it is stored with results. */

import { parseAugmentation } from '../data/augmentation/kinds';
import { SaturnnError } from '../errors';
import { parseInitialization } from '../initial/initialization';
import type { Normalization } from '../layers';
import { createModel, type ImageSize } from '../models';
import { parseActivation } from '../ops/activations';
import { Lars } from '../optim/lars';
import { parseSchedule, parseSpan } from '../optim/parseSchedule';
import { warmUp } from '../optim/schedules';
import { Sgd } from '../optim/sgd';
import { instance } from '../options/field';
import { checkArgument } from '../options/options';
import type { Precision } from '../runtime/device';
import { layerRates } from './layerRates';
import type { LabelledTraining, TrainingParts } from './trainings';

/** A training as plain data (JSON). partsOf() makes the model, the optimizer and the schedule from it. */
export interface Recipe {
  /** Name of a model in `models`: "inception33". */
  readonly model: string;
  /** Factor on all channel counts of the model. */
  readonly width: number;
  /** Activation, as parseActivation() reads it: "leakyTanh:0.25". */
  readonly activation: string;
  /** Initial weights, as the option --init of `saturnn train` reads them: "default". */
  readonly init: string;
  /** The number of epochs. */
  readonly epochs: number;
  /** Images per step. */
  readonly batch: number;
  /** Arithmetic of the plans: "f32", "tf32", "bf16" or "fp16". */
  readonly precision: Precision;
  /** Base rate of the schedule: its first or largest rate. */
  readonly learningRate: number;
  /** Schedule of the learning rate, as parseSchedule() reads it: "cosine". */
  readonly schedule: string;
  /** Length of the warm-up, in which the rate rises, in epochs ("2") or steps ("500steps"); null: no warm-up. */
  readonly warmup: string | null;
  /** Momentum of the optimizer, 0 to 1. */
  readonly momentum: number;
  /** Weight decay of weights. Biases have none. */
  readonly weightDecay: number;
  /** Largest norm of the gradient: a longer one is scaled down to it. Null: no limit. */
  readonly clipNorm: number | null;
  /**
   * Rule for the learning rates of layers, as parseLayerRates() reads it ("gain"), or "lars" to use Lars in place of Sgd.
   * Default: none.
   */
  readonly layerRates?: string;
  /** Height and width of the images that the model reads. Default: the model's own. */
  readonly size?: ImageSize;
  /** Channels of the images. Default 3. */
  readonly channels?: number;
  /** Normalisation after every convolution. Default: the model's own. */
  readonly normalization?: Normalization;
  /** Share of the features that is dropped before the classifier in training. Default 0. */
  readonly dropout?: number;
  /** How training images are changed at random, as augmentations.parse() reads it: "none". Default: that of the training set. */
  readonly augmentation?: string;
  /** Seed of the initial weights, the order of images, and the augmentation. */
  readonly seed: number;
}

/** Accepts a recipe, whose values are checked where they are used. */
const recipeField = instance<Recipe>(
  'a Recipe',
  ({ model, activation }) => typeof model === 'string' && typeof activation === 'string',
);

/**
 * Makes the model, the optimizer and the schedule of a recipe, for a Trainer. Every call makes new Parameters.
 * @param classes number of classes of the data set
 * @throws ERR_INVALID_ARGUMENT if a value of the recipe cannot be read or is out of range; the message names it
 */
export function partsOf(recipe: Recipe, classes: number): TrainingParts {
  checkArgument('recipe', recipeField, recipe);
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
    ...{ size: recipe.size, channels: recipe.channels },
    ...{ normalization: recipe.normalization, dropout: recipe.dropout },
  });
  const { layerRates: rule, augmentation: augmented } = recipe;
  const groups = rule === undefined || rule === 'lars' ? [] : layerRates(model, rule, { learningRate });
  const options = { momentum, weightDecay, clipNorm, groups };
  return {
    model,
    optimizer: rule === 'lars' ? new Lars(options) : new Sgd(options),
    schedule: recipe.warmup === null ? rates : warmUp(rates, parseSpan('warm-up', recipe.warmup)),
    ...{ batch, seed, precision, prepare },
    augmentation: augmented === undefined ? undefined : parseAugmentation(augmented),
  };
}

/**
 * Makes an entry of the list for runTrainings() from a recipe.
 * @param label name of the training for people: "tanh, seed 0"
 * @param folder name of its folder
 * @param recipe settings of the training
 * @param classes number of classes of the data set
 */
export function trainingOf(label: string, folder: string, recipe: Recipe, classes: number): LabelledTraining {
  checkArgument('recipe', recipeField, recipe);
  return { label, folder, epochs: recipe.epochs, settings: { ...recipe }, make: () => partsOf(recipe, classes) };
}

/** Turns text into the name of a folder: "leakyTanh:0.25" becomes "leakyTanh-0.25". @throws ERR_INVALID_ARGUMENT */
export function folderName(text: string): string {
  const name = text.replaceAll(/[:,]/g, '-');
  if (!/^[\w.-]+$/.test(name)) throw new SaturnnError('ERR_INVALID_ARGUMENT', `No folder can be named "${text}"`);
  return name;
}
