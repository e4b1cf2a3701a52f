/** Padding with a number other than 0, which conv2d does not do by itself. */
import { add } from '../../ops/channels';
import { conv2d } from '../../ops/convolution';
import { copy } from '../../ops/data';
import { dimension } from '../../ops/op';
import { constant, type Tensor } from '../../tensor/tensor';

/**
 * `value` around an image. [N, H, W, C] -> [N, H + 2 padH, W + 2 padW, C]
 *
 * Two ops that there are: a 1x1 convolution with the identity, padded with zeros, moves the image into a larger one (exact in
 * f32: every sum has one term that is not 0), and an image that is `value` in the frame and 0 within is added.
 * @throws ERR_SHAPE
 */
export function padImage(x: Tensor, [padH, padW]: readonly [number, number], value: number, name = 'pad'): Tensor {
  if (padH === 0 && padW === 0) return x;
  const channels = dimension(x.shape, 3);
  const enlarged = conv2d(x, identity(channels), { padding: [padH, padW], name });
  const frame = constant(frameOf(enlarged.shape, [padH, padW], value), enlarged.shape);
  return add(enlarged, copy(frame, { image: true, name }));
}

/** The weight [C, 1, 1, C] of a convolution that changes nothing. */
function identity(channels: number): Tensor {
  const weight = new Float32Array(channels * channels);
  for (let channel = 0; channel < channels; channel++) weight[channel * (channels + 1)] = 1;
  return constant(weight, [channels, 1, 1, channels]);
}

function frameOf(shape: readonly number[], [padH, padW]: readonly [number, number], value: number): Float32Array {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const values = new Float32Array(batch * height * width * channels).fill(value);
  for (let image = 0; image < batch; image++) {
    for (let row = padH; row < height - padH; row++) {
      const begin = ((image * height + row) * width + padW) * channels;
      values.fill(0, begin, begin + (width - 2 * padW) * channels);
    }
  }
  return values;
}
