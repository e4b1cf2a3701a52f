/** Counts layers, parameters and multiply-adds of a model on its graph, for `saturnn inspect`. */
import { Graph } from '../compile/graph';
import { conv2dOp } from '../ops/convolution';
import { Parameter } from '../tensor/state';
import { input, type Node, type Tensor } from '../tensor/tensor';
import type { Model } from './model';

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
 */
export function inspectModel(model: Model): ModelSummary {
  const logits = model.forward(input('images', [1, ...model.inputShape]));
  const { nodes } = Graph.from({ outputs: { logits } });
  const layers = new Map<string, LayerSummary>();
  const counted = new Set<Tensor>();
  for (const node of nodes) {
    if (!node.source) layers.set(node.name, addNode(layers.get(node.name), node, counted));
  }
  const rows = [...layers.values()];
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

/** Adds a node to the row of its layer. All nodes of one name are one layer: a convolution and its activation share a row. */
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
