/** Sums, products, parts and joins of tensors, copies, and normalisation in ONNX. */
import type { Tensor } from '../../tensor/tensor';
import { inputsOf, type Translated, type Translation } from './translation';

const add: Translation = ({ node, graph, values }) => {
  const [first, ...rest] = node.inputs.map((tensor) => values.of(tensor as Tensor));
  return [rest.reduce((sum, other) => graph.node('Add', [sum, other], node.name), first!)];
};

const multiply: Translation = ({ node, graph, values }) => {
  const [a, b] = node.inputs;
  const factor = b ? values.of(b) : graph.numbers(node.attributes.factor ?? 1);
  return [graph.node('Mul', [values.of(a as Tensor), factor], node.name)];
};

const concat: Translation = ({ node, graph, values }) => [
  graph.node(
    'Concat',
    node.inputs.map((tensor) => values.of(tensor as Tensor)),
    node.name,
    { axis: 1 },
  ),
];

const slice: Translation = (translated) => {
  const { node, graph, values } = translated;
  const { channelOffset = 0, channels = 0 } = node.attributes;
  const [begin, end, axes] = [
    ['begin', channelOffset] as const,
    ['end', channelOffset + channels] as const,
    ['axes', 1] as const,
  ].map(([name, value]) => graph.integers(`${node.name}/${name}`, [value]));
  return [graph.node('Slice', [values.of(inputsOf(translated)[0]), begin!, end!, axes!], node.name)];
};

const copy: Translation = (translated) => {
  const { node, values } = translated;
  const [x] = inputsOf(translated);
  const y = node.outputs[0]!;
  return [x.image === y.image ? values.of(x) : values.reordered(values.of(x), node.name, y.image)];
};

/** Multiplication and addition per channel: [C] and [N, C] have the shapes [C, 1, 1] and [N, C, 1, 1], which fit [N, C, H, W]. */
const affine: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x, ...vectors] = node.inputs as readonly [Tensor, ...(Tensor | null)[]];
  const fitting = (vector: Tensor): string => {
    if (vector.shape.length === 1) return values.perChannel(vector, x);
    const shape = graph.integers(`${node.name}/shape`, [-1, vector.shape[1]!, 1, 1]);
    return graph.node('Reshape', [values.of(vector), shape], node.name);
  };
  const operators = ['Mul', 'Add'] as const;
  return [
    vectors.reduce<string>(
      (value, vector, index) => (vector ? graph.node(operators[index]!, [value, fitting(vector)], node.name) : value),
      values.of(x),
    ),
  ];
};

/** Returns the dimensions of a tensor but that of its channels, in ONNX's order. */
const besideChannels = ({ image, shape }: Tensor): readonly number[] =>
  image ? [0, 2, 3] : shape.slice(1).map((_, axis) => axis);

/** Adds (x - mean) scale / sqrt(variance + epsilon) + shift, where the mean and the variance have shapes that fit x. */
function normalized(
  { node, graph, values }: Translated,
  [x, mean, variance]: readonly [Tensor, string, string],
  [scale, shift]: readonly [Tensor, Tensor],
): string {
  const { epsilon = 0 } = node.attributes;
  const deviation = graph.node('Sqrt', [graph.node('Add', [variance, graph.numbers(epsilon)], node.name)], node.name);
  const centred = graph.node('Sub', [values.of(x), mean], node.name);
  const factor = graph.node('Div', [values.perChannel(scale, x), deviation], node.name);
  return graph.node('Add', [graph.node('Mul', [centred, factor], node.name), values.perChannel(shift, x)], node.name);
}

/** Batch normalisation with the statistics of the batch, as networks compute that normalise in inference by it. */
const batchNorm: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x, scale, shift] = inputsOf(translated);
  const mean = (value: string) =>
    graph.node('ReduceMean', [value], node.name, { axes: besideChannels(x), keepdims: 1 });
  const means = mean(values.of(x));
  const centred = graph.node('Sub', [values.of(x), means], node.name);
  const variances = mean(graph.node('Mul', [centred, centred], node.name));
  const vector = graph.integers(`${node.name}/shape`, [-1]);
  const flat = (value: string) => graph.node('Reshape', [value, vector], node.name);
  return [normalized(translated, [x, means, variances], [scale, shift]), flat(means), flat(variances)];
};

const batchNormInference: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x, mean, variance, scale, shift] = inputsOf(translated);
  const { epsilon = 0 } = node.attributes;
  if (x.image || x.shape.length === 2) {
    const inputs = [x, scale, shift, mean, variance].map((tensor) => values.of(tensor));
    return [graph.node('BatchNormalization', inputs, node.name, { epsilon: { float: epsilon } })];
  }
  // The channels of other tensors come last, which BatchNormalization does not know.
  const statistics = [x, values.of(mean), values.of(variance)] as const;
  return [normalized(translated, statistics, [scale, shift])];
};

const moments: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x] = inputsOf(translated);
  const one = graph.integers(`${node.name}/shape`, [1]);
  const mean = (value: string) => graph.node('ReduceMean', [value], node.name, { keepdims: 0 });
  const means = mean(values.of(x));
  const centred = graph.node('Sub', [values.of(x), means], node.name);
  const both = [means, mean(graph.node('Mul', [centred, centred], node.name))];
  const vectors = both.map((value) => graph.node('Reshape', [value, one], node.name));
  return [graph.node('Concat', vectors, node.name, { axis: 0 })];
};

const blend: Translation = (translated) => {
  const { node, graph, values } = translated;
  const { keep = 0, take = 0 } = node.attributes;
  const [old, value] = inputsOf(translated);
  const parts = [[old, keep] as const, [value, take] as const].map(([tensor, factor]) =>
    graph.node('Mul', [values.of(tensor), graph.numbers(factor)], node.name),
  );
  return [graph.node('Add', parts, node.name)];
};

/** The translations of these ops, by name. */
export const arithmeticTranslations: Readonly<Record<string, Translation>> = {
  ...{ add, multiply, concat, slice, affine, copy, batchNorm, batchNormInference, moments, blend },
};
