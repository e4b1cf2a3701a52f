import { applyNode, type Node, type Tensor } from '../tensor';
import { expectShape, expectTensor, type Op } from './op';

/**
 * One step of SGD with momentum over a whole arena: m = momentum m - lr (g + weightDecay w), w = w + m; weight decay on the
 * first `decayed` elements only. gate i32 [1]; parameters, momentum, gradient [P]; learningRate [1].
 */
export const sgdOp: Op = {
  name: 'sgd',
  attributes: [
    ['momentum', 'f32'],
    ['weightDecay', 'f32'],
    ['decayed', 'i32'],
  ],
  readsSlices: false,
  writesSlices: false,
  writesState: [1, 2],
  inferShape([gate, parameters, momentum, gradient, learningRate]) {
    expectShape('sgd', 'gate', expectTensor('sgd', 'gate', gate, { dtype: 'i32' }), [1]);
    const { shape } = expectTensor('sgd', 'parameters', parameters, { rank: 1 });
    expectShape('sgd', 'momentum', expectTensor('sgd', 'momentum', momentum, {}), shape);
    expectShape('sgd', 'gradient', expectTensor('sgd', 'gradient', gradient, {}), shape);
    expectShape('sgd', 'learningRate', expectTensor('sgd', 'learningRate', learningRate, {}), [1]);
    return [];
  },
};

export interface SgdInputs {
  gate: Tensor;
  parameters: Tensor;
  momentum: Tensor;
  gradient: Tensor;
  learningRate: Tensor;
}

export interface SgdAttributes {
  momentum: number;
  weightDecay: number;
  /** Elements of the arena that decay; they come first. */
  decayed: number;
}

export function sgdUpdate(inputs: SgdInputs, attributes: SgdAttributes): Node {
  const { gate, parameters, momentum, gradient, learningRate } = inputs;
  return applyNode(sgdOp, [gate, parameters, momentum, gradient, learningRate], { ...attributes });
}
