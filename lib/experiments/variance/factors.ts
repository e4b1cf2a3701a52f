/** By how much each part of a network multiplies variances, beside what equations 3 to 6 say of it. */

import { meanSquareGain } from '../../ops/activation';
import type { Activation } from '../../ops/activations';
import { expectedSquaredSlope } from '../prediction/prediction';
import { gradientKey, type PartKind, type ProbedNode } from './probe';
import { type ChannelStatistics, isResolved } from './statistics';

export interface Factor {
  readonly kind: PartKind;
  readonly name: string;
  /** A convolution with zero padding. */
  readonly padded: boolean;
  /** Var[output] / Var[input]; of a concatenation: the largest over the smallest variance of what it joins. */
  readonly forward: number | null;
  /** The same of the variance between images. Null where that is below what f32 resolves. */
  readonly betweenImages: number | null;
  /** Convolution: n Var[w], equation 3. Activation: f'(0)², or E[f'²] over both signs, equation 4. Else none. */
  readonly predictedForward: number | null;
  /**
   * Var[dE/d input] / Var[dE/d output], of what this part alone passes back; of a concatenation: Var of the sum of what its
   * readers pass back, over the sum of their variances, 1 if these are independent. Null: nothing flows back.
   */
  readonly backward: number | null;
  /** Convolution: n Var[w] with the fan out. Activation: E[f'(y)²] of gaussian y as large as here, equation 6. */
  readonly predictedBackward: number | null;
}

export type FactorName = 'forward' | 'betweenImages' | 'backward' | 'predictedForward' | 'predictedBackward';

export interface FactorInputs {
  readonly parts: readonly ProbedNode[];
  /** Statistics of a tensor by its key. */
  readonly value: (key: string) => ChannelStatistics;
  /** Of a gradient by its key. */
  readonly slope: (key: string) => ChannelStatistics;
  readonly activation: Activation;
  /** Mean w² by the name of the weight. */
  readonly meanSquares: ReadonlyMap<string, number>;
}

export function factorsOf(inputs: FactorInputs): Factor[] {
  return inputs.parts.map((part) => {
    const { kind, name, padded } = part;
    return { kind, name, padded, ...factorOf(part, inputs) };
  });
}

function factorOf(part: ProbedNode, inputs: FactorInputs): Pick<Factor, FactorName> {
  const { value, slope } = inputs;
  if (part.kind === 'concatenation') return concatenation(part, inputs);
  const [from = ''] = part.from;
  const [before, after] = [value(from), value(part.to)];
  const above = slope(gradientKey(part.to)).variance;
  const below = part.kind === 'activation' ? gradientKey(from) : part.back;
  const backward = below === null ? null : slope(below).variance / above;
  return {
    forward: after.variance / before.variance,
    betweenImages: between(before) && between(after) ? after.betweenImages / before.betweenImages : null,
    backward,
    ...predicted(part, inputs),
  };
}

function predicted(
  part: ProbedNode,
  { activation, value, meanSquares }: FactorInputs,
): Pick<Factor, 'predictedForward' | 'predictedBackward'> {
  if (part.kind === 'activation') {
    const { meanSquare } = value(part.from[0]!);
    const known = Number.isFinite(meanSquare);
    const predictedBackward = known ? expectedSquaredSlope(activation, Math.min(meanSquare, 1e12)) : null;
    return { predictedForward: meanSquareGain(activation), predictedBackward };
  }
  if (!part.weight) return { predictedForward: null, predictedBackward: null };
  const meanSquare = meanSquares.get(part.weight.name)!;
  const { shape, size } = part.weight;
  const fanIn = size / shape[0]!;
  const fanOut = (size / shape[shape.length - 1]!) * part.density;
  return {
    predictedForward: fanIn * meanSquare,
    predictedBackward: part.back === null ? null : fanOut * meanSquare,
  };
}

const between = ({ betweenImages, meanSquare }: ChannelStatistics): boolean => isResolved(betweenImages, meanSquare);

function concatenation(part: ProbedNode, { parts, value, slope }: FactorInputs): Pick<Factor, FactorName> {
  const range = (variances: readonly number[]) => Math.max(...variances) / Math.min(...variances);
  const joined = part.from.map(value);
  const readers = parts.filter(({ from, back }) => from.includes(part.to) && back !== null);
  const passed = readers.reduce((sum, { back }) => sum + slope(back!).variance, 0);
  return {
    forward: range(joined.map(({ variance }) => variance)),
    betweenImages: joined.every(between) ? range(joined.map(({ betweenImages }) => betweenImages)) : null,
    backward: readers.length > 0 ? slope(gradientKey(part.to)).variance / passed : null,
    predictedForward: null,
    predictedBackward: null,
  };
}
