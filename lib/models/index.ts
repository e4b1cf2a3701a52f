import { invalid } from '../errors';
import { entryOf } from '../options/values';
import { type FunctionalModelOptions, functionalModel } from './functional';
import type { ImageSize } from './imageSize';
import { inception33 } from './inception33';
import { inceptionBn } from './inceptionBn';
import type { Model, ModelOptions } from './model';
import { subInception } from './subInception';

/** The functions that make the built-in models, by the names that createModel() and the command's --model accept. */
export const models: Readonly<Record<string, (options?: ModelOptions) => Model>> = {
  inception33,
  subInception,
  inceptionBn,
};

/**
 * Makes one of the built-in models by name: inception33, subInception or inceptionBn.
 * @throws ERR_INVALID_ARGUMENT, with the names that exist, for another name; also for options out of range
 */
export function createModel(name: string, options?: ModelOptions): Model {
  const make = entryOf(models, name);
  if (!make) throw invalid('model', `one of ${Object.keys(models).join(', ')}`, name);
  return make(options);
}

export type { FunctionalModelOptions, ImageSize, Model, ModelOptions };
export { functionalModel, inception33, inceptionBn, subInception };
