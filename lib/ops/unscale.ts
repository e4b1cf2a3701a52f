import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, type Op } from './op';

/**
 * Takes loss scaling back (native/loss_scale.h). loss [1]; overflow i32 [1] and norm [1], finiteCheck's of the scaled gradient;
 * scale [1] -> halt i32 [1]: 1 if no smaller scale would help (the loss itself is not finite, or the scale is at its least);
 * norm [1] of the gradient itself; factor [1] = min(1, limit / norm) / scale, for the scaled gradient.
 */
export const unscaleOp: Op = {
  name: 'unscale',
  attributes: [['limit', 'f32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([loss, overflow, norm, scale]) {
    for (const [name, tensor] of Object.entries({ loss, norm, scale }))
      expectShape('unscale', name, expectTensor('unscale', name, tensor, {}), [1]);
    expectShape('unscale', 'overflow', expectTensor('unscale', 'overflow', overflow, { dtype: 'i32' }), [1]);
    const number = { dtype: 'f32', shape: [1], image: false } as const;
    return [{ ...number, dtype: 'i32' }, number, number];
  },
};

export interface UnscaleInputs {
  readonly loss: Tensor;
  readonly overflow: Tensor;
  readonly norm: Tensor;
  readonly scale: Tensor;
}

/** @param limit of the norm; null: none. @throws ERR_SHAPE */
export function unscale({ loss, overflow, norm, scale }: UnscaleInputs, limit: number | null = null) {
  const outputs = apply(unscaleOp, [loss, overflow, norm, scale], { limit: limit ?? Number.POSITIVE_INFINITY });
  const [halt, trueNorm, factor] = outputs as [Tensor, Tensor, Tensor];
  return { halt, norm: trueNorm, factor };
}
