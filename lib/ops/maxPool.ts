import { apply, type Tensor } from '../tensor';
import { maxPoolGradient } from './maxPoolGradient';
import { expectTensor, first, type Op } from './op';
import { encodePool, type PoolOptions, poolAttributes, poolShape } from './pool';

/**
 * The largest value of each window, and where it was (position in the unclipped window, row by row, for the gradient).
 * x [N, H, W, C] -> y [N, H', W', C], indices u8 of the same shape. The first of equal values wins; NaN wins over all.
 */
export const maxPoolOp: Op = {
  name: 'maxPool',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  optionalOutputs: [1],
  inferShape([x], attributes) {
    const y = poolShape('maxPool', expectTensor('maxPool', 'x', x, { rank: 4, image: true }), attributes);
    return [y, { ...y, dtype: 'u8' }];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    const indices = node.outputs[1];
    if (!dy || !x || !indices) return [];
    return [maxPoolGradient(dy, indices, x.shape, node.attributes, node.name)];
  },
};

/** Max pooling; windows are clipped at the image's edges. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  return first(apply(maxPoolOp, [x], encodePool(options), options.name));
}
