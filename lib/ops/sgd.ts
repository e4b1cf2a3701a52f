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
 * One step of SGD with momentum over a whole arena: d = scale g + weightDecay w, m = momentum m - lr d, then w = w + m, or
 * with Nesterov w = w + momentum m - lr d. Weight decay on the first `decayed` elements only, unless segments say otherwise.
 * gate i32 [1]; parameters, momentum, gradient [P]; learningRate [1]; optional: scale [1]; ends i32, rates, decays [S].
 */
export const sgdOp: Op = {
  name: 'sgd',
  attributes: [['momentum', 'f32'], ...decayFields, ['nesterov', 'i32']],
  readsSlices: false,
  writesSlices: false,
  writesState: [1, 2],
  inferShape([gate, parameters, momentum, gradient, learningRate, ...optional]) {
    expectUpdate('sgd', gate, parameters, { momentum, gradient });
    expectShape('sgd', 'learningRate', expectTensor('sgd', 'learningRate', learningRate, {}), [1]);
    expectOptional('sgd', optional);
    return [];
  },
};

export interface SgdInputs extends UpdateInputs {
  momentum: Tensor;
}

export interface SgdAttributes extends DecayAttributes {
  momentum: number;
  /** Default false. */
  nesterov?: boolean;
}

export function sgdUpdate(inputs: SgdInputs, { nesterov = false, ...attributes }: SgdAttributes): Node {
  const { gate, parameters, momentum, gradient, learningRate } = inputs;
  return applyNode(sgdOp, [gate, parameters, momentum, gradient, learningRate, ...optionalInputs(inputs)], {
    ...attributes,
    nesterov: Number(nesterov),
  });
}
