/** Learning rates that differ from layer to layer, the paper's first open question. docs/layer-rates.md derives the rules. */

import { checkNumber, invalid, numberFromText } from '../errors';
import { isModel, type Model, modelField } from '../models/model';
import { type ParameterPlace, parameterPlaces } from '../models/places';
import { largestFloat, type ParameterGroup } from '../optim/groups';
import { arrayOf, custom, instance, optional } from '../options/field';
import { checkArgument, fromData, Options } from '../options/options';
import type { Parameter } from '../tensor/state';
import { isTensor } from '../tensor/tensor';

/**
 * A rule that gives every layer a factor on the learning rate (docs/layer-rates.md).
 *
 * - `depth`: the factor is `factor` ** d for all parameters of a layer, where d is the number of activations on the longest
 *   path from the layer's pre-activation to the logits (the `depth` of a LayerRate), so 0 for a classifier. It is limited to
 *   the range from 1 / `most` to `most`. `factor` is a positive number, `most` a number of at least 1 (default: no limit).
 * - `gain`: the factor is 1 / E[f'²] for weights that multiply the outputs of an activation f (16 for sigmoid), and 1 for
 *   weights that multiply pixels and for biases. E[f'²] is f'(0)², or the mean over both signs if f has a kink at 0.
 */
export type LayerRateRule =
  | { readonly kind: 'depth'; readonly factor: number; readonly most?: number }
  | { readonly kind: 'gain' };

/** Forms that parseLayerRates() reads, for messages. */
export const layerRateForms = 'depth:FACTOR[:MOST] or gain';

/** A parameter, its place in the network, and its factor. */
export interface LayerRate extends ParameterPlace {
  /** Factor on the learning rate. */
  readonly factor: number;
}

/**
 * Reads a rule from text: "gain", "depth:FACTOR" or "depth:FACTOR:MOST", for example "depth:1.2" or "depth:4:1e6".
 * @throws ERR_INVALID_ARGUMENT for any other text, a FACTOR that is not positive, or a MOST below 1
 */
export function parseLayerRates(text: string): LayerRateRule {
  if (typeof text !== 'string') throw invalid('layer rates', layerRateForms, text);
  const [kind, ...rest] = typeof text === 'string' ? text.split(':') : [];
  if (kind === 'gain' && rest.length === 0) return { kind };
  const [factor = Number.NaN, most] = rest.map(numberFromText);
  if (kind !== 'depth' || rest.length < 1 || rest.length > 2) throw invalid('layer rates', layerRateForms, text);
  return checkRule(most === undefined ? { kind, factor } : { kind, factor, most });
}

/** Checks a rule that may come from JavaScript. @throws ERR_INVALID_ARGUMENT */
function checkRule(rule: LayerRateRule): LayerRateRule {
  if (rule?.kind === 'gain') return rule;
  if (rule?.kind !== 'depth') throw invalid('layer rates', '{ kind: "depth", factor } or { kind: "gain" }', rule);
  const { factor, most } = rule;
  if (!(Number.isFinite(factor) && factor > 0)) throw invalid('FACTOR of depth:FACTOR', 'a positive number', factor);
  if (most !== undefined) checkNumber('MOST of depth:FACTOR:MOST', most, 1, largestFloat);
  return rule;
}

const ratesField = arrayOf(
  instance<LayerRate>('a rate', ({ factor, parameter }) => typeof factor === 'number' && isTensor(parameter)),
  'the result of layerFactors()',
);

/** Options of layerFactors() and layerRates(). */
export interface LayerRateOptions {
  /** Largest learning rate of the training. Its product with every factor must be a finite float32 above 0. Default 1. */
  learningRate?: number;
}

const layerRateOptions = new Options<LayerRateOptions>('layerFactors()', {
  learningRate: optional(custom('a positive number', (value) => Number.isFinite(value) && (value as number) > 0)),
});

/**
 * Returns the factor of every parameter, in the order of model.parameters.
 * @param model a model of any kind
 * @param rule a rule, or its text as for parseLayerRates()
 * @param options the largest learning rate, for which factors are checked; default 1
 * @throws ERR_INVALID_ARGUMENT if the rule is not valid; if a layer's factor or learning rate would be 0 or infinite in f32;
 * for the rule `gain`, if weights multiply activations with different E[f'²], or one with E[f'²] = 0
 */
export function layerFactors(model: Model, rule: LayerRateRule | string, options: LayerRateOptions = {}): LayerRate[] {
  const { learningRate = 1 } = layerRateOptions.check(options);
  if (!isModel(model)) throw invalid('model', modelField.expected, model);
  const checked = typeof rule === 'string' ? parseLayerRates(rule) : checkRule(rule);
  return parameterPlaces(model).map((place) => {
    const factor = checked.kind === 'gain' ? gainFactor(place) : depthFactor(place, checked);
    for (const rate of [factor, learningRate * factor].map(Math.fround)) {
      if (rate > 0 && rate < Number.POSITIVE_INFINITY) continue;
      const expected = 'a FACTOR, or a limit as in depth:FACTOR:MOST, whose product with the learning rate fits f32';
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
  if (gains.length > 1)
    throw invalid(`layer "${layer}"`, "inputs that all have the same E[f'²], as the rule gain needs,", gains);
  const [gain = 1] = gains;
  // If the activation is flat at 0, its slope there does not give a factor for the layer above.
  if (!(gain > 0)) throw invalid(`layer "${layer}"`, "inputs with E[f'²] above 0, as the rule gain needs,", gain);
  return 1 / gain;
}

/**
 * Returns the factors of a rule as `groups` for an optimizer (empty if every factor is 1). The factors scale the step along the
 * gradient only: weight decay is divided by them, so that weights decay per step as they do without the rule.
 * @param rule a rule, or its text as for parseLayerRates()
 * @throws ERR_INVALID_ARGUMENT as layerFactors()
 */
export function layerRates(
  model: Model,
  rule: LayerRateRule | string,
  options: LayerRateOptions = {},
): ParameterGroup[] {
  return groupsOf(layerFactors(model, rule, options));
}

/** Returns factors as groups of an optimizer: one or two groups per factor other than 1. */
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

/**
 * Matches the names of parameters. A RegExp, not a function, is stored in checkpoints, so a run cannot resume with another
 * rule.
 */
const namesOf = (parameters: readonly Parameter[]): RegExp =>
  new RegExp(`^(?:${parameters.map(({ name }) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})$`);

/**
 * Describes factors in one line: "layer rates depth:1.1: factors 1 (classifier/weight) to 23.2 (conv1/weight)".
 * @param text the rule as text
 * @param rates the result of layerFactors(), at least one
 */
export function describeLayerRates(text: string, rates: readonly LayerRate[]): string {
  return fromData('rates', ratesField.expected, rates, () => {
    checkArgument('rates', ratesField, rates);
    if (rates.length === 0) throw invalid('rates', ratesField.expected, rates);
    const extreme = (sign: number) => rates.reduce((best, one) => (sign * (one.factor - best.factor) > 0 ? one : best));
    const say = ({ factor, parameter }: LayerRate) => `${Number(factor.toPrecision(3))} (${parameter.name})`;
    return `layer rates ${text}: factors ${say(extreme(-1))} to ${say(extreme(1))}`;
  });
}
