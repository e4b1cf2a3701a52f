/**
 * References of pooling with the windows of the paper's authors: window i begins at i * stride - pad and is clipped at the edges
 * of the image, so padding is neither a candidate for the maximum nor counted in the mean.
 */
import { type Attributes, accumulate, at, imageShape, offset, type Shape, type Values, zeros } from './values';

/** The elements of a window that lie within x, in row order. */
interface Window {
  readonly length: number;
  /** The index of each in x. */
  readonly indices: Int32Array;
  /** The position of each in the unclipped window, counted row by row. */
  readonly positions: Int32Array;
}

/** Calls `visit` for every window of every channel, with the index of its y. The window is overwritten after the call. */
function forEachWindow(
  yShape: Shape,
  xShape: Shape,
  attributes: Attributes,
  visit: (yIndex: number, window: Window) => void,
): void {
  const { kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, padTop = 0, padLeft = 0 } = attributes;
  const y = imageShape(yShape);
  const x = imageShape(xShape);
  const [batch, outHeight, outWidth, channels] = y;
  const [, height, width] = x;
  const window = {
    length: 0,
    indices: new Int32Array(kernelH * kernelW),
    positions: new Int32Array(kernelH * kernelW),
  };
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let c = 0; c < channels; c++) {
          window.length = 0;
          for (let ky = 0; ky < kernelH; ky++)
            for (let kx = 0; kx < kernelW; kx++) {
              const iy = oy * strideH - padTop + ky;
              const ix = ox * strideW - padLeft + kx;
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              window.indices[window.length] = offset(x, n, iy, ix, c);
              window.positions[window.length++] = ky * kernelW + kx;
            }
          visit(offset(y, n, oy, ox, c), window);
        }
}

/** Returns the maxima and their positions. The first of equal values wins; the first NaN wins over everything. */
export function maxPool(x: Values, attributes: Attributes, shape: Shape): Values[] {
  const y = zeros(shape);
  const indices = zeros(shape);
  forEachWindow(shape, x.shape, attributes, (yIndex, window) => {
    let winner = 0;
    let most = at(x.data, at(window.indices, 0));
    for (let i = 1; i < window.length && !Number.isNaN(most); i++) {
      const value = at(x.data, at(window.indices, i));
      if (value <= most) continue;
      winner = i;
      most = value;
    }
    y.data[yIndex] = most;
    indices.data[yIndex] = at(window.positions, winner);
  });
  return [y, indices];
}

export function maxPoolGradient(dy: Values, indices: Values, attributes: Attributes, shape: Shape): Values {
  const dx = zeros(shape);
  forEachWindow(dy.shape, shape, attributes, (yIndex, { length, positions, indices: inX }) => {
    const winner = positions.indexOf(at(indices.data, yIndex));
    if (winner >= 0 && winner < length) accumulate(dx, at(inX, winner), at(dy.data, yIndex));
  });
  return dx;
}

/** Returns the smallest distance, over all windows, between the maximum and a smaller value: below it the choice is stable. */
export function maxPoolGap(x: Values, attributes: Attributes, shape: Shape): number {
  let gap = Number.POSITIVE_INFINITY;
  forEachWindow(shape, x.shape, attributes, (_, { length, indices }) => {
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < length; i++) most = Math.max(most, at(x.data, at(indices, i)));
    for (let i = 0; i < length; i++) {
      const value = at(x.data, at(indices, i));
      if (value < most) gap = Math.min(gap, most - value);
    }
  });
  return gap;
}

export function averagePool(x: Values, attributes: Attributes, shape: Shape): Values {
  const y = zeros(shape);
  forEachWindow(shape, x.shape, attributes, (yIndex, { length, indices }) => {
    for (let i = 0; i < length; i++) accumulate(y, yIndex, at(x.data, at(indices, i)) / length);
  });
  return y;
}

export function averagePoolGradient(dy: Values, attributes: Attributes, shape: Shape): Values {
  const dx = zeros(shape);
  forEachWindow(dy.shape, shape, attributes, (yIndex, { length, indices }) => {
    for (let i = 0; i < length; i++) accumulate(dx, at(indices, i), at(dy.data, yIndex) / length);
  });
  return dx;
}

/** Average pooling with one window as large as the image: x [N, H, W, C] -> y [N, C]. */
export function globalAveragePool(x: Values): Values {
  const [batch, height, width, channels] = imageShape(x.shape);
  const y = averagePool(x, { kernelH: height, kernelW: width }, [batch, 1, 1, channels]);
  return { shape: [batch, channels], data: y.data };
}

export function globalAveragePoolGradient(dy: Values, shape: Shape): Values {
  const [batch, height, width, channels] = imageShape(shape);
  const image = { shape: [batch, 1, 1, channels], data: dy.data };
  return averagePoolGradient(image, { kernelH: height, kernelW: width }, shape);
}

/** Returns the maxima over all pixels and the numbers of their pixels: max pooling with one window as large as the image. */
export function globalMaxPool(x: Values): Values[] {
  const [batch, height, width, channels] = imageShape(x.shape);
  const pooled = maxPool(x, { kernelH: height, kernelW: width }, [batch, 1, 1, channels]);
  return pooled.map(({ data }) => ({ shape: [batch, channels], data }));
}

export function globalMaxPoolGradient(dy: Values, indices: Values, shape: Shape): Values {
  const [batch, height, width, channels] = imageShape(shape);
  const [gradient, chosen] = [dy, indices].map(({ data }) => ({ shape: [batch, 1, 1, channels], data }));
  return maxPoolGradient(gradient as Values, chosen as Values, { kernelH: height, kernelW: width }, shape);
}

/** Calls `visit` for every element of a larger image, with its index and that of the element which it repeats. */
function forEachCopy(large: Shape, small: Shape, visit: (index: number, origin: number) => void): void {
  const [to, from] = [imageShape(large), imageShape(small)];
  const [batch, height, width, channels] = to;
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++) {
          const [row, column] = [Math.floor((y * from[1]) / height), Math.floor((x * from[2]) / width)];
          visit(offset(to, n, y, x, c), offset(from, n, row, column, c));
        }
}

export function upsample(x: Values, shape: Shape): Values {
  const y = zeros(shape);
  forEachCopy(shape, x.shape, (index, origin) => accumulate(y, index, at(x.data, origin)));
  return y;
}

export function upsampleGradient(dy: Values, shape: Shape): Values {
  const dx = zeros(shape);
  forEachCopy(dy.shape, shape, (index, origin) => accumulate(dx, origin, at(dy.data, index)));
  return dx;
}
