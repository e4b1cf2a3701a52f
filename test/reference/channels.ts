/** References of sums, and of images that are concatenated in their channels or sliced. */
import { accumulate, at, imageShape, offset, type Shape, type Values, zeros } from './values';

export function add(inputs: readonly Values[], shape: Shape): Values {
  const sum = zeros(shape);
  for (const { data } of inputs) {
    for (let i = 0; i < data.length; i++) accumulate(sum, i, at(data, i));
  }
  return sum;
}

export function concat(inputs: readonly Values[], shape: Shape): Values {
  const y = zeros(shape);
  let firstChannel = 0;
  for (const image of inputs) {
    copyChannels(image, 0, y, firstChannel, at(image.shape, 3));
    firstChannel += at(image.shape, 3);
  }
  return y;
}

export function slice(x: Values, channelOffset: number, shape: Shape): Values {
  const y = zeros(shape);
  copyChannels(x, channelOffset, y, 0, at(shape, 3));
  return y;
}

function copyChannels(from: Values, fromChannel: number, to: Values, toChannel: number, channels: number): void {
  const source = imageShape(from.shape);
  const target = imageShape(to.shape);
  const [batch, height, width] = source;
  if (fromChannel + channels > source[3]) throw new RangeError(`${channels} channels from ${fromChannel} of ${source}`);
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const first = offset(source, n, y, x, fromChannel);
        to.data.set(from.data.subarray(first, first + channels), offset(target, n, y, x, toChannel));
      }
}
