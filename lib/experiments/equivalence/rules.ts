/** Rules for training a sigmoid network like a sigmoid* network: the exact rule, and factors on the learning rate. */

import type { ParameterGroup } from '../../optim/groups';
import type { Optimizer } from '../../optim/optimizer';
import { Sgd } from '../../optim/sgd';
import type { Parameter } from '../../tensor/state';
import { fanInOf, gain, mapCentred, mapParameters, offset, type Values } from './map';
import type { CoupledLayer, SigmoidTwin, TwinOptions } from './network';
import { PreconditionedSgd } from './optimizer';

/** Settings of SGD that all networks share. */
export interface SgdSettings {
  readonly momentum: number;
  readonly weightDecay: number;
}

/** A rule for training a sigmoid network. */
export interface Rule {
  /** Name in options and JSON. */
  readonly name: string;
  /** Name in tables and charts. */
  readonly title: string;
  /** Options of the sigmoid network. */
  readonly network: TwinOptions;
  /**
   * Parameters with which the sigmoid network computes the same as the sigmoid* network. The measured distance is from these.
   */
  readonly map: (twin: SigmoidTwin, star: Values) => Values;
  /** Initial values of the sigmoid network, from those of the sigmoid* network. */
  readonly start: (twin: SigmoidTwin, star: Values) => Values;
  readonly optimizer: (twin: SigmoidTwin, settings: SgdSettings) => Optimizer;
}

/** SGD with one factor on the learning rate for the weights of all layers that read sigmoids, and one for their biases. */
function scaled(weights: number, bias: (layer: CoupledLayer) => number): Rule['optimizer'] {
  return ({ layers }, { momentum, weightDecay }) => {
    const groups = layers.flatMap(({ weight, bias: own }): ParameterGroup[] => [
      // Rate times decay stays the same, as in the exact rule, so that weight decay does not cause the difference.
      { match: (parameter: Parameter) => parameter === weight, learningRate: weights, weightDecay: 1 / weights },
      { match: (parameter: Parameter) => parameter === own, learningRate: bias({ weight, bias: own }) },
    ]);
    return new Sgd({ momentum, weightDecay, groups });
  };
}

const exact: Rule = {
  name: 'exact',
  title: 'exact: preconditioned by J Jᵀ',
  network: { padding: 0.5 },
  map: mapParameters,
  start: mapParameters,
  optimizer: ({ layers }, settings) => new PreconditionedSgd({ layers, ...settings }),
};

/**
 * The paper's sentence taken literally: W and learning rate times 4 in every layer. It says nothing about biases and padding.
 */
const literal: Rule = {
  name: 'literal4',
  title: 'factor 4 as written: every W and every rate',
  network: { padding: 0 },
  map: mapParameters,
  start: ({ model }, star) =>
    new Map(
      model.parameters.map(({ name, decay }): [string, Float64Array] => {
        const values = Float64Array.from(star.get(name) ?? []);
        return [name, decay ? values.map((value) => gain * value) : values];
      }),
    ),
  optimizer: (_, settings) => new Sgd({ ...settings, groups: [{ match: /./, learningRate: gain }] }),
};

const square = gain * gain;

/**
 * A control, not a rule: the sigmoid* network again, from weights that differ in their last bit. If even this run departs,
 * training amplifies rounding errors, and a rule that computes the same sums in another order cannot be expected to agree
 * better.
 */
export const lastBit = {
  name: 'lastBit',
  title: 'sigmoid* again, weights changed in their last bit',
  start: (star: Values): Values =>
    new Map([...star].map(([name, values]) => [name, Float64Array.from(values, changeLastBit)])),
};

const bits = new DataView(new ArrayBuffer(4));

function changeLastBit(value: number): number {
  bits.setFloat32(0, value);
  // Changing the last bit of 0 would give a denormal number.
  if (value !== 0) bits.setInt32(0, bits.getInt32(0) ^ 1);
  return bits.getFloat32(0);
}

/** All rules in the order of tables and charts. The first two are expected to agree with the sigmoid* run. */
export const rules: readonly Rule[] = [
  exact,
  {
    name: 'centred16',
    title: 'centred sigmoid, factor 16 on the rate of W',
    network: { centred: true },
    map: mapCentred,
    start: mapCentred,
    optimizer: scaled(square, () => 1),
  },
  literal,
  {
    ...exact,
    name: 'factor4',
    title: 'factor 4 on rates, same initial function',
    optimizer: scaled(gain, () => gain),
  },
  {
    ...exact,
    name: 'factor16',
    title: 'factor 16 on the rate of W, 1 on that of b',
    optimizer: scaled(square, () => 1),
  },
  {
    ...exact,
    name: 'factor16all',
    title: 'factor 16 on the rates of W and b',
    optimizer: scaled(square, () => square),
  },
  {
    ...exact,
    name: 'diagonal',
    title: 'diagonal of J Jᵀ: 16 and 1 + 4 fan_in',
    optimizer: scaled(square, ({ weight }) => 1 + offset * offset * fanInOf(weight)),
  },
];
