import { apply, type Tensor } from '../tensor';
import { expectTensor, first, type Op } from './op';

/**
 * Mean and variance of all elements of a tensor, the variance in two passes and both in double, so that a large mean
 * costs no digits. The variance is the population's (divided by the count). x: any shape -> f32 [2] = (mean, variance)
 */
export const momentsOp: Op = {
  name: 'moments',
  attributes: [],
  readsSlices: true,
  writesSlices: false,
  inferShape([x]) {
    expectTensor('moments', 'x', x, {});
    return [{ dtype: 'f32', shape: [2], image: false }];
  },
};

/** (mean, variance) of all elements of x, [2]. @throws ERR_SHAPE if x is not f32 */
export function moments(x: Tensor, { name }: { name?: string } = {}): Tensor {
  return first(apply(momentsOp, [x], {}, name));
}
