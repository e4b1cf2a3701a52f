import { applyNode, type Node, type Tensor } from '../tensor';
import { expectShape, expectTensor, type Op } from './op';

/**
 * The loss scale of the next step (native/loss_scale.h): half of it after an overflow, twice as much after growthInterval steps
 * without. gate, overflow i32 [1]; scale [1]; steps [1]: those without an overflow since the last change.
 */
export const adjustLossScaleOp: Op = {
  name: 'adjustLossScale',
  attributes: [['growthInterval', 'i32']],
  readsSlices: false,
  writesSlices: false,
  writesState: [2, 3],
  inferShape([gate, overflow, scale, steps]) {
    const op = 'adjustLossScale';
    for (const [name, tensor] of Object.entries({ gate, overflow }))
      expectShape(op, name, expectTensor(op, name, tensor, { dtype: 'i32' }), [1]);
    for (const [name, tensor] of Object.entries({ scale, steps }))
      expectShape(op, name, expectTensor(op, name, tensor, {}), [1]);
    return [];
  },
};

export interface AdjustLossScaleInputs {
  readonly gate: Tensor;
  readonly overflow: Tensor;
  readonly scale: Tensor;
  readonly steps: Tensor;
}

/** @throws ERR_SHAPE */
export function adjustLossScale(inputs: AdjustLossScaleInputs, growthInterval: number): Node {
  const { gate, overflow, scale, steps } = inputs;
  return applyNode(adjustLossScaleOp, [gate, overflow, scale, steps], { growthInterval });
}
