import { Conv2d } from '../layers/conv2d';
import { halvingPool } from '../layers/halvingPool';
import { inceptionBlocks } from './inception';
import { classifier, type Model, type ModelOptions, resolveOptions, scaleChannels } from './model';

/**
 * Inception with batch normalisation for ImageNet (Ioffe and Szegedy 2015, as the paper's authors built it): a stem that halves
 * the image three times, then ten inception blocks, which halve it twice. Default: 1000 classes, images of 224x224x3,
 * normalization 'batch'. The convolutions have biases despite the normalisation, as in the authors' network, so that weights and
 * parameter counts agree with it. Images smaller than 32 pixels are 1x1 before the last blocks.
 * [N, height, width, channels] -> logits [N, classes]
 * @throws ERR_INVALID_ARGUMENT
 */
export function inceptionBn(options: ModelOptions = {}): Model {
  const resolved = resolveOptions('inceptionBn', options, { bias: true });
  const { width, channels: inputs, style } = resolved;
  const [narrow, wide] = [scaleChannels(64, width), scaleChannels(192, width)];
  const { blocks, channels } = inceptionBlocks(wide, resolved);
  const stem = [
    new Conv2d({ name: 'conv1', inputs, outputs: narrow, kernel: 7, stride: 2, padding: 3, ...style }),
    halvingPool('pool1'),
    new Conv2d({ name: 'conv2red', inputs: narrow, outputs: narrow, kernel: 1, ...style }),
    new Conv2d({ name: 'conv2', inputs: narrow, outputs: wide, kernel: 3, padding: 1, ...style }),
    halvingPool('pool2'),
  ];
  return classifier('inceptionBn', [...stem, ...blocks], channels, resolved);
}
