import { apply, type Tensor } from '../tensor';
import { expectNormalized } from './batchNorm';
import { expectShape, expectTensor, type Op } from './op';

/**
 * With v = 1 / sqrt(variance + epsilon) and n values per channel: dshift = Σ dy, dscale = v Σ dy (x - mean), and
 * dx = scale v (dy - dshift / n - (x - mean) v dscale / n), or, `frozen`, dx = scale v dy. Unless frozen, mean is that of x:
 * kernels need it only near, and find again what its rounding has taken away.
 */
export const batchNormGradientOp: Op = {
  name: 'batchNormGradient',
  attributes: [
    ['epsilon', 'f32'],
    ['frozen', 'i32'],
  ],
  readsSlices: true,
  writesSlices: true,
  inPlace: true,
  optionalOutputs: [1, 2],
  inferShape([dy, x, mean, variance, scale]) {
    const { shape, image } = expectNormalized('batchNormGradient', x, { mean, variance, scale });
    expectShape('batchNormGradient', 'dy', expectTensor('batchNormGradient', 'dy', dy, { image }), shape);
    const vector = { dtype: 'f32', shape: shape.slice(-1), image: false } as const;
    return [{ dtype: 'f32', shape, image }, vector, vector];
  },
};

export interface BatchNormGradientInputs {
  dy: Tensor;
  x: Tensor;
  mean: Tensor;
  variance: Tensor;
  scale: Tensor;
}

export interface BatchNormGradientOptions {
  epsilon: number;
  /** Mean and variance are given numbers, not those of x. */
  frozen: boolean;
  name?: string;
}

export function batchNormGradient(
  { dy, x, mean, variance, scale }: BatchNormGradientInputs,
  { epsilon, frozen, name }: BatchNormGradientOptions,
): { dx: Tensor; dscale: Tensor; dshift: Tensor } {
  const attributes = { epsilon, frozen: frozen ? 1 : 0 };
  const outputs = apply(batchNormGradientOp, [dy, x, mean, variance, scale], attributes, name);
  const [dx, dscale, dshift] = outputs as [Tensor, Tensor, Tensor];
  return { dx, dscale, dshift };
}
