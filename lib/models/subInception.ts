import { inceptionBlocks } from './inception';
import { classifier, type Model, type ModelOptions, resolveOptions } from './model';

/**
 * The CIFAR-100 network of the paper's authors: ten inception blocks without a stem, so the first one reads the image, then
 * global average pooling and a linear classifier. Default: images of 28x28x3, 100 classes.
 * [N, height, width, channels] -> logits [N, classes]
 * @throws ERR_INVALID_ARGUMENT
 */
export function subInception(options: ModelOptions = {}): Model {
  const resolved = resolveOptions('subInception', options);
  const { blocks, channels } = inceptionBlocks(resolved.channels, resolved);
  return classifier('subInception', blocks, channels, resolved);
}
