import { Conv2d } from '../layers/conv2d';
import { inceptionBlocks } from './inception';
import { classifier, type Model, type ModelOptions, resolveOptions, scaleChannels } from './model';

/**
 * The paper's network of 33 layers: a stem of 3x3, 1x1 and 3x3 convolutions at full resolution, then ten inception blocks, global
 * average pooling and a linear classifier. Default: images of 28x28x3, 100 classes.
 * [N, height, width, channels] -> logits [N, classes]
 * @throws ERR_INVALID_ARGUMENT
 */
export function inception33(options: ModelOptions = {}): Model {
  const resolved = resolveOptions('inception33', options);
  const { width, channels: inputs, style } = resolved;
  const [narrow, wide] = [scaleChannels(64, width), scaleChannels(192, width)];
  const conv = (name: string, inputs: number, outputs: number, kernel: 1 | 3) =>
    new Conv2d({ name, inputs, outputs, kernel, padding: kernel === 3 ? 1 : 0, ...style });
  const { blocks, channels } = inceptionBlocks(wide, resolved);
  const stem = [conv('conv1', inputs, narrow, 3), conv('conv2red', narrow, narrow, 1), conv('conv2', narrow, wide, 3)];
  return classifier('inception33', [...stem, ...blocks], channels, resolved);
}
