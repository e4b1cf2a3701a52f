import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, first, type Op } from './op';

/** y = keep old + take value, of one shape, no images: how running averages move on. No gradient flows through it. */
export const blendOp: Op = {
  name: 'blend',
  attributes: [
    ['keep', 'f32'],
    ['take', 'f32'],
  ],
  readsSlices: false,
  writesSlices: false,
  inferShape([old, value]) {
    const { shape } = expectTensor('blend', 'old', old, { image: false });
    expectShape('blend', 'value', expectTensor('blend', 'value', value, { image: false }), shape);
    return [{ dtype: 'f32', shape, image: false }];
  },
};

export interface BlendOptions {
  keep: number;
  take: number;
  name?: string;
}

/** @throws ERR_SHAPE */
export function blend(old: Tensor, value: Tensor, { keep, take, name }: BlendOptions): Tensor {
  return first(apply(blendOp, [old, value], { keep, take }, name));
}
