/**
 * A training step that also computes statistics of a model's layers. It finds the layers in the graph, so any model will do.
 */

import { gradient } from '../../compile/gradient';
import { Graph } from '../../compile/graph';
import { TrainingContext } from '../../layers/context';
import { forwardOf } from '../../models/model';
import { activationOp } from '../../ops/activation';
import { concatOp } from '../../ops/channels';
import { softmaxCrossEntropy } from '../../ops/classification';
import { conv2dDgradOp, conv2dOp } from '../../ops/convolution';
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
import { augmentedBatch } from '../../train/augmentedBatch';
import type { StepGraphOptions } from '../../train/stepGraphs';
import { StatisticsBuilder } from './statistics';

/** Kind of a part of a network. */
export type PartKind = 'convolution' | 'linear' | 'activation' | 'pool' | 'concatenation';

/** A node of the forward pass, and the keys of the statistics of its inputs and output. */
export interface ProbedNode {
  readonly kind: PartKind;
  /** Name of the layer that it belongs to. */
  readonly name: string;
  /** Weight of a convolution or linear layer; null for other parts. */
  readonly weight: Parameter | null;
  /** Whether it is a convolution with zero padding. */
  readonly padded: boolean;
  /** Part of the kernel's positions at which a pixel of the input is read, on average: 1 / (strideH strideW). */
  readonly density: number;
  /** Keys of its inputs. */
  readonly from: readonly string[];
  /** Key of its output. */
  readonly to: string;
  /** Key of the gradient that this part alone passes back to `from`; null if it computes none. */
  readonly back: string | null;
}

/** A pre-activation and the key of its statistics. */
export interface ProbedLayer {
  readonly name: string;
  /** Key of y; that of dE/dy is gradientKey(y). */
  readonly y: string;
  /** Number of convolutions and linear layers on the longest path from the image to y, its own included. */
  readonly depth: number;
  /** Whether it lies on the longest path from the image to the logits. */
  readonly onLongestPath: boolean;
}

/** The graph, and what its outputs mean. */
export interface Probe {
  readonly graph: Graph;
  readonly layers: readonly ProbedLayer[];
  readonly parts: readonly ProbedNode[];
  /** Factor on all gradients in the graph, which are those of the loss of one image. */
  readonly scale: number;
}

/** Factor on gradients, so that the squares of small ones stay in the range of f32 (sigmoid's gradients become 1e-20). */
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
 * Builds the forward and backward pass of the next training step, with its augmentation, but without its update, so that
 * the training does not change. It is bound to the same State. Inputs: images, indices, labels, and the tables. Outputs: loss, and statistics
 * by key.
 */
export function probeGraph({ model, state, tables = [], ...options }: StepGraphOptions): Probe {
  const { batch } = options;
  const labels = input('labels', [batch], { dtype: 'i32' });
  const [height, width] = model.inputShape;
  const pixels = augmentedBatch({ ...options, size: [height, width], tables });
  const logits = forwardOf(model, pixels, new TrainingContext(state.counter));
  const { loss } = softmaxCrossEntropy(logits, labels, { name: 'loss' });
  const forward = Graph.from({ outputs: { logits } }).nodes;
  const nodes = forward.filter(({ op }) => kinds.has(op));
  const around = new Set(nodes.flatMap((node) => [node.inputs[0]!, ...concatenated(node), node.outputs[0]!]));
  around.add(logits);
  const keys = new Map([...around].map((tensor, index) => [tensor, `${index}:${tensor.node.name}`]));
  const targets = [...around].filter((tensor) => tensor !== pixels);
  // The loss is a mean over the batch; gradients are reported for the loss of one image.
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

/** Returns the key of the gradient with respect to the tensor with this key. */
export const gradientKey = (key: string): string => `gradient ${key}`;

const concatenated = (node: Node): Tensor[] => (node.op === concatOp ? (node.inputs as Tensor[]) : []);

/** Returns the biases of pre-activations to which the activation adds the bias. */
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
  const { strideH = 1, strideW = 1 } = op === conv2dOp ? attributes : {};
  const { padTop = 0, padLeft = 0, padBottom = 0, padRight = 0 } = op === conv2dOp ? attributes : {};
  return {
    ...{ kind, name, back, density: 1 / (strideH * strideW), padded: padTop + padLeft + padBottom + padRight > 0 },
    weight: hasWeight ? (weight as Parameter) : null,
    from: from.map((tensor) => keys.get(tensor)!),
    to: keys.get(node.outputs[0]!)!,
  };
}

/** Returns every pre-activation in order, and last the logits. */
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
