import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, type Op } from './op';
import { randomizedReluAttributes } from './randomizedRelu';

/**
 * dx = dy, times the element's slope where y is below 0: the slope that the forward pass of the same step drew. dbias = dx
 * summed over all but the last dimension, in the same pass. dy, y: one shape; counter i32 [2].
 */
export const randomizedReluGradientOp: Op = {
  name: 'randomizedReluGradient',
  get attributes() {
    return randomizedReluAttributes; // A getter: randomizedRelu.ts and this file import each other.
  },
  readsSlices: true,
  writesSlices: true,
  inPlace: true,
  optionalOutputs: [1],
  inferShape([dy, y, counter]) {
    const op = 'randomizedReluGradient';
    const checked = expectTensor(op, 'y', y, {});
    expectShape(op, 'dy', expectTensor(op, 'dy', dy, { image: checked.image }), checked.shape);
    expectShape(op, 'counter', expectTensor(op, 'counter', counter, { dtype: 'i32' }), [2]);
    return [
      { dtype: 'f32', shape: checked.shape, image: checked.image },
      { dtype: 'f32', shape: checked.shape.slice(-1), image: false },
    ];
  },
};

/** `attributes` are the forward pass's. */
export function randomizedReluGradient(
  dy: Tensor,
  y: Tensor,
  counter: Tensor,
  attributes: Readonly<Record<string, number>>,
  { name }: { name?: string } = {},
): { dx: Tensor; dbias: Tensor } {
  const [dx, dbias] = apply(randomizedReluGradientOp, [dy, y, counter], attributes, name) as [Tensor, Tensor];
  return { dx, dbias };
}
