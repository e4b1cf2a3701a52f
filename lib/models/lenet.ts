import { invalid } from '../errors';
import { BatchNorm } from '../layers/batchNorm';
import { Conv2d } from '../layers/conv2d';
import { defaultInitializer } from '../layers/initializers';
import { Linear } from '../layers/linear';
import { AveragePool, GlobalAveragePool } from '../layers/pooling';
import { activationLayer } from './convolution';
import { classifierOfFeatures, type Model, type ModelOptions, resolveOptions } from './model';

/** Size of the smallest image of which two poolings and a convolution without padding leave a pixel. */
const smallest = 12;

/**
 * LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition", figure 2) as it is usually built today: every
 * channel of C3 reads all channels before it, average pools have no weights, and the classifier is linear. Two convolutions of 5x5 pixels,
 * each with a 2x2 average pool, then C5, whose windows are the whole image, F6 and a linear layer. Digits of 28x28 pixels are padded to
 * the paper's 32x32. The channels at another width are rounded, and at least 1. Default: 10 classes, grey images of 28x28, tanh: 61,706
 * parameters.
 * [N, height, width, channels] -> logits [N, classes]
 * @throws ERR_INVALID_ARGUMENT, also for images smaller than 12 pixels
 */
export function lenet(options: ModelOptions = {}): Model {
  const resolved = resolveOptions('lenet', options);
  const { width, channels: inputs, size, activation, normalization, style } = resolved;
  const { initializer } = style;
  if (size.some((side) => side < smallest)) throw invalid('size', `at least ${smallest} pixels for lenet`, size);
  const [c1, c3, c5, f6] = [6, 16, 120, 84].map((channels) => Math.max(1, Math.round(channels * width))) as [
    ...[number, number, number, number],
  ];
  const whole = size.map((side) => Math.floor((Math.floor(side / 2) - 4) / 2)) as [number, number];
  const pool = (name: string) => new AveragePool({ kernel: 2, stride: 2, name });
  const layers = [
    new Conv2d({ name: 'c1', inputs, outputs: c1, kernel: 5, padding: 2, ...style }),
    pool('s2'),
    new Conv2d({ name: 'c3', inputs: c1, outputs: c3, kernel: 5, ...style }),
    pool('s4'),
    new Conv2d({ name: 'c5', inputs: c3, outputs: c5, kernel: whole, ...style }),
    // The image is one pixel now.
    new GlobalAveragePool({ name: 'pool' }),
    new Linear({ name: 'f6', inputs: c5, outputs: f6, initializer: initializer ?? defaultInitializer(activation) }),
    ...(normalization === 'batch' ? [new BatchNorm({ name: 'f6', channels: f6 })] : []),
    activationLayer('f6', activation),
  ];
  return classifierOfFeatures('lenet', layers, f6, resolved, 'output');
}
