import { apply, type Tensor } from '../tensor';
import { activationAttributes } from './activation';
import { expectShape, expectTensor, type Op } from './op';

/**
 * dx = dy f'(x), with f' computed from the output y (native/activations.h); dbias = dx summed over all but the last
 * dimension, in the same pass. dy, y: one shape; either may be a slice of a concatenation.
 */
export const activationGradientOp: Op = {
  name: 'activationGradient',
  get attributes() {
    return activationAttributes; // A getter: activation.ts and this file import each other.
  },
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inPlace: true,
  optionalOutputs: [1],
  inferShape([dy, y]) {
    const checked = expectTensor('activationGradient', 'y', y, {});
    const dyChecked = expectTensor('activationGradient', 'dy', dy, { image: checked.image });
    expectShape('activationGradient', 'dy', dyChecked, checked.shape);
    return [
      { dtype: 'f32', shape: checked.shape, image: checked.image },
      { dtype: 'f32', shape: checked.shape.slice(-1), image: false },
    ];
  },
};

export function activationGradient(
  dy: Tensor,
  y: Tensor,
  attributes: Readonly<Record<string, number>>,
  { name }: { name?: string } = {},
): { dx: Tensor; dbias: Tensor } {
  const [dx, dbias] = apply(activationGradientOp, [dy, y], attributes, name) as [Tensor, Tensor];
  return { dx, dbias };
}
