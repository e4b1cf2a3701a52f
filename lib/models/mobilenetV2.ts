import { buffersOf, type Layer, parametersOf } from '../layers/layer';
import { Sequential } from '../layers/sequential';
import { add } from '../ops/channels';
import { convolution, type Style } from './convolution';
import { classifier, type Model, type ModelOptions, resolveOptions } from './model';

/** The stages of table 2: factor by which a block widens its image inside, channels, number of blocks, stride of the first one. */
const rows: readonly (readonly [expansion: number, channels: number, blocks: number, stride: number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/**
 * MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381, table 2), as torchvision has it: a 3x3 convolution, 17 inverted residual blocks of a
 * 1x1, a depthwise 3x3 and a 1x1 convolution, of which the last has no activation, and a 1x1 convolution. It halves the image five times.
 * Channels at another width are multiples of 8, as in torchvision. The layers have torchvision's names, so its weights fit. Default: 1000
 * classes, images of 224x224x3, relu6, normalization 'batch', dropout 0.2: 3,504,872 parameters.
 * [N, height, width, channels] -> logits [N, classes]
 * @throws ERR_INVALID_ARGUMENT
 */
export function mobilenetV2(options: ModelOptions = {}): Model {
  const resolved = resolveOptions('mobilenetV2', options);
  const { width, channels: inputs, style } = resolved;
  const first = multipleOf8(32 * width);
  // The last convolution does not become narrower (section 6.1 of the paper).
  const last = multipleOf8(1280 * Math.max(1, width));
  const feature = (index: number) => ({ name: `features/${index}/0`, norm: `features/${index}/1` });
  const layers = [convolution({ ...feature(0), inputs, outputs: first, kernel: 3, stride: 2, padding: 1 }, style)];
  let channels = first;
  for (const [expansion, outputs, blocks, stride] of rows) {
    for (let block = 0; block < blocks; block++) {
      const place = { inputs: channels, outputs: multipleOf8(outputs * width), stride: block === 0 ? stride : 1 };
      layers.push(invertedResidual(`features/${layers.length}/conv`, { ...place, expansion }, style));
      channels = place.outputs;
    }
  }
  layers.push(convolution({ ...feature(layers.length), inputs: channels, outputs: last, kernel: 1 }, style));
  return classifier('mobilenetV2', layers, last, resolved, 'classifier/1');
}

interface InvertedResidual {
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  readonly expansion: number;
}

/** Makes a block of a widening, a depthwise and a narrowing convolution; the image is added if the result has its shape. */
function invertedResidual(name: string, { inputs, outputs, stride, expansion }: InvertedResidual, style: Style): Layer {
  const wide = inputs * expansion;
  const part = (index: number) => ({ name: `${name}/${index}/0`, norm: `${name}/${index}/1` });
  const widening = expansion === 1 ? [] : [convolution({ ...part(0), inputs, outputs: wide, kernel: 1 }, style)];
  const at = widening.length;
  const depthwise = { ...part(at), inputs: wide, outputs: wide, kernel: 3, stride, padding: 1, groups: wide };
  const narrowing = { name: `${name}/${at + 1}`, norm: `${name}/${at + 2}`, inputs: wide, outputs, kernel: 1 };
  const layers = [...widening, convolution(depthwise, style), convolution({ ...narrowing, activated: false }, style)];
  const path = new Sequential(layers);
  if (stride !== 1 || inputs !== outputs) return path;
  return {
    parameters: parametersOf(layers),
    buffers: buffersOf(layers),
    forward: (x, context) => add(x, path.forward(x, context)),
  };
}

/** Returns the nearest multiple of 8, at least 8, that is not below nine tenths of a number of channels: torchvision's rule. */
function multipleOf8(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}
