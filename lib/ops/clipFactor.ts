import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, first, type Op } from './op';

/** min(1, limit / norm), all in f32: what gradients are multiplied with whose norm shall not exceed `limit`. [1] -> [1] */
export const clipFactorOp: Op = {
  name: 'clipFactor',
  attributes: [['limit', 'f32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([norm]) {
    expectShape('clipFactor', 'norm', expectTensor('clipFactor', 'norm', norm, {}), [1]);
    return [{ dtype: 'f32', shape: [1], image: false }];
  },
};

/** @throws ERR_SHAPE */
export function clipFactor(norm: Tensor, limit: number): Tensor {
  return first(apply(clipFactorOp, [norm], { limit }));
}
