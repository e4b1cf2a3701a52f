/**
 * References of convolution, dgrad and wgrad. All three visit the same taps, which are triples (element of y, of x, of the
 * weights), and add the product of two of them to the third.
 */
import { type Attributes, accumulate, at, imageShape, need, offset, type Shape, type Values, zeros } from './values';

/**
 * A function that is called for every output channel at every pixel and kernel position. The input channels of its group follow
 * each other from index `xStart` in x and from `wStart` in the weights.
 */
type Tap = (y: number, xStart: number, wStart: number, channels: number) => void;

function forEachTap(yShape: Shape, xShape: Shape, weightShape: Shape, attributes: Attributes, visit: Tap): void {
  const { strideH = 1, strideW = 1, padTop = 0, padLeft = 0, dilationH = 1, dilationW = 1, groups = 1 } = attributes;
  const y = imageShape(yShape);
  const x = imageShape(xShape);
  const w = imageShape(weightShape); // [out channels, kernel height, kernel width, in channels of a group]
  const [batch, outHeight, outWidth, outChannels] = y;
  const [, height, width] = x;
  const channels = w[3];
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let ky = 0; ky < w[1]; ky++)
          for (let kx = 0; kx < w[2]; kx++) {
            const iy = oy * strideH - padTop + ky * dilationH;
            const ix = ox * strideW - padLeft + kx * dilationW;
            if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue; // padding is zeros
            for (let o = 0; o < outChannels; o++) {
              const group = Math.floor((o * groups) / outChannels);
              const xStart = offset(x, n, iy, ix, group * channels);
              visit(offset(y, n, oy, ox, o), xStart, offset(w, o, ky, kx, 0), channels);
            }
          }
}

export function conv2d(
  x: Values,
  weight: Values,
  bias: Values | null | undefined,
  attributes: Attributes,
  shape: Shape,
): Values {
  const y = zeros(shape);
  forEachTap(shape, x.shape, weight.shape, attributes, (yIndex, xStart, wStart, channels) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += (x.data[xStart + c] as number) * (weight.data[wStart + c] as number);
    accumulate(y, yIndex, sum);
  });
  if (bias) {
    y.data.forEach((_, i) => {
      accumulate(y, i, at(bias.data, i % bias.data.length));
    });
  }
  return y;
}

export function conv2dDgrad(dy: Values, weight: Values, attributes: Attributes, shape: Shape): Values {
  const dx = zeros(shape);
  forEachTap(dy.shape, shape, weight.shape, attributes, (yIndex, xStart, wStart, channels) => {
    const factor = at(dy.data, yIndex);
    for (let c = 0; c < channels; c++) accumulate(dx, xStart + c, factor * (weight.data[wStart + c] as number));
  });
  return dx;
}

export function conv2dWgrad(x: Values, dy: Values, attributes: Attributes, shape: Shape): Values[] {
  const dweight = zeros(shape);
  forEachTap(dy.shape, x.shape, shape, attributes, (yIndex, xStart, wStart, channels) => {
    const factor = at(dy.data, yIndex);
    for (let c = 0; c < channels; c++) accumulate(dweight, wStart + c, factor * (x.data[xStart + c] as number));
  });
  return [dweight, sumOverRows(dy)];
}

/** Returns the sum over all dimensions but the last, which is the gradient of a bias. */
export function sumOverRows(values: Values): Values {
  const channels = need(values).shape.at(-1) ?? 1;
  const sums = zeros([channels]);
  values.data.forEach((value, i) => {
    accumulate(sums, i % channels, value);
  });
  return sums;
}
