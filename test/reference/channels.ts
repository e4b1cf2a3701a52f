/** References of sums and products, and of images that are concatenated in their channels or sliced. */
import { accumulate, at, imageShape, offset, type Shape, type Values, zeros } from './values';

export function add(inputs: readonly Values[], shape: Shape): Values {
  const sum = zeros(shape);
  for (const { data } of inputs) {
    for (let i = 0; i < data.length; i++) accumulate(sum, i, at(data, i));
  }
  return sum;
}

/** Returns a b factor, or a factor if b is absent. */
export function multiply(a: Values, b: Values | null | undefined, factor: number): Values {
  return { shape: a.shape, data: a.data.map((value, i) => value * (b ? at(b.data, i) : 1) * factor) };
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

/** Returns x scale + bias. Vectors are [C], or [N, C]; an absent one is 1 or 0. */
export function affine(x: Values, scale: Values | null | undefined, bias: Values | null | undefined): Values {
  const [, height, width, channels] = imageShape(x.shape);
  const y = zeros(x.shape);
  const of = (vector: Values, i: number) => at(vector.data, vectorIndex(vector, i, height * width, channels));
  x.data.forEach((value, i) => {
    y.data[i] = value * (scale ? of(scale, i) : 1) + (bias ? of(bias, i) : 0);
  });
  return y;
}

/** Returns the sum of dy x, or of dy, for each element of a vector [C] or [N, C]. */
export function affineGradient(dy: Values, x: Values | null | undefined, shape: Shape): Values {
  const [, height, width, channels] = imageShape(dy.shape);
  const sums = zeros(shape);
  dy.data.forEach((value, i) => {
    accumulate(sums, vectorIndex(sums, i, height * width, channels), x ? value * at(x.data, i) : value);
  });
  return sums;
}

/** Returns the index in a vector of numbers per channel that belongs to element i of an image. */
function vectorIndex({ shape }: Values, i: number, pixels: number, channels: number): number {
  const image = shape.length === 2 ? Math.floor(i / (pixels * channels)) : 0;
  return image * channels + (i % channels);
}
