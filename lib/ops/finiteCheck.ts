import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, type Op } from './op';

/** flag i32 [1] = 0 if the loss and the L2 norm of the gradient are finite, else 1; and that norm, [1]. */
export const finiteCheckOp: Op = {
  name: 'finiteCheck',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  inferShape([loss, gradient]) {
    expectShape('finiteCheck', 'loss', expectTensor('finiteCheck', 'loss', loss, {}), [1]);
    expectTensor('finiteCheck', 'gradient', gradient, { rank: 1 });
    return [
      { dtype: 'i32', shape: [1], image: false },
      { dtype: 'f32', shape: [1], image: false },
    ];
  },
};

/** The gate of a training step: nothing is written while `flag` is not 0. loss [1], gradient [P]. @throws ERR_SHAPE */
export function finiteCheck(loss: Tensor, gradient: Tensor): { flag: Tensor; norm: Tensor } {
  const [flag, norm] = apply(finiteCheckOp, [loss, gradient]) as [Tensor, Tensor];
  return { flag, norm };
}
