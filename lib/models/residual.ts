/** The residual block of two convolutions (He et al. 2015, figure 2). */
import type { ForwardContext } from '../layers/context';
import { buffersOf, type Layer, parametersOf } from '../layers/layer';
import { Sequential } from '../layers/sequential';
import { add } from '../ops/channels';
import { conv2d } from '../ops/convolution';
import { constant, type Tensor } from '../tensor/tensor';
import { activationLayer, convolution, type Style } from './convolution';

/** Makes the path beside the convolutions of a block whose result has another shape than its image. */
export type Shortcut = (block: Omit<BlockOptions, 'shortcut'>, style: Style) => Layer;

interface BlockOptions {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  readonly shortcut: Shortcut;
}

/**
 * Makes a block of two 3x3 convolutions, of which the first has the stride, and a shortcut that is added to their result before the last
 * activation. [N, H, W, inputs] -> [N, ceil(H / stride), ceil(W / stride), outputs]
 */
function basicBlock({ shortcut, ...block }: BlockOptions, style: Style): Layer {
  const { name, inputs, outputs, stride } = block;
  const common = { outputs, kernel: 3, padding: 1 };
  const path = new Sequential([
    convolution({ ...common, name: `${name}/conv1`, norm: `${name}/bn1`, inputs, stride }, style),
    convolution({ ...common, name: `${name}/conv2`, norm: `${name}/bn2`, inputs: outputs, activated: false }, style),
  ]);
  const beside = stride === 1 && inputs === outputs ? null : shortcut(block, style);
  const activation = activationLayer(name, style.activation!);
  const layers = beside ? [path, beside] : [path];
  return {
    parameters: parametersOf(layers),
    buffers: buffersOf(layers),
    forward(x: Tensor, context?: ForwardContext): Tensor {
      const sum = add(path.forward(x, context), beside ? beside.forward(x, context) : x);
      return activation.forward(sum, context);
    },
  };
}

/** The paper's option B: a 1x1 convolution with its normalisation, as in the networks for ImageNet. */
export const projection: Shortcut = ({ name, inputs, outputs, stride }, style) =>
  convolution(
    {
      ...{ name: `${name}/downsample/0`, norm: `${name}/downsample/1` },
      ...{ inputs, outputs, kernel: 1, stride, activated: false },
    },
    style,
  );

/**
 * Makes the paper's option A, which has no parameters: every second pixel, and further channels of zeros, as in the networks for CIFAR. It
 * is a 1x1 convolution with constant weights of 0 and 1, so the values stay exactly what they are.
 */
export function zeroPadding(): Shortcut {
  // Equal weights are one tensor, as they are in a model file.
  const weights = new Map<string, Tensor>();
  return ({ name, inputs, outputs, stride }) => {
    const shape = [outputs, 1, 1, inputs];
    const weight = weights.get(String(shape)) ?? constant(identity(outputs, inputs), shape);
    weights.set(String(shape), weight);
    return { parameters: [], forward: (x) => conv2d(x, weight, { stride, name: `${name}/shortcut` }) };
  };
}

const identity = (rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: rows * columns }, (_, index) =>
    index % columns === Math.floor(index / columns) ? 1 : 0,
  );

/**
 * Makes the stages "layer1", "layer2", ... of a residual network. Each but the first halves the image, rounded up, in its first block.
 * @param inputs channels of the image
 * @param stages channels and number of blocks of each stage
 */
export function residualStages(
  inputs: number,
  stages: readonly { readonly channels: number; readonly blocks: number }[],
  shortcut: Shortcut,
  style: Style,
): Layer[] {
  return stages.flatMap(({ channels, blocks }, stage) => {
    const before = stages[stage - 1]?.channels ?? inputs;
    return Array.from({ length: blocks }, (_, index) => {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const name = `layer${stage + 1}/${index}`;
      return basicBlock({ name, inputs: index === 0 ? before : channels, outputs: channels, stride, shortcut }, style);
    });
  });
}
