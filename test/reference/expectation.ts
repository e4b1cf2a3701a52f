/**
 * Computes the results that kernels must give for a graph: float64 values, and the allowed error of f32 or another precision. The
 * allowed error of an element is that of its own op plus the error that is propagated from the ops before it. The latter is
 * measured: the graph is interpreted again with random errors of the allowed size added to the result of each op.
 */

import type { Graph } from '../../lib/compile/graph';
import type { Precision } from '../../lib/runtime/device';
import type { Node, Tensor } from '../../lib/tensor/tensor';
import { type Tolerance, tolerances } from '../tolerance';
import { referenceOf } from './index';
import { type Interpretation, interpret, type Read, written } from './interpret';
import { Memo } from './memo';
import type { Call } from './rounding';
import { at, need, type Values } from './values';

/** The expected values of a tensor. */
export interface Expected {
  readonly values: Values;
  /** Allowed absolute error of each element. */
  readonly allowed: Float64Array;
  /** Whether an op of the graph may spread a NaN: see CompareOptions. */
  readonly spreadsNaN: boolean;
}

export interface Expectation {
  /** The graph's outputs, by name. */
  readonly outputs: Readonly<Record<string, Expected>>;
  /** The State tensors that the updates write, in the order of stateWrites(). */
  readonly writes: readonly Expected[];
  /**
   * Smallest distance of a computed input from a kink of the op that reads it. Near a kink, a rounding error of the input changes
   * the result by more than a rounding error, so a case with a small margin tests nothing. In precisions below f32 only ops whose
   * value itself jumps count. Among many elements some always lie near a kink, and errors of that size carry some over it in the
   * disturbed interpretations too, so this effect is part of the measured propagated error.
   */
  readonly margin: number;
}

/** Returns the State tensors that a graph writes, in the order of its updates. */
export const stateWrites = (graph: Graph): readonly Tensor[] =>
  graph.updates.flatMap((node) => written(node).filter((tensor) => tensor !== null));

type Allowances = ReadonlyMap<Node, readonly Float64Array[]>;

/** Size of the errors that are added, relative to the allowed error of an op: typical rounding errors are about this large. */
const typicalError = 1 / 3;
/** Allowed propagated error, in standard deviations. */
const deviations = 6;
/** Number of disturbed interpretations. Errors of halves are nearly as large as allowed: their deviation must be known better. */
const samples: Readonly<Record<Precision, number>> = { f32: 3, tf32: 8, bf16: 8, fp16: 8 };
/**
 * Allowed propagated error, as a multiple of the largest one in the samples (the larger of both limits counts). In precisions
 * below f32, elements that are carried over a kink change a lot, but they are few, so the deviation does not describe them.
 */
const ofLargest: Readonly<Record<Precision, number>> = { f32: 0, tf32: 2, bf16: 2, fp16: 2 };

/** How a graph is computed. */
export interface Computation {
  readonly precision: Precision;
  /** Draws a number in [0, 1). */
  readonly random: () => number;
  /** The smallest margin with which the results are of use. Default 0. */
  readonly smallestMargin?: number;
}

/**
 * Computes the expected outputs and writes of a graph.
 * @param graph a graph before any pass
 * @returns null if the margin is smaller than the smallest of use
 */
export function expectation(
  graph: Graph,
  read: Read,
  { precision, random, smallestMargin = 0 }: Computation,
): Expectation | null {
  const allowances = new Map<Node, readonly Float64Array[]>();
  const memo = new Memo();
  const exact = interpret(graph, read, {
    margins: true,
    memo,
    disturb: (node, call) => {
      allowances.set(node, allowancesOf(node, call, precision));
      return null;
    },
  });
  const margin = marginOfComputed(exact, precision);
  if (margin < smallestMargin) return null;
  const sampled = allowances.size > 1 ? samples[precision] : 0; // A single op has exact inputs.
  const sign = signs(random);
  const disturbed = Array.from({ length: sampled }, () => disturb(graph, read, allowances, sign, memo.asItIs()));
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
  return { outputs: Object.fromEntries(outputs), writes, margin };
}

/** Ops that multiply on tensor cores. With tf32 only their factors are rounded. */
const multiplies = /^(conv2d|linear)/;

/** Tolerance of wgrad with halves: a backend may round the sum to a half before it becomes f32 (CUDA's convolutions do). */
const ofHalves = (precision: Precision): Tolerance => {
  const { relative, smallest } = tolerances[precision];
  return { ...tolerances.f32, relative, smallest };
};

/** Returns the allowed error of each output. Half images are rounded when they are stored; all else, and all sums, are f32. */
function allowancesOf(node: Node, call: Call, precision: Precision): Float64Array[] {
  const roundings = new Map<Tolerance, Float64Array[]>();
  const isOfHalves = precision !== 'tf32' && node.op.name === 'conv2dWgrad';
  return written(node).map((tensor, index) => {
    const isLess = precision === 'tf32' ? multiplies.test(node.op.name) : tensor?.image;
    const tolerance = isOfHalves ? ofHalves(precision) : tolerances[isLess ? precision : 'f32'];
    const rounded = roundings.get(tolerance) ?? referenceOf(node.op.name).rounding(call, tolerance);
    roundings.set(tolerance, rounded);
    const own = (rounded[index] ?? new Float64Array()).map((error) => error + tolerance.smallest);
    // An op that only moves values into an image rounds values that were f32 before.
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

/** Returns a function that draws -1 or 1: each is a bit of a random number, because to draw numbers takes longest. */
function signs(random: () => number): () => number {
  let bits = 0;
  let left = 0;
  return () => {
    if (left-- === 0) {
      bits = Math.floor(random() * 2 ** 32);
      left = 31;
    }
    const sign = bits & 1 ? -1 : 1;
    bits >>>= 1;
    return sign;
  };
}

function disturb(graph: Graph, read: Read, allowances: Allowances, sign: () => number, memo: Memo): Interpretation {
  const errors = (allowed: Float64Array) => allowed.map((error) => error * typicalError * sign());
  return interpret(graph, read, { disturb: (node) => (allowances.get(node) ?? []).map(errors), memo });
}

/** Returns root mean square and largest of the differences, over all elements and samples, without non-finite ones. */
function differences(exact: Values, disturbed: readonly (Values | undefined)[]) {
  let sum = 0;
  let count = 0;
  let largest = 0;
  for (const other of disturbed) {
    const { data } = need(other);
    for (let i = 0; i < data.length; i++) {
      const difference = at(data, i) - (exact.data[i] ?? 0);
      if (!Number.isFinite(difference)) continue;
      sum += difference * difference;
      largest = Math.max(largest, Math.abs(difference));
      count++;
    }
  }
  return { deviation: count > 0 ? Math.sqrt(sum / count) : 0, largest };
}
