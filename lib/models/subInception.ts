import { inceptionBlocks } from './inception';
import { classifier, type Model, type ModelOptions, resolveOptions } from './model';

/** The authors' CIFAR-100 network: ten inception blocks, the first of which reads the image. */
export function subInception(options: ModelOptions = {}): Model {
  const resolved = resolveOptions(options);
  const { blocks, channels } = inceptionBlocks(3, resolved);
  return classifier('subInception', blocks, channels, resolved);
}
