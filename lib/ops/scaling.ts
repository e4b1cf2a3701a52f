import { apply, applyNode, type Node, type Tensor } from '../tensor/tensor';
import { expectShape, expectTensor, first, type Op } from './op';

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

export const scalingOps: readonly Op[] = [finiteCheckOp, clipFactorOp, unscaleOp, adjustLossScaleOp];
