/** Finds the place of each parameter in the graph of a model's forward pass, for any model. */

import { Graph } from '../compile/graph';
import { inference } from '../layers/context';
import { activationOp, gainOfCurve } from '../ops/activation';
import { activations } from '../ops/activations';
import { conv2dOp } from '../ops/convolution';
import { linearOp } from '../ops/linear';
import { nativeActivations } from '../ops/nativeActivations';
import { Parameter } from '../tensor/state';
import { input, type Node, type Tensor } from '../tensor/tensor';
import { forwardOf, type Model } from './model';

/** Slope and value of an activation near x = 0. */
export interface Slope {
  /** E[f'²] over both signs: 1/16 for sigmoid, 1 for tanh, 1/2 for relu. */
  readonly gain: number;
  /** f(0): 1/2 for sigmoid, 0 for all others. */
  readonly atZero: number;
}

/** The place of a parameter in the graph. */
export interface ParameterPlace {
  /** The parameter. */
  readonly parameter: Parameter;
  /** Name of the layer that uses it (first). */
  readonly layer: string;
  /**
   * The number of activations on the longest path from the layer's pre-activation to the logits, its own activation included: 0
   * for the classifier, 33 for the first convolution of inception33. A parameter that is used twice has its largest depth.
   */
  readonly depth: number;
  /**
   * The different activations that a weight of a convolution or linear layer multiplies, also through pools and
   * concatenations. Each has `gain`, E[f'²] over both signs at 0 (1/16 for sigmoid, 1 for tanh, 1/2 for relu), and `atZero`,
   * f(0). Pixels, and layers without an activation, count as { gain: 1, atZero: 0 }. Null: the parameter multiplies no
   * activations (biases, scale and shift of a normalisation).
   */
  readonly reads: readonly Slope[] | null;
  /** The bias that belongs to a weight. Null: there is none that can be trained, or the parameter is not a weight. */
  readonly bias: Parameter | null;
}

const linearSlope: Slope = { gain: 1, atZero: 0 };

/**
 * Returns the places in the order of model.parameters. They are found in the forward pass of inference, where rrelu has the mean
 * of its slopes.
 */
export function parameterPlaces(model: Model): ParameterPlace[] {
  const logits = forwardOf(model, input('images', [1, ...model.inputShape]), inference);
  const graph = Graph.from({ outputs: { logits } });
  const readers = graph.readers();
  const depths = depthsOf(graph, readers);
  const slopes = slopesOf(graph);
  return model.parameters.map((parameter) => {
    const users = readers.get(parameter) ?? [];
    const weighted = users.filter((node) => isWeighted(node) && node.inputs[1] === parameter);
    const reads = new Set(weighted.flatMap((node) => [...slopes.get((node.inputs[0] as Tensor).node)!]));
    return {
      parameter,
      layer: users[0]?.name ?? parameter.name,
      depth: Math.max(0, ...users.map((node) => depths.get(node)!)),
      reads: weighted.length > 0 ? [...reads] : null,
      bias: weighted[0] ? biasOf(weighted[0], readers) : null,
    };
  });
}

const isWeighted = ({ op }: Node): boolean => op === conv2dOp || op === linearOp;

function depthsOf({ nodes }: Graph, readers: ReturnType<Graph['readers']>): ReadonlyMap<Node, number> {
  const depths = new Map<Node, number>();
  for (const node of [...nodes].reverse()) {
    const after = node.outputs.flatMap((tensor) => readers.get(tensor) ?? []).map((reader) => depths.get(reader)!);
    depths.set(node, Math.max(0, ...after) + (node.op === activationOp ? 1 : 0));
  }
  return depths;
}

/** Returns, for each node, the activations that its output comes from without another layer between. */
function slopesOf({ nodes }: Graph): ReadonlyMap<Node, ReadonlySet<Slope>> {
  // One object per slope and value at 0, so that a set contains each once.
  const known = new Map<string, Slope>();
  const slopes = new Map<Node, ReadonlySet<Slope>>();
  for (const node of nodes) {
    if (node.op === activationOp) {
      slopes.set(node, new Set([slopeOf(node, known)]));
      continue;
    }
    const values = node.inputs.filter((tensor) => tensor !== null);
    const isLayer = node.source !== null || values.some((tensor) => tensor instanceof Parameter);
    slopes.set(node, isLayer ? new Set([linearSlope]) : new Set(values.flatMap(({ node }) => [...slopes.get(node)!])));
  }
  return slopes;
}

function slopeOf({ attributes: { kind, slope = 0 } }: Node, known: Map<string, Slope>): Slope {
  const curve = activations[nativeActivations[kind as number]!].curve(slope);
  const gain = gainOfCurve(curve);
  const atZero = curve.value(0);
  // An activation with slope 1 and value 0 at x = 0 (tanh) counts like the pixels.
  if (gain === 1 && atZero === 0) return linearSlope;
  const key = `${gain} ${atZero}`;
  const made = known.get(key) ?? { gain, atZero };
  known.set(key, made);
  return made;
}

/** Returns the bias of the node itself or, if an activation is its only reader, the bias of that activation. */
function biasOf(node: Node, readers: ReturnType<Graph['readers']>): Parameter | null {
  const own = node.inputs[2];
  if (own) return own instanceof Parameter ? own : null;
  const next = readers.get(node.outputs[0] as Tensor) ?? [];
  const added = next.length === 1 && next[0]!.op === activationOp ? next[0]!.inputs[1] : null;
  return added instanceof Parameter ? added : null;
}
