/**
 * References of convolution, dgrad and wgrad. All three visit the same taps, which are triples (element of y, of x, of the
 * weights), and add the product of two of them to the third. The loops over channels are in each of the three: a function
 * that is called for every tap takes most of the time of all references.
 */
import { type Attributes, accumulate, at, imageShape, need, type Shape, type Values, zeros } from './values';

interface Sizes {
  readonly outChannels: number;
  /** Input channels of a group. */
  readonly channels: number;
  /** Elements of the weights of an output channel. */
  readonly window: number;
  /** The first input channel of each output channel's group. */
  readonly firstChannel: Int32Array;
}

/**
 * A function that is called for every pixel of y and every position of the kernel that lies within x. It gets the indices of the
 * pixels' first channels in y and in x, and that of the position's first weight of output channel 0.
 */
type Visit = (yStart: number, xStart: number, wStart: number) => void;

function sizesOf(yShape: Shape, weightShape: Shape, { groups = 1 }: Attributes): Sizes {
  const outChannels = imageShape(yShape)[3];
  const [, kernelHeight, kernelWidth, channels] = imageShape(weightShape);
  const firstChannel = new Int32Array(outChannels).map((_, o) => Math.floor((o * groups) / outChannels) * channels);
  return { outChannels, channels, window: kernelHeight * kernelWidth * channels, firstChannel };
}

function forEachPosition(yShape: Shape, xShape: Shape, weightShape: Shape, attributes: Attributes, visit: Visit): void {
  const { strideH = 1, strideW = 1, padTop = 0, padLeft = 0, dilationH = 1, dilationW = 1 } = attributes;
  const [batch, outHeight, outWidth, outChannels] = imageShape(yShape);
  const [, height, width, allChannels] = imageShape(xShape);
  const [, kernelHeight, kernelWidth, channels] = imageShape(weightShape);
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let ky = 0; ky < kernelHeight; ky++)
          for (let kx = 0; kx < kernelWidth; kx++) {
            const iy = oy * strideH - padTop + ky * dilationH;
            const ix = ox * strideW - padLeft + kx * dilationW;
            if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue; // padding is zeros
            const yStart = ((n * outHeight + oy) * outWidth + ox) * outChannels;
            const xStart = ((n * height + iy) * width + ix) * allChannels;
            visit(yStart, xStart, (ky * kernelWidth + kx) * channels);
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
  const { outChannels, channels, window, firstChannel } = sizesOf(shape, weight.shape, attributes);
  const [xData, wData, yData] = [x.data, weight.data, y.data];
  forEachPosition(shape, x.shape, weight.shape, attributes, (yStart, xStart, wStart) => {
    for (let o = 0; o < outChannels; o++) {
      const xFirst = xStart + at(firstChannel, o);
      const wFirst = wStart + o * window;
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += (xData[xFirst + c] as number) * (wData[wFirst + c] as number);
      yData[yStart + o] = (yData[yStart + o] as number) + sum;
    }
  });
  if (bias) {
    for (let i = 0; i < yData.length; i++) accumulate(y, i, at(bias.data, i % bias.data.length));
  }
  return y;
}

export function conv2dDgrad(dy: Values, weight: Values, attributes: Attributes, shape: Shape): Values {
  const dx = zeros(shape);
  const { outChannels, channels, window, firstChannel } = sizesOf(dy.shape, weight.shape, attributes);
  const [dyData, wData, dxData] = [dy.data, weight.data, dx.data];
  forEachPosition(dy.shape, shape, weight.shape, attributes, (yStart, xStart, wStart) => {
    for (let o = 0; o < outChannels; o++) {
      const xFirst = xStart + at(firstChannel, o);
      const wFirst = wStart + o * window;
      const factor = at(dyData, yStart + o);
      for (let c = 0; c < channels; c++)
        dxData[xFirst + c] = (dxData[xFirst + c] as number) + factor * (wData[wFirst + c] as number);
    }
  });
  return dx;
}

export function conv2dWgrad(x: Values, dy: Values, attributes: Attributes, shape: Shape): Values[] {
  const dweight = zeros(shape);
  const { outChannels, channels, window, firstChannel } = sizesOf(dy.shape, shape, attributes);
  const [xData, dyData, dwData] = [x.data, dy.data, dweight.data];
  forEachPosition(dy.shape, x.shape, shape, attributes, (yStart, xStart, wStart) => {
    for (let o = 0; o < outChannels; o++) {
      const xFirst = xStart + at(firstChannel, o);
      const wFirst = wStart + o * window;
      const factor = at(dyData, yStart + o);
      for (let c = 0; c < channels; c++)
        dwData[wFirst + c] = (dwData[wFirst + c] as number) + factor * (xData[xFirst + c] as number);
    }
  });
  return [dweight, sumOverRows(dy)];
}

/** Returns the sum over all dimensions but the last, which is the gradient of a bias. */
export function sumOverRows(values: Values): Values {
  const channels = need(values).shape.at(-1) ?? 1;
  const sums = zeros([channels]);
  const { data } = values;
  for (let i = 0; i < data.length; i++) accumulate(sums, i % channels, at(data, i));
  return sums;
}
