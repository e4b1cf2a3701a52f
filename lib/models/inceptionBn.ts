import { Conv2d } from '../layers/conv2d';
import { MaxPool } from '../layers/pooling';
import { inceptionBlocks } from './inception';
import { classifier, type Model, type ModelOptions, resolveOptions, scaleChannels } from './model';

/**
 * Inception with batch normalisation for ImageNet (Ioffe and Szegedy 2015, as the paper's authors built it): a stem that
 * halves the image three times, then ten inception blocks. Default: 1000 classes, 224x224, normalization 'batch'. Convolutions
 * keep their biases beside the normalisation, as the authors' do, so that weights and counts are theirs.
 */
export function inceptionBn(options: ModelOptions = {}): Model {
  const defaults = { classes: 1000, size: 224, sizeStep: 32, normalization: 'batch', bias: true } as const;
  const resolved = resolveOptions(options, defaults);
  const { width, style } = resolved;
  const [narrow, wide] = [scaleChannels(64, width), scaleChannels(192, width)];
  const pool = (name: string) => new MaxPool({ kernel: 3, stride: 2, ceil: true, name });
  const { blocks, channels } = inceptionBlocks(wide, resolved);
  const stem = [
    new Conv2d({ name: 'conv1', inputs: 3, outputs: narrow, kernel: 7, stride: 2, padding: 3, ...style }),
    pool('pool1'),
    new Conv2d({ name: 'conv2red', inputs: narrow, outputs: narrow, kernel: 1, ...style }),
    new Conv2d({ name: 'conv2', inputs: narrow, outputs: wide, kernel: 3, padding: 1, ...style }),
    pool('pool2'),
  ];
  return classifier('inceptionBn', [...stem, ...blocks], channels, resolved);
}
