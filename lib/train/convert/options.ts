/** The options of convertWeights(). */
import type { Model } from '../../models';
import { modelField } from '../../models/model';
import { arrayOf, flag, numberWithin, oneOf, optional, pathField, text } from '../../options/field';
import { Options } from '../../options/options';
import { type WeightMap, weightMapField } from '../../weights/map';
import { type WeightDType, weightDTypes } from '../../weights/values';

/** The two kinds of files: see ConvertWeightsOptions.to. */
export const conversions: readonly ConvertWeightsOptions['to'][] = ['saturnn', 'pytorch'];

/** Options of convertWeights(). */
export interface ConvertWeightsOptions {
  /**
   * "saturnn": the result is named and ordered as saturnn's files are, and says what a prediction needs to know. "pytorch": as the
   * state_dict of a PyTorch module is.
   */
  to: 'saturnn' | 'pytorch';
  /** The network of the result, for `to: 'saturnn'`: its weights get the values of the file. */
  model?: Model;
  /**
   * Path of a file whose names and shapes the result gets. For "saturnn" a file of saturnn: its description of network, images and
   * classes is taken too. For "pytorch" a file of PyTorch, to get exactly its names.
   */
  like?: string;
  /** Names of the weights that have others than a PyTorch module of the same structure would have. */
  map?: WeightMap;
  /** Dtype of the result's weights. Default "f32". */
  dtype?: WeightDType;
  /**
   * Whether weights may be missing or have another shape. They keep the values of `like`, or the first values of `model`. Default
   * false: it is an error, and nothing is written.
   */
  partial?: boolean;
  /**
   * Mean of each channel that was subtracted from pixels of 0 to 1 in training (ImageNet: [0.485, 0.456, 0.406]), for `model`.
   * Default: 0.
   */
  imageMean?: readonly number[];
  /** Standard deviation of each channel by which pixels of 0 to 1 were divided, for `model`. Default: 1. */
  imageStd?: readonly number[];
  /** Names of the classes, for `model`. Default: none. */
  classNames?: readonly string[];
}

/** The default of ConvertWeightsOptions.dtype. */
export const defaultWeightDType: WeightDType = 'f32';

/** The schema of ConvertWeightsOptions. */
export const convertOptions = new Options<ConvertWeightsOptions>('convertWeights()', {
  to: oneOf(conversions, '"saturnn" or "pytorch"'),
  model: optional(modelField),
  like: optional(pathField),
  map: optional(weightMapField),
  dtype: optional(oneOf(weightDTypes, '"f32", "f16" or "bf16"')),
  partial: optional(flag),
  imageMean: optional(arrayOf(numberWithin({ least: -1e6, most: 1e6 }))),
  imageStd: optional(arrayOf(numberWithin({ least: 0, most: 1e6, open: 'least' }))),
  classNames: optional(arrayOf(text)),
});
