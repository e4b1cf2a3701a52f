import { applyNode, type Node, type Tensor } from '../tensor';
import { expectShape, expectTensor, type Op } from './op';

/** counter[1] += 1: the step that random numbers are keyed by. gate i32 [1], counter i32 [2] (seed, step). */
export const advanceOp: Op = {
  name: 'advance',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  writesState: [1],
  inferShape([gate, counter]) {
    expectShape('advance', 'gate', expectTensor('advance', 'gate', gate, { dtype: 'i32' }), [1]);
    expectShape('advance', 'counter', expectTensor('advance', 'counter', counter, { dtype: 'i32' }), [2]);
    return [];
  },
};

export function advance(gate: Tensor, counter: Tensor): Node {
  return applyNode(advanceOp, [gate, counter]);
}
