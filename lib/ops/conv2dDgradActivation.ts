import { convAttributes, convFlops } from './conv2d';
import { expectShape, expectTensor, type Op } from './op';

/**
 * conv2dDgrad, then activationGradient, as fuseDgradActivation joins them: dx = dgrad(dy, weight) f'(x), with f' computed from
 * the output y of the activation before; dbias = dx summed over all but the last dimension.
 * dy [N, H', W', O], weight [O, KH, KW, C], y [N, H, W, C] -> dx [N, H, W, C], dbias [C]. `activation` and `slope` say f.
 */
export const conv2dDgradActivationOp: Op = {
  name: 'conv2dDgradActivation',
  get attributes() {
    return convAttributes; // A getter: conv2d.ts imports files that import this one.
  },
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  optionalOutputs: [1],
  inferShape([dy, weight, y]) {
    const gradient = expectTensor('conv2dDgradActivation', 'dy', dy, { rank: 4, image: true });
    const weights = expectTensor('conv2dDgradActivation', 'weight', weight, { rank: 4, image: false });
    const activated = expectTensor('conv2dDgradActivation', 'y', y, { rank: 4, image: true });
    const [batch = 0] = gradient.shape;
    const [, height = 0, width = 0] = activated.shape;
    const shape = [batch, height, width, ...weights.shape.slice(-1)];
    expectShape('conv2dDgradActivation', 'y', activated, shape);
    return [
      { dtype: 'f32', shape, image: true },
      { dtype: 'f32', shape: shape.slice(-1), image: false },
    ];
  },
  flops: (node) => convFlops(node.inputs[0]?.shape ?? [], node.inputs[1]?.shape ?? []),
};
