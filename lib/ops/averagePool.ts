import { apply, type Tensor } from '../tensor';
import { averagePoolGradient } from './averagePoolGradient';
import { expectTensor, first, type Op } from './op';
import { encodePool, type PoolOptions, poolAttributes, poolShape } from './pool';

/** The mean of each window; what lies outside the image is not counted. x [N, H, W, C] -> y [N, H', W', C]. */
export const averagePoolOp: Op = {
  name: 'averagePool',
  attributes: poolAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inferShape([x], attributes) {
    return [poolShape('averagePool', expectTensor('averagePool', 'x', x, { rank: 4, image: true }), attributes)];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    return dy && x ? [averagePoolGradient(dy, x.shape, node.attributes, node.name)] : [];
  },
};

/** Average pooling; windows are clipped at the image's edges. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function averagePool(x: Tensor, options: PoolOptions): Tensor {
  return first(apply(averagePoolOp, [x], encodePool(options), options.name));
}
