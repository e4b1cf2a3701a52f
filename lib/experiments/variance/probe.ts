/** A training step of a model with the statistics of its layers, found in the graph, whatever the model is. */
import { gradient } from '../../compile/gradient';
import { Graph } from '../../compile/graph';
import { TrainingContext } from '../../layers/context';
import { activationOp } from '../../ops/activation';
import { concatOp } from '../../ops/channels';
import { softmaxCrossEntropy } from '../../ops/classification';
import { conv2dDgradOp, conv2dOp } from '../../ops/convolution';
import { augment } from '../../ops/data';
import { linearDgradOp, linearOp } from '../../ops/linear';
import {
  averagePoolGradientOp,
  averagePoolOp,
  globalAveragePoolGradientOp,
  globalAveragePoolOp,
  maxPoolGradientOp,
  maxPoolOp,
} from '../../ops/pooling';
import { randomizedReluOp } from '../../ops/randomizedRelu';
import type { Parameter } from '../../tensor/state';
import { constant, input, type Node, type Op, type Tensor } from '../../tensor/tensor';
import type { StepGraphOptions } from '../../train/stepGraphs';
import { StatisticsBuilder } from './statistics';

/** What a part of the network does to variances. */
export type PartKind = 'convolution' | 'linear' | 'activation' | 'pool' | 'concatenation';

/** A node of the forward pass, and the keys of the statistics around it. */
export interface ProbedNode {
  readonly kind: PartKind;
  /** Of the layer it belongs to. */
  readonly name: string;
  readonly weight: Parameter | null;
  /** A convolution with zero padding. */
  readonly padded: boolean;
  /** Of the convolution: what a pixel of x is read by, on average: 1 / (strideH strideW). */
  readonly density: number;
  readonly from: readonly string[];
  readonly to: string;
  /** Key of what the part alone passes back to `from`, where others read that as well. Null: the gradient of the image. */
  readonly back: string | null;
}

/** A pre-activation, with the keys of its statistics. */
export interface ProbedLayer {
  readonly name: string;
  /** Key of y; that of dE/dy is gradientKey(y). */
  readonly y: string;
  /** Convolutions and linear layers on the longest way to it, its own included. */
  readonly depth: number;
  /** It lies on the longest way from the image to the logits. */
  readonly onLongestPath: boolean;
}

export interface Probe {
  readonly graph: Graph;
  readonly layers: readonly ProbedLayer[];
  readonly parts: readonly ProbedNode[];
  /** Gradients in the graph are those of the loss of one image, times this. */
  readonly scale: number;
}

/** So that the squares of small gradients stay in f32: sigmoid's become 1e-20. */
const gradientScale = 2 ** 32;

const kinds = new Map<Op, PartKind>([
  [conv2dOp, 'convolution'],
  [linearOp, 'linear'],
  [activationOp, 'activation'],
  [randomizedReluOp, 'activation'],
  [maxPoolOp, 'pool'],
  [averagePoolOp, 'pool'],
  [globalAveragePoolOp, 'pool'],
  [concatOp, 'concatenation'],
]);

const dataGradients: ReadonlySet<Op> = new Set([
  conv2dDgradOp,
  linearDgradOp,
  maxPoolGradientOp,
  averagePoolGradientOp,
  globalAveragePoolGradientOp,
]);

/**
 * The forward and backward pass of the next training step, its crops and mirrors included, without its update: bound to the
 * same State, it leaves the training as it is. Inputs: images, indices, labels. Outputs: loss, and statistics by key.
 */
