/**
 * What kernels must give for a graph: the float64 values, and how far f32 (or another precision) may be from them. An
 * element's allowed error is that of its own op, plus what the errors of the ops before it become on their way. The latter
 * is measured: the graph is interpreted again with each op's result disturbed by random errors of the allowed size.
 */

import type { Graph } from '../../lib/compile/graph';
import type { Precision } from '../../lib/runtime/device';
import type { Node, Tensor } from '../../lib/tensor/tensor';
import { type Tolerance, tolerances } from '../tolerance';
import { referenceOf } from './index';
import { type Interpretation, interpret, type Read, written } from './interpret';
import type { Call } from './rounding';
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
   * more than a rounding error: such inputs test nothing. With less than f32 only ops whose own value jumps count: some of many
   * elements always lie near a kink, errors of that size carry a part of them over it in every disturbed
   * interpretation as well, and so what becomes of that is part of the propagated error.
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
/** Errors of halves are nearly as large as its allowances, so that the deviation has to be known better than f32's. */
const samples: Readonly<Record<Precision, number>> = { f32: 3, tf32: 8, bf16: 8, fp16: 8 };
/**
 * With less than f32 also: how many times the largest error of the samples. What is carried over a kink changes few elements by
 * much, a tail of the distribution that the deviation does not describe.
 */
const ofLargest: Readonly<Record<Precision, number>> = { f32: 0, tf32: 2, bf16: 2, fp16: 2 };

/**
 * @param graph a plain one, before any pass
 * @param random uniform in [0, 1)
 */
export function expectation(graph: Graph, read: Read, precision: Precision, random: () => number): Expectation {
  const allowances = new Map<Node, readonly Float64Array[]>();
  const exact = interpret(graph, read, (node, call) => {
    allowances.set(node, allowancesOf(node, call, precision));
    return null;
  });
  const sampled = allowances.size > 1 ? samples[precision] : 0; // A single op has exact inputs.
  const disturbed = Array.from({ length: sampled }, () => disturb(graph, read, allowances, random));
  const spreadsNaN = [...allowances.keys()].some((node) => referenceOf(node.op.name).spreadsNaN);
  const expected = (
    own: Float64Array | undefined,
    values: Values,
    others: readonly (Values | undefined)[],
  ): Expected => {
    const { deviation, largest } = differences(values, others);
    const propagated = Math.max(deviations * deviation, ofLargest[precision] * largest);
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
  return { outputs: Object.fromEntries(outputs), writes, margin: marginOfComputed(exact, precision) };
}

/** What multiplies on tensor cores: with tf32 its factors are rounded, and nothing else. */
const multiplies = /^(conv2d|linear)/;

/** The weight gradient of halves: a backend may round the sum to the half before it is f32 (native/cuda/convolution/conv_task.cc). */
const ofHalves = (precision: Precision): Tolerance => {
  const { relative, smallest } = tolerances[precision];
  return { ...tolerances.f32, relative, smallest };
};

/** Of each output. A half image is rounded as it is stored; everything else is f32, and so are all sums. */
function allowancesOf(node: Node, call: Call, precision: Precision): Float64Array[] {
  const roundings = new Map<Tolerance, Float64Array[]>();
  const isOfHalves = precision !== 'tf32' && node.op.name === 'conv2dWgrad';
  return written(node).map((tensor, index) => {
    const isLess = precision === 'tf32' ? multiplies.test(node.op.name) : tensor?.image;
    const tolerance = isOfHalves ? ofHalves(precision) : tolerances[isLess ? precision : 'f32'];
    const rounded = roundings.get(tolerance) ?? referenceOf(node.op.name).rounding(call, tolerance);
    roundings.set(tolerance, rounded);
    const own = (rounded[index] ?? new Float64Array()).map((error) => error + tolerance.smallest);
    // An op that only moves values rounds what was no image before.
    if (precision === 'f32' || precision === 'tf32' || !tensor?.image || node.inputs.some((input) => input?.image))
      return own;
    return own.map((error, i) =>
      Math.max(error, tolerance.relative * Math.abs(need(call.outputs[index]).data[i] ?? 0)),
    );
  });
}

function marginOfComputed({ margins }: Interpretation, precision: Precision): number {
  const computed = [...margins].filter(
    ([node]) =>
      node.inputs.some((t) => t?.dtype === 'f32' && !t.node.source) &&
      (precision === 'f32' || referenceOf(node.op.name).jumps),
  );
  return Math.min(Number.POSITIVE_INFINITY, ...computed.map(([, margin]) => margin));
}

function disturb(graph: Graph, read: Read, allowances: Allowances, random: () => number): Interpretation {
  return interpret(graph, read, (node) =>
    (allowances.get(node) ?? []).map((allowed) =>
      allowed.map((error) => error * typicalError * (random() < 0.5 ? -1 : 1)),
    ),
  );
}

/** Root mean square and largest of the differences, over all elements and samples; what is not finite is left out. */
function differences(exact: Values, disturbed: readonly (Values | undefined)[]) {
  let sum = 0;
  let count = 0;
  let largest = 0;
  for (const other of disturbed) {
    need(other).data.forEach((value, i) => {
      const difference = value - (exact.data[i] ?? 0);
      if (!Number.isFinite(difference)) return;
      sum += difference * difference;
      largest = Math.max(largest, Math.abs(difference));
      count++;
    });
  }
  return { deviation: count > 0 ? Math.sqrt(sum / count) : 0, largest };
}
