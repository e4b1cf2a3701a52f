/** Learning rates and weight decays that differ from parameter to parameter. */
import { types } from 'node:util';
import { invalid, type SaturnnError } from '../errors';
import type { Segments } from '../ops/update';
import { custom, type Field, number, optional } from '../options/field';
import { Options } from '../options/options';
import { readPattern, selects, selectsNothing } from '../options/selection';
import { isCallback } from '../options/values';
import type { Parameter, State } from '../tensor/state';
import { constant } from '../tensor/tensor';

/** A group of parameters with its own learning rate and weight decay. */
export interface ParameterGroup {
  /**
   * Selects the parameters: a pattern of their names or of the layers that contain them, as for the option `freeze` of a Trainer ("3*",
   * "classifier"); a RegExp for the name, e.g. /bias$/; or a function that returns true for them.
   */
  match: string | RegExp | ((parameter: Parameter) => boolean);
  /**
   * Factor on the learning rate, 0 to 3.4e38 (vanishing gradients need large ones); default 1. With 0 the parameters do not change,
   * but their gradients are computed all the same: the option `freeze` of a Trainer saves those.
   */
  learningRate?: number;
  /** Factor on the optimizer's weight decay, 0 to 3.4e38. Default: 1 for weights, 0 for parameters without decay (biases). */
  weightDecay?: number;
}

/** The largest finite float32. */
export const largestFloat = 3.4028234663852886e38;

const factor = optional(number([0, largestFloat]));

/** Accepts a group, and copies it. */
export const groupField: Field<ParameterGroup> = new Options<ParameterGroup>('a group of parameters', {
  match: custom(
    'a pattern of names, a RegExp or a function of a Parameter',
    (match) => typeof match === 'string' || isCallback(match) || types.isRegExp(match),
  ),
  learningRate: factor,
  weightDecay: factor,
}).nested('{ match, learningRate, weightDecay }');

/** Returns the function that says whether a group selects a parameter. @throws ERR_INVALID_ARGUMENT for a pattern that is none */
function matcherOf({ match }: ParameterGroup, argument: string): (parameter: Parameter) => boolean {
  if (typeof match === 'function') return (parameter) => match(parameter) === true;
  if (typeof match === 'string') {
    const pattern = readPattern(argument, match);
    return ({ name }) => selects(pattern, name);
  }
  // search() and not test(), which depends on the lastIndex that an earlier use of a RegExp with flag g or y has left.
  return ({ name }) => name.search(match) >= 0;
}

/** A range of the parameter arena that ends before element `end`, with its rate factor and weight decay in f32. */
interface Segment {
  readonly end: number;
  readonly rate: number;
  readonly decay: number;
}

/** Returns one segment per parameter, with the gap behind it. @throws ERR_INVALID_ARGUMENT for a group that applies to none */
function segmentsOf(state: State, groups: readonly ParameterGroup[], weightDecay: number): Segment[] {
  const argumentOf = (index: number) => `groups[${index}].match`;
  const matchers = groups.map((group, index) => matcherOf(group, argumentOf(index)));
  const used = new Set<number>();
  const segments = state.parameters.map((parameter, index): Segment => {
    const next = state.parameters[index + 1];
    const at = matchers.findIndex((matches) => matches(parameter));
    used.add(at);
    const { learningRate = 1, weightDecay: factor = parameter.decay ? 1 : 0 } = groups[at] ?? {};
    const end = next ? state.offsetOf(next) : state.size;
    return { end, rate: Math.fround(learningRate), decay: Math.fround(weightDecay * factor) };
  });
  const unused = matchers.findIndex((_, index) => !used.has(index));
  if (unused < 0) return segments;
  throw appliesToNone(argumentOf(unused), groups[unused]!, matchers[unused]!, state);
}

/** Returns the error of a group that applies to no parameter that is trained. */
function appliesToNone(
  argument: string,
  { match }: ParameterGroup,
  matches: (parameter: Parameter) => boolean,
  { parameters, frozen }: State,
): SaturnnError {
  if (frozen.some(matches)) return invalid(argument, 'a match with a Parameter that is not frozen', String(match));
  if (typeof match === 'string' && !parameters.some(matches))
    return selectsNothing(
      argument,
      match,
      [...parameters, ...frozen].map(({ name }) => name),
    );
  return invalid(argument, 'a match with at least one Parameter (the first group that matches applies)', String(match));
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
