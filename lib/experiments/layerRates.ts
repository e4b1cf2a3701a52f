/** Learning rates that differ from layer to layer: the paper's first open question. Derivations: docs/layer-rates.md. */
import { checkNumber, invalid } from '../errors';
import type { Model } from '../models/model';
import { type ParameterPlace, parameterPlaces } from '../models/places';
import { largestFloat, type ParameterGroup } from '../optim/groups';
import type { Parameter } from '../tensor/tensor';

/**
 * depth: `factor`^d for every parameter of a layer, d being the activations on the longest way from its pre-activation to the
 * loss (ParameterPlace.depth), but never beyond `most`, nor below 1 / `most`.
 *
 * gain: 1 / E[f'²] for weights that multiply activations f, so 16 for sigmoid; 1 for those that multiply pixels, and for biases.
 */
export type LayerRateRule =
  | { readonly kind: 'depth'; readonly factor: number; readonly most?: number }
  | { readonly kind: 'gain' };

export const layerRateForms = 'depth:FACTOR[:MOST] or gain';

export interface LayerRate extends ParameterPlace {
  /** On the learning rate. */
  readonly factor: number;
}

/** "depth:1.2", "depth:4:1e6" or "gain". @throws ERR_INVALID_ARGUMENT */
export function parseLayerRates(text: string): LayerRateRule {
  const [kind, ...rest] = typeof text === 'string' ? text.split(':') : [];
  if (kind === 'gain' && rest.length === 0) return { kind };
  const [factor = Number.NaN, most] = rest.map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (kind !== 'depth' || rest.length < 1 || rest.length > 2) throw invalid('layer rates', layerRateForms, text);
  return checkRule(most === undefined ? { kind, factor } : { kind, factor, most });
}

/** @throws ERR_INVALID_ARGUMENT */
function checkRule(rule: LayerRateRule): LayerRateRule {
  if (rule?.kind === 'gain') return rule;
  if (rule?.kind !== 'depth') throw invalid('layer rates', '{ kind: "depth", factor } or { kind: "gain" }', rule);
  const { factor, most } = rule;
  if (!(Number.isFinite(factor) && factor > 0)) throw invalid('FACTOR of depth:FACTOR', 'a positive number', factor);
  if (most !== undefined) checkNumber('MOST of depth:FACTOR:MOST', most, 1, largestFloat);
  return rule;
}

export interface LayerRateOptions {
  /** The largest that the factors will be multiplied with: the product must be one that f32 holds. Default 1. */
  learningRate?: number;
}

/**
 * The factor of every parameter, in the order of model.parameters.
 * @throws ERR_INVALID_ARGUMENT for a rule that is none; a layer whose learning rate would be 0 or infinite in f32; with gain,
 * weights that multiply different activations, which no single factor suits
 */
export function layerFactors(
  model: Model,
  rule: LayerRateRule | string,
  { learningRate = 1 }: LayerRateOptions = {},
): LayerRate[] {
  const checked = typeof rule === 'string' ? parseLayerRates(rule) : checkRule(rule);
  return parameterPlaces(model).map((place) => {
    const factor = checked.kind === 'gain' ? gainFactor(place) : depthFactor(place, checked);
    for (const rate of [factor, learningRate * factor].map(Math.fround)) {
      if (rate > 0 && rate < Number.POSITIVE_INFINITY) continue;
      const expected = 'a FACTOR (or with depth:FACTOR:MOST a limit) that f32 holds, times the learning rate,';
      throw invalid(`layer "${place.layer}" at depth ${place.depth}`, expected, learningRate * factor);
    }
    return { ...place, factor };
  });
}

const depthFactor = ({ depth }: ParameterPlace, { factor, most = Number.POSITIVE_INFINITY }: DepthRule): number =>
  Math.min(most, Math.max(1 / most, factor ** depth));

type DepthRule = Extract<LayerRateRule, { kind: 'depth' }>;

function gainFactor({ reads, layer }: ParameterPlace): number {
  const gains = [...new Set((reads ?? []).map(({ gain }) => gain))];
  if (gains.length > 1) throw invalid(`layer "${layer}"`, "inputs of one E[f'²], for gain,", gains);
  const [gain = 1] = gains;
  // An activation that is flat at 0 says nothing about the layer above it.
  if (!(gain > 0)) throw invalid(`layer "${layer}"`, "inputs with E[f'²] above 0, for gain,", gain);
  return 1 / gain;
}

/**
 * The factors as an optimizer's `groups`. They act on the gradient alone: how much weights decay per step stays what the
 * learning rate and the weight decay say without them. None where every factor is 1.
 * @throws ERR_INVALID_ARGUMENT as layerFactors()
 */
export function layerRates(
  model: Model,
  rule: LayerRateRule | string,
  options: LayerRateOptions = {},
): ParameterGroup[] {
  return groupsOf(layerFactors(model, rule, options));
}

export function groupsOf(rates: readonly LayerRate[]): ParameterGroup[] {
  const groups: ParameterGroup[] = [];
  for (const factor of new Set(rates.map((rate) => rate.factor))) {
    if (factor === 1) continue;
    const alike = rates.filter((rate) => rate.factor === factor).map(({ parameter }) => parameter);
    const [weights, others] = [true, false].map((decay) => alike.filter((parameter) => parameter.decay === decay));
    if (weights!.length > 0)
      groups.push({ match: namesOf(weights!), learningRate: factor, weightDecay: Math.min(1 / factor, largestFloat) });
    if (others!.length > 0) groups.push({ match: namesOf(others!), learningRate: factor });
  }
  return groups;
}

/** A RegExp and no function: it stands in a checkpoint, so that a run is not resumed by another rule. */
const namesOf = (parameters: readonly Parameter[]): RegExp =>
  new RegExp(`^(?:${parameters.map(({ name }) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})$`);

/** One line: "layer rates depth:1.1: factors 1 (classifier/weight) to 23.2 (conv1/weight)". */
export function describeLayerRates(text: string, rates: readonly LayerRate[]): string {
  const extreme = (sign: number) => rates.reduce((best, one) => (sign * (one.factor - best.factor) > 0 ? one : best));
  const say = ({ factor, parameter }: LayerRate) => `${Number(factor.toPrecision(3))} (${parameter.name})`;
  return `layer rates ${text}: factors ${say(extreme(-1))} to ${say(extreme(1))}`;
}
