import { invalid } from '../errors';
import { type FunctionalModelOptions, functionalModel } from './functional';
import { inception33 } from './inception33';
import { inceptionBn } from './inceptionBn';
import type { Model, ModelOptions } from './model';
import { subInception } from './subInception';

/** Every model that the command knows, by name. */
export const models: Readonly<Record<string, (options?: ModelOptions) => Model>> = {
  inception33,
  subInception,
  inceptionBn,
};

/** @throws ERR_INVALID_ARGUMENT naming the models there are */
export function createModel(name: string, options?: ModelOptions): Model {
  const make = Object.hasOwn(models, name) ? models[name] : undefined;
  if (!make) throw invalid('model', `one of ${Object.keys(models).join(', ')}`, name);
  return make(options);
}

export type { FunctionalModelOptions, Model, ModelOptions };
export { functionalModel, inception33, inceptionBn, subInception };
