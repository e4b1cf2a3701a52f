/** Ways to train a sigmoid network so that it should do what a sigmoid* network does: the exact one, and factors instead. */

import type { ParameterGroup } from '../../optim/groups';
import type { Optimizer } from '../../optim/optimizer';
import { Sgd } from '../../optim/sgd';
import type { Parameter } from '../../tensor/tensor';
import { fanInOf, gain, mapCentred, mapParameters, offset, type Values } from './map';
import type { CoupledLayer, SigmoidTwin, TwinOptions } from './network';
import { PreconditionedSgd } from './optimizer';

export interface SgdSettings {
  readonly momentum: number;
  readonly weightDecay: number;
}

export interface Rule {
  /** For options and JSON. */
  readonly name: string;
  /** For tables and charts. */
  readonly title: string;
  readonly network: TwinOptions;
  /** Parameters of the sigmoid network that computes what the sigmoid* network does: what its own are compared with. */
  readonly map: (twin: SigmoidTwin, star: Values) => Values;
  /** Initial values of the sigmoid network, given those of the sigmoid* network. */
  readonly start: (twin: SigmoidTwin, star: Values) => Values;
  readonly optimizer: (twin: SigmoidTwin, settings: SgdSettings) => Optimizer;
}

/** One factor on the learning rate for the weights of all layers that read sigmoids, one for their biases. */
function scaled(weights: number, bias: (layer: CoupledLayer) => number): Rule['optimizer'] {
  return ({ layers }, { momentum, weightDecay }) => {
    const groups = layers.flatMap(({ weight, bias: own }): ParameterGroup[] => [
      // Weight decay as in the exact rule, so that it is not what makes the difference: rate times decay stays what it was.
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

/** The sentence as it stands: W times 4 and learning rate times 4, in every layer; nothing is said of biases and padding. */
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
 * Not a rule but a control: the sigmoid* network itself, from weights that differ in their last bit. Where even this run departs,
 * training amplifies roundings, and no other order of the same sums can be expected to do better.
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
  // Of 0 it would be a denormal number.
  if (value !== 0) bits.setInt32(0, bits.getInt32(0) ^ 1);
  return bits.getFloat32(0);
}

/** In the order of tables and charts; the exact one first, then the other that should agree. */
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
