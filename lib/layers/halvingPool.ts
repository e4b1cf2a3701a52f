import { dimension } from '../ops/op';
import { maxPool } from '../ops/pooling';
import type { Tensor } from '../tensor/tensor';
import type { Layer } from './layer';

/**
 * Makes a 3x3 max pool that halves the image, rounded up, as a 3x3 convolution with stride 2 and padding 1 does:
 * [N, H, W, C] -> [N, ceil(H / 2), ceil(W / 2), C]. Along an even side the windows begin at the edge and the last one is clipped,
 * as in the framework of the paper's authors. Along an odd side the windows begin one pixel before the edge, as those of the
 * convolution, and the first and the last one are clipped.
 */
export function halvingPool(name: string): Layer {
  return {
    parameters: [],
    forward(x: Tensor): Tensor {
      const padding = [dimension(x.shape, 1) % 2, dimension(x.shape, 2) % 2] as const;
      return maxPool(x, { kernel: 3, stride: 2, padding, ceil: true, name });
    },
  };
}
