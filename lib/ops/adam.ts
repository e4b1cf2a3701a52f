import { applyNode, type Node, type Tensor } from '../tensor';
import { expectShape, expectTensor, type Op } from './op';
import {
  type DecayAttributes,
  decayFields,
  expectOptional,
  expectUpdate,
  optionalInputs,
  type UpdateInputs,
} from './update';

/**
 * One step of Adam over a whole arena (Kingma and Ba, 1412.6980). With t = counter[1] + 1, the number of this step:
 * d = scale g + weightDecay w, m = m + firstRate (d - m), v = v + secondRate (d² - v),
 * w = w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon). Decoupled (AdamW, 1711.05101): d = scale g, and w also
 * loses lr weightDecay w. `firstRate` and `secondRate` are 1 - beta1 and 1 - beta2: f32 holds these exactly enough, not the betas.
 * gate i32 [1]; parameters, firstMoment, secondMoment, gradient [P]; learningRate [1]; counter i32 [2] (seed, steps done);
 * optional: scale [1]; ends i32, rates, decays [S].
 */
export const adamOp: Op = {
  name: 'adam',
  attributes: [['firstRate', 'f32'], ['secondRate', 'f32'], ['epsilon', 'f32'], ...decayFields, ['decoupled', 'i32']],
  readsSlices: false,
  writesSlices: false,
  writesState: [1, 2, 3],
  inferShape([gate, parameters, firstMoment, secondMoment, gradient, learningRate, counter, ...optional]) {
    expectUpdate('adam', gate, parameters, { firstMoment, secondMoment, gradient });
    expectShape('adam', 'learningRate', expectTensor('adam', 'learningRate', learningRate, {}), [1]);
    expectShape('adam', 'counter', expectTensor('adam', 'counter', counter, { dtype: 'i32' }), [2]);
    expectOptional('adam', optional);
    return [];
  },
};

export interface AdamInputs extends UpdateInputs {
  firstMoment: Tensor;
  secondMoment: Tensor;
  /** State.counter */
  counter: Tensor;
}

export interface AdamAttributes extends DecayAttributes {
  beta1: number;
  beta2: number;
  epsilon: number;
  decoupled: boolean;
}

export function adamUpdate(inputs: AdamInputs, { beta1, beta2, decoupled, ...attributes }: AdamAttributes): Node {
  const { gate, parameters, firstMoment, secondMoment, gradient, learningRate, counter } = inputs;
  const required = [gate, parameters, firstMoment, secondMoment, gradient, learningRate, counter];
  return applyNode(adamOp, [...required, ...optionalInputs(inputs)], {
    ...attributes,
    firstRate: 1 - beta1,
    secondRate: 1 - beta2,
    decoupled: Number(decoupled),
  });
}
