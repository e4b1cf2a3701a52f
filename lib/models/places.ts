/** Where the parameters of a model stand in the graph of its forward pass, however it is built. */
import { Graph } from '../compile/graph';
import { activationOp, gainOfCurve } from '../ops/activation';
import { activations } from '../ops/activations';
import { conv2dOp } from '../ops/convolution';
import { linearOp } from '../ops/linear';
import { input, type Node, Parameter, type Tensor } from '../tensor/tensor';
import type { Model } from './model';

/** What an activation is near x = 0. */
export interface Slope {
  /** E[f'²] over both signs: 1/16 for sigmoid, 1 for tanh, 1/2 for relu. */
  readonly gain: number;
  /** f(0): 1/2 for sigmoid, else 0. */
  readonly atZero: number;
}

export interface ParameterPlace {
  readonly parameter: Parameter;
  /** The layer's name. */
  readonly layer: string;
  /**
   * Activations on the longest way from the layer's pre-activation, its own included, to the logits: 0 for a classifier, 33 for
   * the first convolution of inception33. A parameter that is used twice counts from its first use.
   */
  readonly depth: number;
  /**
   * The different activations that a weight of a convolution or linear layer multiplies, pools and concatenations between.
   * Pixels, and layers without an activation, count as { gain: 1, atZero: 0 }. Null: the parameter multiplies no activations
   * (biases, scale and shift of a normalisation).
   */
  readonly reads: readonly Slope[] | null;
  /** Of a weight: what its layer adds before the activation. Null: nothing, or nothing that can be trained. */
  readonly bias: Parameter | null;
}

const linearSlope: Slope = { gain: 1, atZero: 0 };

/** In the order of model.parameters; found in the forward pass of inference, where rrelu has the mean of its slopes. */
export function parameterPlaces(model: Model): ParameterPlace[] {
  const logits = model.forward(input('images', [1, ...model.inputShape]));
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

/** The activations from which each node's output comes without another layer between. */
function slopesOf({ nodes }: Graph): ReadonlyMap<Node, ReadonlySet<Slope>> {
  // One object per kind of activation, so that a set holds each once.
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
  const curve = Object.values(activations)
    .find(({ id }) => id === kind)!
    .curve(slope);
  const gain = gainOfCurve(curve);
  const atZero = curve.value(0);
  // tanh is no different from pixels here.
  if (gain === 1 && atZero === 0) return linearSlope;
  const key = `${gain} ${atZero}`;
  const made = known.get(key) ?? { gain, atZero };
  known.set(key, made);
  return made;
}

/** The layer's own, or that of the activation which alone reads it. */
function biasOf(node: Node, readers: ReturnType<Graph['readers']>): Parameter | null {
  const own = node.inputs[2];
  if (own) return own instanceof Parameter ? own : null;
  const next = readers.get(node.outputs[0] as Tensor) ?? [];
  const added = next.length === 1 && next[0]!.op === activationOp ? next[0]!.inputs[1] : null;
  return added instanceof Parameter ? added : null;
}
