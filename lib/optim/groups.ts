/** Learning rates and weight decays that differ from parameter to parameter. */
import { checkNumber, invalid } from '../errors';
import type { Segments } from '../ops/update';
import type { State } from '../tensor/state';
import { constant, type Parameter } from '../tensor/tensor';

export interface ParameterGroup {
  /** Of a parameter's name, e.g. /bias$/; or a function of the parameter. */
  match: RegExp | ((parameter: Parameter) => boolean);
  /** Factor on the learning rate; default 1. Any that f32 holds: vanishing gradients ask for large ones. */
  learningRate?: number;
  /** Factor on the optimizer's weight decay; default 1 for weights, and 0 for what does not decay (biases). */
  weightDecay?: number;
}

/** Of f32. */
export const largestFloat = 3.4028234663852886e38;

/** @throws ERR_INVALID_ARGUMENT */
export function checkGroups(groups: readonly ParameterGroup[]): readonly ParameterGroup[] {
  if (!Array.isArray(groups)) throw invalid('groups', 'an array of { match, learningRate, weightDecay }', groups);
  groups.forEach((group, index) => {
    const match = group?.match;
    if (!(match instanceof RegExp) && typeof match !== 'function')
      throw invalid(`groups[${index}].match`, 'a RegExp or a function of a Parameter', match);
    for (const name of ['learningRate', 'weightDecay'] as const) {
      const value = group[name];
      if (value !== undefined) checkNumber(`groups[${index}].${name}`, value, 0, largestFloat);
    }
  });
  return groups.map((group) => ({ ...group }));
}

// search() and not test(): it takes no notice of where a RegExp with flag g or y was left.
const matches = ({ match }: ParameterGroup, parameter: Parameter): boolean =>
  typeof match === 'function' ? match(parameter) === true : parameter.name.search(match) >= 0;

interface Segment {
  readonly end: number;
  readonly rate: number;
  readonly decay: number;
}

/** One segment per parameter, the gap after it included. The first group that matches decides. */
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
    throw invalid(name, 'a match with at least one Parameter (the first group that matches decides)', String(match));
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

/** Every parameter its own segment: for rules that look at tensors one by one. @throws ERR_INVALID_ARGUMENT */
export function segmentPerParameter(state: State, groups: readonly ParameterGroup[], weightDecay: number): Segments {
  return table(segmentsOf(state, groups, weightDecay));
}

/**
 * As few segments as will do. Null: no groups, so that the learning rate is the same everywhere, and exactly the first
 * state.decayed elements decay.
 * @throws ERR_INVALID_ARGUMENT for a group that matches nothing
 */
export function segmentTable(state: State, groups: readonly ParameterGroup[], weightDecay: number): Segments | null {
  if (groups.length === 0) return null;
  const all = segmentsOf(state, groups, weightDecay);
  const isLast = ({ rate, decay }: Segment, index: number) =>
    rate !== all[index + 1]?.rate || decay !== all[index + 1]?.decay;
  return table(all.filter(isLast));
}
