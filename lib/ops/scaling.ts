import { apply, applyNode, type Node, type Op, type Tensor } from '../tensor/tensor';
import { expectShape, expectTensor, first } from './op';

/** norm [1] = the L2 norm of the gradient; flag i32 [1] = 0 if it and the loss are finite, else 1. loss [1], gradient [P]. */
const finiteCheckOp: Op = {
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

/**
 * Returns the L2 norm of the gradient, [1], and `flag`, i32 [1]: 0 if norm and loss are finite, else 1. It serves as the gate
 * of a training step. loss [1], gradient [P].
 * @throws ERR_SHAPE
 */
export function finiteCheck(loss: Tensor, gradient: Tensor): { flag: Tensor; norm: Tensor } {
  const [flag, norm] = apply(finiteCheckOp, [loss, gradient]) as [Tensor, Tensor];
  return { flag, norm };
}

/** factor = min(1, limit / norm), in f32: gradients times this have at most the norm `limit`. norm [1] -> factor [1]. */
const clipFactorOp: Op = {
  name: 'clipFactor',
  attributes: [['limit', 'f32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([norm]) {
    expectShape('clipFactor', 'norm', expectTensor('clipFactor', 'norm', norm, {}), [1]);
    return [{ dtype: 'f32', shape: [1], image: false }];
  },
};

/** Returns min(1, limit / norm), [1], for clipping by the global norm. norm [1]. @throws ERR_SHAPE */
export function clipFactor(norm: Tensor, limit: number): Tensor {
  return first(apply(clipFactorOp, [norm], { limit }));
}

/**
 * Removes loss scaling (native/shared/loss_scale.h). Inputs: loss [1]; overflow i32 [1] and norm [1], from finiteCheck on the
 * scaled gradient; scale [1]. Outputs: halt i32 [1], which is 1 if a smaller scale would not help, because the loss is not
 * finite, or the gradient overflowed at scale 1; norm [1] of the unscaled gradient; factor [1] = min(1, limit / norm) /
 * scale, for the scaled one.
 */
const unscaleOp: Op = {
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

/** Inputs of unscale(). */
export interface UnscaleInputs {
  /** The loss, without the scale: [1]. */
  readonly loss: Tensor;
  /** finiteCheck()'s flag for the scaled gradient: i32 [1]. */
  readonly overflow: Tensor;
  /** finiteCheck()'s norm of the scaled gradient: [1]. */
  readonly norm: Tensor;
  /** The loss scale: [1]. */
  readonly scale: Tensor;
}

/**
 * Returns `halt` i32 [1], 1 if training must stop; `norm` [1] of the unscaled gradient; and `factor` [1] for the scaled gradient.
 * @param limit of the norm; null (default): no clipping
 * @throws ERR_SHAPE
 */
export function unscale({ loss, overflow, norm, scale }: UnscaleInputs, limit: number | null = null) {
  const outputs = apply(unscaleOp, [loss, overflow, norm, scale], { limit: limit ?? Number.POSITIVE_INFINITY });
  const [halt, trueNorm, factor] = outputs as [Tensor, Tensor, Tensor];
  return { halt, norm: trueNorm, factor };
}

/**
 * Sets the loss scale of the next step (native/shared/loss_scale.h; Micikevicius et al., arXiv:1710.03740): half of it after
 * an overflow, at least 1; twice as much after `growthInterval` steps without, at most 2^24. gate, overflow i32 [1]; scale
 * [1]; steps [1], the number of steps without an overflow since the last change.
 */
const adjustLossScaleOp: Op = {
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

/** Inputs of adjustLossScale(). */
export interface AdjustLossScaleInputs {
  /** i32 [1]: nothing is written if it is not 0. */
  readonly gate: Tensor;
  /** i32 [1]: not 0 if the scaled gradient overflowed. */
  readonly overflow: Tensor;
  /** The loss scale, [1], in a State. */
  readonly scale: Tensor;
  /** Number of steps without an overflow since the last change, f32 [1], in a State. */
  readonly steps: Tensor;
}

/** Makes the node that sets the next step's loss scale. @throws ERR_SHAPE */
export function adjustLossScale(inputs: AdjustLossScaleInputs, growthInterval: number): Node {
  const { gate, overflow, scale, steps } = inputs;
  return applyNode(adjustLossScaleOp, [gate, overflow, scale, steps], { growthInterval });
}

/** All ops of this file. */
export const scalingOps: readonly Op[] = [finiteCheckOp, clipFactorOp, unscaleOp, adjustLossScaleOp];
