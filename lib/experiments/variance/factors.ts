/** Factors by which each part of a network multiplies variances, and the factors that equations 3 to 6 predict. */

import { meanSquareGain } from '../../ops/activation';
import type { Activation } from '../../ops/activations';
import { expectedSquaredSlope } from '../prediction/prediction';
import { gradientKey, type PartKind, type ProbedNode } from './probe';
import { type ChannelStatistics, isResolved } from './statistics';

/** Factors of one part of a network (a convolution, linear layer, activation, pool or concatenation) on variances. */
export interface Factor {
  /** Kind of the part: "convolution", "linear", "activation", "pool" or "concatenation". */
  readonly kind: PartKind;
  /** Name of the layer that the part belongs to. */
  readonly name: string;
  /** Whether it is a convolution with zero padding. */
  readonly padded: boolean;
  /** Var[output] / Var[input]. For a concatenation: the largest divided by the smallest variance of its inputs. */
  readonly forward: number | null;
  /** Like `forward`, for the variance between images. Null if that is too small for f32 to resolve. */
  readonly betweenImages: number | null;
  /**
   * Prediction of `forward`. Convolution and linear layer: n Var[w] with the fan in n (equation 3). Activation: f'(0)², or
   * E[f'²] over both signs if f has a kink at 0 (equation 4). Null for other parts.
   */
  readonly predictedForward: number | null;
  /**
   * Var[dE/d input] / Var[dE/d output], where dE/d input is what this part alone passes back. For a concatenation: the
   * variance of the sum of what its readers pass back, divided by the sum of their variances, which is 1 if they are
   * independent. Null if nothing is passed back (to the images).
   */
  readonly backward: number | null;
  /**
   * Prediction of `backward`. Convolution and linear layer: n Var[w] with the fan out n (equation 5). Activation: E[f'(y)²] for
   * gaussian y with the measured mean square (equation 6). Null for other parts.
   */
  readonly predictedBackward: number | null;
}

/** The factors in a Factor. */
export type FactorName = 'forward' | 'betweenImages' | 'backward' | 'predictedForward' | 'predictedBackward';

/** Measurements from which the factors are computed. */
export interface FactorInputs {
  readonly parts: readonly ProbedNode[];
  /** Statistics of a tensor by its key. */
  readonly value: (key: string) => ChannelStatistics;
  /** Statistics of a gradient by its key. */
  readonly slope: (key: string) => ChannelStatistics;
  readonly activation: Activation;
  /** Mean of w² by the name of the weight. */
  readonly meanSquares: ReadonlyMap<string, number>;
}

/** Computes the factors of all parts. */
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