export function probeGraph({ model, state, statistics, images, batch }: StepGraphOptions): Probe {
  const labels = input('labels', [batch], { dtype: 'i32' });
  const pixels = augment(
    {
      images: input('images', images, { dtype: 'u8' }),
      indices: input('indices', [batch], { dtype: 'i32' }),
      counter: state.counter,
      mean: constant(statistics.mean, statistics.meanShape),
      inverseDeviation: constant(statistics.scale),
    },
    { size: [model.inputShape[0], model.inputShape[1]], random: true },
  );
  const logits = model.forward(pixels, new TrainingContext(state.counter));
  const { loss } = softmaxCrossEntropy(logits, labels, { name: 'loss' });
  const forward = Graph.from({ outputs: { logits } }).nodes;
  const nodes = forward.filter(({ op }) => kinds.has(op));
  const around = new Set(nodes.flatMap((node) => [node.inputs[0]!, ...concatenated(node), node.outputs[0]!]));
  around.add(logits);
  const keys = new Map([...around].map((tensor, index) => [tensor, `${index}:${tensor.node.name}`]));
  const targets = [...around].filter((tensor) => tensor !== pixels);
  // The loss is a mean over the batch; what is reported is of one image's.
  const gradients = gradient(loss, targets, constant([batch * gradientScale]));
  const builder = new StatisticsBuilder();
  const biases = biasesOf(nodes);
  for (const [tensor, key] of keys) builder.add(key, tensor, { bias: biases.get(tensor), betweenImages: batch > 1 });
  targets.forEach((tensor, index) => {
    builder.add(gradientKey(keys.get(tensor)!), gradients[index]!);
  });
  const backward = Graph.from({ outputs: Object.fromEntries(gradients.map((tensor, index) => [index, tensor])) });
  const parts = nodes.map((node) => partOf(node, keys, backward.nodes, builder));
  return {
    graph: Graph.from({ outputs: { loss, ...builder.outputs } }),
    layers: layersOf(forward, logits, keys),
    parts,
    scale: gradientScale,
  };
}

/** Key of the gradient with respect to the tensor of this key. */
export const gradientKey = (key: string): string => `gradient ${key}`;

const concatenated = (node: Node): Tensor[] => (node.op === concatOp ? (node.inputs as Tensor[]) : []);

/** Pre-activations whose bias the activation adds. */
function biasesOf(nodes: readonly Node[]): ReadonlyMap<Tensor, Tensor> {
  const activations = nodes.filter(({ op }) => kinds.get(op) === 'activation');
  return new Map(activations.flatMap(({ inputs: [y, bias] }) => (y && bias ? [[y, bias] as const] : [])));
}

function partOf(
  node: Node,
  keys: ReadonlyMap<Tensor, string>,
  backward: readonly Node[],
  builder: StatisticsBuilder,
): ProbedNode {
  const [x, weight] = node.inputs;
  const { name, op, attributes } = node;
  const kind = kinds.get(op)!;
  const hasWeight = kind === 'convolution' || kind === 'linear';
  const from = op === concatOp ? (node.inputs as Tensor[]) : [x!];
  const own = backward.find((other) => {
    const sameShape = String(other.outputs[0]?.shape) === String(x?.shape);
    return dataGradients.has(other.op) && other.name === name && sameShape;
  });
  let back: string | null = null;
  if (own) {
    back = `from ${keys.get(node.outputs[0]!)}`;
    builder.add(back, own.outputs[0]!);
  }
  const { strideH = 1, strideW = 1, padH = 0, padW = 0 } = op === conv2dOp ? attributes : {};
  return {
    ...{ kind, name, back, density: 1 / (strideH * strideW), padded: padH + padW > 0 },
    weight: hasWeight ? (weight as Parameter) : null,
    from: from.map((tensor) => keys.get(tensor)!),
    to: keys.get(node.outputs[0]!)!,
  };
}

/** Every pre-activation in order, and the logits. */
function layersOf(nodes: readonly Node[], logits: Tensor, keys: ReadonlyMap<Tensor, string>): ProbedLayer[] {
  const depths = new Map<Node, number>();
  const before = new Map<Node, Node | null>();
  for (const node of nodes) {
    const producers = node.inputs.flatMap((tensor) => (tensor && depths.has(tensor.node) ? [tensor.node] : []));
    const deepest = producers.reduce<Node | null>(
      (best, other) => (best === null || depths.get(other)! > depths.get(best)! ? other : best),
      null,
    );
    before.set(node, deepest);
    const own = node.op === conv2dOp || node.op === linearOp ? 1 : 0;
    depths.set(node, (deepest ? depths.get(deepest)! : 0) + own);
  }
  const longest = new Set<Node>();
  for (let node: Node | null = logits.node; node; node = before.get(node) ?? null) longest.add(node);
  const ys = nodes.filter(({ op }) => kinds.get(op) === 'activation').map(({ inputs }) => inputs[0]!);
  return [...ys, logits].map((y) => ({
    name: y.node.name,
    y: keys.get(y)!,
    depth: depths.get(y.node) ?? 0,
    onLongestPath: longest.has(y.node),
  }));
}
