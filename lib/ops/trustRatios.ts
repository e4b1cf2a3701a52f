import { apply, type Tensor } from '../tensor';
import { expectShape, expectTensor, first, type Op } from './op';
import { expectOptional, expectSegments, type Segments } from './update';

/**
 * The rates of LARS (You, Gitman and Ginsburg, 1708.03888), one per segment: rate trust |w| / (|scale g| + decay |w|). Just
 * `rate` where |w| or the divisor is 0, and in segments that end beyond element `trusted`.
 * parameters, gradient [P]; scale [1] or absent; ends i32, rates, decays [S] -> [S]
 */
export const trustRatiosOp: Op = {
  name: 'trustRatios',
  attributes: [
    ['trust', 'f32'],
    ['trusted', 'i32'],
  ],
  readsSlices: false,
  writesSlices: false,
  inferShape([parameters, gradient, scale, ...table]) {
    const { shape } = expectTensor('trustRatios', 'parameters', parameters, { rank: 1 });
    expectShape('trustRatios', 'gradient', expectTensor('trustRatios', 'gradient', gradient, {}), shape);
    expectOptional('trustRatios', [scale]);
    expectSegments('trustRatios', table);
    return [{ dtype: 'f32', shape: table[0]?.shape ?? [], image: false }];
  },
};

export interface TrustInputs {
  parameters: Tensor;
  gradient: Tensor;
  scale?: Tensor | null;
  segments: Segments;
}

export interface TrustAttributes {
  trust: number;
  /** Elements of the arena whose segments get a trust ratio; they come first. */
  trusted: number;
}

/** @throws ERR_SHAPE */
export function trustRatios(inputs: TrustInputs, attributes: TrustAttributes): Tensor {
  const { parameters, gradient, scale = null, segments } = inputs;
  const { ends, rates, decays } = segments;
  return first(apply(trustRatiosOp, [parameters, gradient, scale, ends, rates, decays], { ...attributes }));
}
