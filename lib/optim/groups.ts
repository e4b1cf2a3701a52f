/** Learning rates and weight decays that differ from parameter to parameter. */
import { types } from 'node:util';
import { invalid } from '../errors';
import type { Segments } from '../ops/update';
import { custom, type Field, number, optional } from '../options/field';
import { Options } from '../options/options';
import { isCallback } from '../options/values';
import type { Parameter, State } from '../tensor/state';
import { constant } from '../tensor/tensor';

/** A group of parameters with its own learning rate and weight decay. */
export interface ParameterGroup {
  /** Selects the parameters: a RegExp for the name, e.g. /bias$/, or a function that returns true for them. */
  match: RegExp | ((parameter: Parameter) => boolean);
  /** Factor on the learning rate, 0 to 3.4e38 (vanishing gradients need large ones); default 1. 0 freezes the parameters. */
  learningRate?: number;
  /** Factor on the optimizer's weight decay, 0 to 3.4e38. Default: 1 for weights, 0 for parameters without decay (biases). */
  weightDecay?: number;
}

/** The largest finite float32. */
export const largestFloat = 3.4028234663852886e38;

const factor = optional(number([0, largestFloat]));

/** Accepts a group, and copies it. */
export const groupField: Field<ParameterGroup> = new Options<ParameterGroup>('a group of parameters', {
  match: custom('a RegExp or a function of a Parameter', (match) => isCallback(match) || types.isRegExp(match)),
  learningRate: factor,
  weightDecay: factor,
}).nested('{ match, learningRate, weightDecay }');

// search() and not test(), which depends on the lastIndex that an earlier use of a RegExp with flag g or y has left.
const matches = ({ match }: ParameterGroup, parameter: Parameter): boolean =>
  typeof match === 'function' ? match(parameter) === true : parameter.name.search(match) >= 0;

/** A range of the parameter arena that ends before element `end`, with its rate factor and weight decay in f32. */
interface Segment {
  readonly end: number;
  readonly rate: number;
  readonly decay: number;
}

/** Returns one segment per parameter, with the gap behind it. @throws ERR_INVALID_ARGUMENT for a group that applies to none */
function segmentsOf(state: State, groups: readonly ParameterGroup[], weightDecay: number): Segment[] {
  const unused = new Set(groups);
  const segments = state.parameters.map((parameter, index): Segment => {
    const next = state.parameters[index + 1];
    const group = groups.find((one) => matches(one, parameter));
    if (group) unused.delete(group);
    const { learningRate = 1, weightDecay: factor = parameter.decay ? 1 : 0 } = group ?? {};
    const end = next ? state.offsetOf(next) : state.size;
    return { end, rate: Math.fround(learningRate), decay: Math.fround(weightDecay * factor) };
  });
  for (const group of unused) {
    const { match } = group;
    const name = `groups[${groups.indexOf(group)}].match`;
    throw invalid(name, 'a match with at least one Parameter (the first group that matches applies)', String(match));
  }
  return segments;
}

function table(segments: readonly Segment[]): Segments {
  return {
    ends: constant(Int32Array.from(segments, ({ end }) => end)),
    rates: constant(Float32Array.from(segments, ({ rate }) => rate)),
    decays: constant(Float32Array.from(segments, ({ decay }) => decay)),
  };
}

/** Returns a table with a segment for each parameter, for rules that treat each tensor by itself. @throws ERR_INVALID_ARGUMENT */
export function segmentPerParameter(state: State, groups: readonly ParameterGroup[], weightDecay: number): Segments {
  return table(segmentsOf(state, groups, weightDecay));
}

/**
 * Returns a table with as few segments as possible: neighbours of equal rate and decay are one. Null if there are no groups: then
 * all elements have one learning rate, and exactly the first state.decayed elements decay.
 * @throws ERR_INVALID_ARGUMENT for a group that applies to no parameter
 */
export function segmentTable(state: State, groups: readonly ParameterGroup[], weightDecay: number): Segments | null {
  if (groups.length === 0) return null;
  const all = segmentsOf(state, groups, weightDecay);
  const isLast = ({ rate, decay }: Segment, index: number) =>
    rate !== all[index + 1]?.rate || decay !== all[index + 1]?.decay;
  return table(all.filter(isLast));
}
