/**
 * References of pooling with the windows of the paper's authors: window i begins at i * stride - pad and is clipped at the edges
 * of the image, so padding is neither a candidate for the maximum nor counted in the mean.
 */
import { type Attributes, accumulate, at, imageShape, offset, type Shape, type Values, zeros } from './values';

interface Element {
  /** Index in x. */
  readonly index: number;
  /** Position in the unclipped window, counted row by row. */
  readonly position: number;
}

/** Calls `visit` for every window of every channel, with the index of its y and its elements of x in row order. */
function forEachWindow(
  yShape: Shape,
  xShape: Shape,
  attributes: Attributes,
  visit: (yIndex: number, elements: Element[]) => void,
): void {
  const { kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, padH = 0, padW = 0 } = attributes;
  const y = imageShape(yShape);
  const x = imageShape(xShape);
  const [batch, outHeight, outWidth, channels] = y;
  const [, height, width] = x;
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let c = 0; c < channels; c++) {
          const elements: Element[] = [];
          for (let ky = 0; ky < kernelH; ky++)
            for (let kx = 0; kx < kernelW; kx++) {
              const iy = oy * strideH - padH + ky;
              const ix = ox * strideW - padW + kx;
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              elements.push({ index: offset(x, n, iy, ix, c), position: ky * kernelW + kx });
            }
          visit(offset(y, n, oy, ox, c), elements);
        }
}

/** Returns the maxima and their positions. The first of equal values wins; the first NaN wins over everything. */
export function maxPool(x: Values, attributes: Attributes, shape: Shape): Values[] {
  const y = zeros(shape);
  const indices = zeros(shape);
  forEachWindow(shape, x.shape, attributes, (yIndex, elements) => {
    const values = elements.map(({ index }) => at(x.data, index));
    const firstNaN = values.findIndex(Number.isNaN);
    const winner = firstNaN >= 0 ? firstNaN : values.indexOf(Math.max(...values));
    y.data[yIndex] = at(values, winner);
    indices.data[yIndex] = (elements[winner] as Element).position;
  });
  return [y, indices];
}

export function maxPoolGradient(dy: Values, indices: Values, attributes: Attributes, shape: Shape): Values {
  const dx = zeros(shape);
  forEachWindow(dy.shape, shape, attributes, (yIndex, elements) => {
    const winner = elements.find(({ position }) => position === at(indices.data, yIndex));
    if (winner) accumulate(dx, winner.index, at(dy.data, yIndex));
  });
  return dx;
}

/** Returns the smallest distance, over all windows, between the maximum and a smaller value: below it the choice is stable. */
export function maxPoolGap(x: Values, attributes: Attributes, shape: Shape): number {
  let gap = Number.POSITIVE_INFINITY;
  forEachWindow(shape, x.shape, attributes, (_, elements) => {
    const values = elements.map(({ index }) => at(x.data, index));
    const most = Math.max(...values);
    for (const value of values) if (value < most) gap = Math.min(gap, most - value);
  });
  return gap;
}

export function averagePool(x: Values, attributes: Attributes, shape: Shape): Values {
  const y = zeros(shape);
  forEachWindow(shape, x.shape, attributes, (yIndex, elements) => {
    for (const { index } of elements) accumulate(y, yIndex, at(x.data, index) / elements.length);
  });
  return y;
}

export function averagePoolGradient(dy: Values, attributes: Attributes, shape: Shape): Values {
  const dx = zeros(shape);
  forEachWindow(dy.shape, shape, attributes, (yIndex, elements) => {
    for (const { index } of elements) accumulate(dx, index, at(dy.data, yIndex) / elements.length);
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
