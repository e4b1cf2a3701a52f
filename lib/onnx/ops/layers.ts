/** Convolutions, linear layers and poolings in ONNX. */
import { dimension, pairOf } from '../../ops/op';
import { inputsOf, type Translated, type Translation } from './translation';

/** Returns the inputs of a convolution or linear layer, with its bias if it has one. */
const withBias = ({ values, bias }: Translated, x: string, weights: string): readonly string[] => [
  x,
  weights,
  ...(bias ? [values.of(bias)] : []),
];

const conv2d: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x, weight] = inputsOf(translated);
  const { padTop = 0, padLeft = 0, padBottom = 0, padRight = 0, groups = 1 } = node.attributes;
  const inputs = withBias(translated, values.of(x), values.weights(weight));
  const attributes = {
    kernel_shape: [dimension(weight.shape, 1), dimension(weight.shape, 2)],
    strides: pairOf(node.attributes, 'stride'),
    pads: [padTop, padLeft, padBottom, padRight],
    dilations: pairOf(node.attributes, 'dilation'),
    group: groups,
  };
  return [graph.node('Conv', inputs, node.name, attributes)];
};

const linear: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x, weight] = inputsOf(translated);
  const inputs = withBias(translated, values.of(x), values.of(weight));
  return [graph.node('Gemm', inputs, node.name, { transB: 1 })];
};

/**
 * Returns the padding behind the image, along one axis, with which as many whole windows fit as the op has: at least 0, and less than
 * the kernel. Windows that are cut off at the edge (`ceil`) are such windows: neither pooling looks at padding. ONNX's own ceil_mode
 * is not used, because what it does with windows that begin in the padding differs between versions.
 */
export function paddingBehind(
  length: number,
  windows: number,
  { kernel, stride, pad }: { kernel: number; stride: number; pad: number },
): number {
  return Math.max(0, (windows - 1) * stride + kernel - length - pad);
}

const pool =
  (op: 'MaxPool' | 'AveragePool', attributes: Readonly<Record<string, number>>): Translation =>
  (translated) => {
    const { node, graph, values } = translated;
    const [x] = inputsOf(translated);
    const y = node.outputs[0]!;
    const [kernel, strides] = ['kernel', 'stride'].map((name) => pairOf(node.attributes, name));
    const { padTop = 0, padLeft = 0 } = node.attributes;
    const pads = [padTop, padLeft];
    const behind = [0, 1].map((axis) => {
      const window = { kernel: kernel![axis]!, stride: strides![axis]!, pad: pads[axis]! };
      return paddingBehind(dimension(x.shape, axis + 1), dimension(y.shape, axis + 1), window);
    });
    const places = { kernel_shape: kernel!, strides: strides!, pads: [...pads, ...behind] };
    return [graph.node(op, [values.of(x)], node.name, { ...places, ...attributes })];
  };

const globalPool =
  (op: 'GlobalMaxPool' | 'GlobalAveragePool'): Translation =>
  (translated) => {
    const { node, graph, values } = translated;
    const [x] = inputsOf(translated);
    const pooled = graph.node(op, [values.of(x)], node.name);
    return [graph.node('Flatten', [pooled], node.name, { axis: 1 })];
  };

const upsample: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x] = inputsOf(translated);
  const scales = graph.constant(
    `${node.name}/scales`,
    [4],
    Float32Array.of(1, 1, ...pairOf(node.attributes, 'stride')),
    {
      kept: true,
    },
  );
  // With these attributes pixel i of the result is pixel floor(i / factor) of x.
  const nearest = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  return [graph.node('Resize', [values.of(x), '', scales], node.name, nearest)];
};

/** The elements of a row are in the order of [H, W, C], which the weights of the layer behind it expect. */
const flatten: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x] = inputsOf(translated);
  return [graph.node('Flatten', [values.reordered(values.of(x), node.name, false)], node.name, { axis: 1 })];
};

/** The translations of these ops, by name. */
export const layerTranslations: Readonly<Record<string, Translation>> = {
  conv2d,
  linear,
  maxPool: pool('MaxPool', {}),
  averagePool: pool('AveragePool', { count_include_pad: 0 }),
  globalAveragePool: globalPool('GlobalAveragePool'),
  globalMaxPool: globalPool('GlobalMaxPool'),
  upsample,
  flatten,
};
