/**
 * What kernels must give for a graph: the float64 values, and how far f32 (or another precision) may be from them. An
 * element's allowed error is that of its own op, plus what the errors of the ops before it become on their way. The latter
 * is measured: the graph is interpreted again with each op's result disturbed by random errors of the allowed size.
 */
import type { Graph } from '../../lib/graph/graph';
import type { Node, Tensor } from '../../lib/tensor';
import type { Tolerance } from '../tolerance';
import { referenceOf } from './index';
import { type Interpretation, interpret, type Read, written } from './interpret';
import { need, type Values } from './values';

export interface Expected {
  readonly values: Values;
  readonly allowed: Float64Array;
  /** An op on the way to it may spread a NaN: see CompareOptions. */
  readonly spreadsNaN: boolean;
}

export interface Expectation {
  /** The graph's outputs, by name. */
  readonly outputs: Readonly<Record<string, Expected>>;
  /** The State tensors that its updates write, in order: see stateWrites. */
  readonly writes: readonly Expected[];
  /**
   * How near any COMPUTED input comes to a kink of the op that reads it. There, a rounding error would change a result by
   * more than a rounding error: such inputs test nothing.
   */
  readonly margin: number;
}

/** The State tensors that a graph writes. */
export const stateWrites = (graph: Graph): readonly Tensor[] =>
  graph.updates.flatMap((node) => written(node).filter((tensor) => tensor !== null));

type Allowances = ReadonlyMap<Node, readonly Float64Array[]>;

/** Rounding errors are about this part of what an op is allowed. */
const typicalError = 1 / 3;
/** How many standard deviations a propagated error may have. */
const deviations = 6;
const samples = 3;

/**
 * @param graph a plain one, before any pass
 * @param random uniform in [0, 1)
 */
export function expectation(graph: Graph, read: Read, tolerance: Tolerance, random: () => number): Expectation {
  const allowances = new Map<Node, readonly Float64Array[]>();
  const exact = interpret(graph, read, (node, call) => {
    allowances.set(node, referenceOf(node.op.name).rounding(call, tolerance));
    return null;
  });
  const sampled = allowances.size > 1 ? samples : 0; // A single op has exact inputs.
  const disturbed = Array.from({ length: sampled }, () => disturb(graph, read, allowances, random));
  const spreadsNaN = [...allowances.keys()].some((node) => referenceOf(node.op.name).spreadsNaN);
  const expected = (
    own: Float64Array | undefined,
    values: Values,
    others: readonly (Values | undefined)[],
  ): Expected => {
    const propagated = deviations * deviation(values, others);
    return { values, allowed: values.data.map((_, i) => (own?.[i] ?? 0) + propagated), spreadsNaN };
  };
  const outputs = Object.entries(graph.outputs).map(([name, tensor]) => {
    const own = allowances.get(tensor.node)?.[tensor.output];
    return [
      name,
      expected(
        own,
        need(exact.outputs[name]),
        disturbed.map((run) => run.outputs[name]),
      ),
    ] as const;
  });
  const writes = graph.updates.flatMap((node) =>
    written(node).map((tensor, index) => {
      const of = ({ writes: all }: Interpretation) => need(tensor && all.get(tensor));
      return expected(allowances.get(node)?.[index], of(exact), disturbed.map(of));
    }),
  );
  return { outputs: Object.fromEntries(outputs), writes, margin: marginOfComputed(exact) };
}

function marginOfComputed({ margins }: Interpretation): number {
  const computed = [...margins].filter(([node]) => node.inputs.some((t) => t?.dtype === 'f32' && !t.node.source));
  return Math.min(Number.POSITIVE_INFINITY, ...computed.map(([, margin]) => margin));
}

function disturb(graph: Graph, read: Read, allowances: Allowances, random: () => number): Interpretation {
  return interpret(graph, read, (node) =>
    (allowances.get(node) ?? []).map((allowed) =>
      allowed.map((error) => error * typicalError * (random() < 0.5 ? -1 : 1)),
    ),
  );
}

/** Root mean square of the differences, over all elements and samples; what is not finite is left out. */
function deviation(exact: Values, disturbed: readonly (Values | undefined)[]): number {
  let sum = 0;
  let count = 0;
  for (const other of disturbed) {
    need(other).data.forEach((value, i) => {
      const difference = value - (exact.data[i] ?? 0);
      if (!Number.isFinite(difference)) return;
      sum += difference * difference;
      count++;
    });
  }
  return count > 0 ? Math.sqrt(sum / count) : 0;
}
