import { MaxPool } from '../layers/pooling';
import { convolution } from './convolution';
import { classifier, type Model, type ModelOptions, resolveOptions, scaleChannels } from './model';
import { projection, residualStages } from './residual';

/**
 * ResNet-18 for ImageNet (He et al. 2015, arXiv:1512.03385, table 1), as torchvision has it: a 7x7 convolution and a max pool, each of which
 * halves the image, then four stages of two residual blocks, of which three halve it. The layers have torchvision's names, so its weights
 * fit. Default: 1000 classes, images of 224x224x3, relu, normalization 'batch': 11,689,512 parameters.
 * [N, height, width, channels] -> logits [N, classes]
 * @throws ERR_INVALID_ARGUMENT
 */
export function resnet18(options: ModelOptions = {}): Model {
  const resolved = resolveOptions('resnet18', options);
  const { width, channels: inputs, style } = resolved;
  const stages = [64, 128, 256, 512].map((channels) => ({ channels: scaleChannels(channels, width), blocks: 2 }));
  const [first, last] = [stages[0]!.channels, stages.at(-1)!.channels];
  const stem = { name: 'conv1', norm: 'bn1', inputs, outputs: first, kernel: 7, stride: 2, padding: 3 };
  const trunk = [
    convolution(stem, style),
    new MaxPool({ kernel: 3, stride: 2, padding: 1, name: 'maxpool' }),
    ...residualStages(first, stages, projection, style),
  ];
  return classifier('resnet18', trunk, last, resolved, 'fc');
}
