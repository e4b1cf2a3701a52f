/** Counts layers, parameters and multiply-adds of a model on its graph, for `saturnn inspect`. */

import { Graph } from '../compile/graph';
import { invalid } from '../errors';
import { inference } from '../layers/context';
import { conv2dOp } from '../ops/convolution';
import { Parameter } from '../tensor/state';
import { input, type Node, type Tensor } from '../tensor/tensor';
import { forwardOf, isModel, type Model, modelField } from './model';

/** One row of inspectModel(): a layer with its activation. */
export interface LayerSummary {
  readonly name: string;
  /** Shape of the output for one image: [height, width, channels] or [features]. */
  readonly outputShape: readonly number[];
  /** The number of trained values, without those that an earlier layer shares and has counted. */
  readonly parameters: number;
  /** Multiply-adds of the forward pass for one image. */
  readonly macs: number;
}

/** The result of inspectModel(). */
export interface ModelSummary {
  /** The layers in forward order. */
  readonly layers: readonly LayerSummary[];
  readonly totals: {
    /** The number of convolutions. */
    readonly convolutions: number;
    /** The number of convolutions on the longest path from the image to the logits. */
    readonly longestPath: number;
    /** The number of trained values. */
    readonly parameters: number;
    /** Multiply-adds of the forward pass for one image. */
    readonly macs: number;
  };
}

/**
 * Returns, for each layer of a model, its output shape, number of parameters and multiply-adds for one image, and their totals.
 * It only makes a graph: no backend is loaded.
 * @throws ERR_INVALID_ARGUMENT for something that is no Model
 */
export function inspectModel(model: Model): ModelSummary {
  if (!isModel(model)) throw invalid('model', modelField.expected, model);
  const logits = forwardOf(model, input('images', [1, ...model.inputShape]), inference);
  const { nodes } = Graph.from({ outputs: { logits } });
  const counted = new Set<Tensor>();
  const rows = layersOf(nodes.filter(({ source }) => !source)).map(({ name, nodes: own }) => {
    const row = own.reduce<LayerSummary | undefined>((sum, node) => addNode(sum, node, counted), undefined);
    return { ...(row as LayerSummary), name };
  });
  return {
    layers: rows,
    totals: {
      convolutions: nodes.filter((node) => node.op === conv2dOp).length,
      longestPath: longestPath(nodes),
      parameters: sum(rows.map((row) => row.parameters)),
      macs: sum(rows.map((row) => row.macs)),
    },
  };
}

/** A layer, made of nodes of one name. */
export interface Nodes {
  readonly name: string;
  readonly nodes: Node[];
}

/**
 * Groups nodes by layer. A node of a known name belongs to the last layer of that name if it shares a parameter with it, or
 * reads its result and is another op (a convolution and its activation). Otherwise it begins another layer, because nodes have the
 * op's name where no name was given; later layers of one name are numbered: "conv2d (2)". The result of a layer is that of its
 * last node.
 */
export function layersOf(nodes: readonly Node[]): Nodes[] {
  const layers: Nodes[] = [];
  const last = new Map<string, Nodes>();
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const known = last.get(node.name);
    if (known && belongs(node, known.nodes)) {
      known.nodes.push(node);
      continue;
    }
    const count = (counts.get(node.name) ?? 0) + 1;
    counts.set(node.name, count);
    const layer = { name: count === 1 ? node.name : `${node.name} (${count})`, nodes: [node] };
    last.set(node.name, layer);
    layers.push(layer);
  }
  return layers;
}

function belongs(node: Node, layer: readonly Node[]): boolean {
  const parameters = node.inputs.filter((tensor) => tensor instanceof Parameter);
  if (layer.some(({ inputs }) => parameters.some((parameter) => inputs.includes(parameter)))) return true;
  const isRead = layer.some(({ outputs }) => node.inputs.some((tensor) => tensor && outputs.includes(tensor)));
  if (!isRead) return false;
  // A layer that is used twice, with its activation, has each op twice.
  const times = (op: Node['op']): number => layer.filter((other) => other.op === op).length;
  return times(node.op) === 0 || layer.some(({ op }) => times(op) > times(node.op));
}

/** Adds a node to the row of its layer. */
function addNode(row: LayerSummary | undefined, node: Node, counted: Set<Tensor>): LayerSummary {
  const own = node.inputs.filter((tensor) => tensor instanceof Parameter).filter((tensor) => !counted.has(tensor));
  for (const parameter of own) counted.add(parameter);
  return {
    name: node.name,
    outputShape: node.outputs[0]!.shape.slice(1),
    parameters: (row?.parameters ?? 0) + sum(own.map((parameter) => parameter.size)),
    macs: (row?.macs ?? 0) + (node.op.flops?.(node) ?? 0) / 2,
  };
}

function longestPath(nodes: readonly Node[]): number {
  const depth = new Map<Node, number>();
  for (const node of nodes) {
    const before = node.inputs.map((tensor) => (tensor ? (depth.get(tensor.node) ?? 0) : 0));
    depth.set(node, Math.max(0, ...before) + (node.op === conv2dOp ? 1 : 0));
  }
  return Math.max(0, ...depth.values());
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
