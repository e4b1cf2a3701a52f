import { invalid } from '../errors';
import { entryOf } from '../options/values';
import { type CifarResnetOptions, cifarResnet, cifarResnetOf } from './cifarResnet';
import { type FunctionalModelOptions, functionalModel } from './functional';
import type { ImageSize } from './imageSize';
import { inception33 } from './inception33';
import { inceptionBn } from './inceptionBn';
import { lenet } from './lenet';
import { mobilenetV2 } from './mobilenetV2';
import type { Model, ModelOptions } from './model';
import { resnet18 } from './resnet18';
import { subInception } from './subInception';

/** The depths of the paper's residual networks for CIFAR that have a name of their own. */
const cifarDepths = [20, 32, 44, 56, 110] as const;

/** The functions that make the built-in models, by the names that createModel() and the command's --model accept. */
export const models: Readonly<Record<string, (options?: ModelOptions) => Model>> = {
  inception33,
  subInception,
  inceptionBn,
  lenet,
  ...Object.fromEntries(
    cifarDepths.map((depth) => [`cifarResnet${depth}`, (options?: ModelOptions) => cifarResnetOf(depth, options)]),
  ),
  resnet18,
  mobilenetV2,
};

/**
 * Makes one of the built-in models by name, the names in `models`: "inception33", "cifarResnet20", "resnet18", ...
 * @throws ERR_INVALID_ARGUMENT, with the names that exist, for another name; also for options out of range
 */
export function createModel(name: string, options?: ModelOptions): Model {
  const make = entryOf(models, name);
  if (!make) throw invalid('model', `one of ${Object.keys(models).join(', ')}`, name);
  return make(options);
}

export type { CifarResnetOptions, FunctionalModelOptions, ImageSize, Model, ModelOptions };
export { cifarResnet, functionalModel, inception33, inceptionBn, lenet, mobilenetV2, resnet18, subInception };
