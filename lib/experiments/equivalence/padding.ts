/** Pads images with a number other than 0, which conv2d cannot do. */
import { add } from '../../ops/channels';
import { conv2d } from '../../ops/convolution';
import { copy } from '../../ops/data';
import { dimension, type Sides } from '../../ops/op';
import { constant, type Tensor } from '../../tensor/tensor';

/**
 * Pads an image with `value`: [N, H, W, C] -> [N, top + H + bottom, left + W + right, C].
 *
 * It uses existing ops. A 1x1 convolution with the identity, padded with zeros, moves the image into a larger one (exact in
 * f32: every sum has one term that is not 0). Then an image that is `value` in the frame and 0 inside is added.
 * @throws ERR_SHAPE if x is not an image
 */
export function padImage(x: Tensor, { top, bottom, left, right }: Sides, value: number, name = 'pad'): Tensor {
  if (top + bottom + left + right === 0) return x;
  const channels = dimension(x.shape, 3);
  const enlarged = conv2d(x, identity(channels), { padding: [top, bottom, left, right], name });
  const frame = constant(frameOf(enlarged.shape, { top, bottom, left, right }, value), enlarged.shape);
  return add(enlarged, copy(frame, { image: true, name }));
}

/** Returns the weight [C, 1, 1, C] of a convolution that changes nothing. */
function identity(channels: number): Tensor {
  const weight = new Float32Array(channels * channels);
  for (let channel = 0; channel < channels; channel++) weight[channel * (channels + 1)] = 1;
  return constant(weight, [channels, 1, 1, channels]);
}

function frameOf(shape: readonly number[], { top, bottom, left, right }: Sides, value: number): Float32Array {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const values = new Float32Array(batch * height * width * channels).fill(value);
  for (let image = 0; image < batch; image++) {
    for (let row = top; row < height - bottom; row++) {
      const begin = ((image * height + row) * width + left) * channels;
      values.fill(0, begin, begin + (width - left - right) * channels);
    }
  }
  return values;
}
