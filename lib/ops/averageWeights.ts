import { applyNode, type Node, type Tensor } from '../tensor';
import { expectShape, expectTensor, type Op } from './op';
import { expectUpdate } from './update';

/**
 * The exponential moving average of the weights: average = d average + (1 - d) w, with d = min(decay, (1 + t) / (10 + t)) and
 * t = counter[1], the steps done before this one. `rate` is 1 - decay. To be made after the update of the weights in the
 * same step, which it then reads. gate i32 [1]; average, parameters [P]; counter i32 [2]
 */
export const averageWeightsOp: Op = {
  name: 'averageWeights',
  attributes: [['rate', 'f32']],
  readsSlices: false,
  writesSlices: false,
  writesState: [1],
  inferShape([gate, average, parameters, counter]) {
    expectUpdate('averageWeights', gate, parameters, { average });
    const checked = expectTensor('averageWeights', 'counter', counter, { dtype: 'i32' });
    expectShape('averageWeights', 'counter', checked, [2]);
    return [];
  },
};

export interface AverageInputs {
  gate: Tensor;
  average: Tensor;
  parameters: Tensor;
  counter: Tensor;
}

export function averageWeights({ gate, average, parameters, counter }: AverageInputs, decay: number): Node {
  return applyNode(averageWeightsOp, [gate, average, parameters, counter], { rate: 1 - decay });
}
