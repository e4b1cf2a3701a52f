/** References of batches of crops from a resident data set, and of tensors that are packed in a flat buffer and taken out. */
import { multiplyHigh, philox } from './philox';
import { type Attributes, at, imageShape, need, offset, type Shape, type Values, zeros } from './values';

/** Key word 1 of the augmentation's random numbers: "satu" in ASCII. */
const purpose = 0x73617475;

/** inputs: images u8 [M, H, W, C], indices [N], counter [2] = (seed, step), mean [C] or [H, W, C], inverse deviation [C]. */
export function augment(inputs: readonly (Values | null)[], attributes: Attributes, shape: Shape): Values {
  const [images, indices, counter, mean, inverseDeviation] = inputs.map(need) as [
    Values,
    Values,
    Values,
    Values,
    Values,
  ];
  const source = imageShape(images.shape);
  const target = imageShape(shape);
  const [count, height, width] = source;
  const [batch, cropHeight, cropWidth, channels] = target;
  const y = zeros(shape);
  for (let n = 0; n < batch; n++) {
    const image = at(indices.data, n);
    const crop = attributes.random === 1 ? drawCrop(n, counter) : centreCrop(height - cropHeight, width - cropWidth);
    for (let row = 0; row < cropHeight; row++)
      for (let column = 0; column < cropWidth; column++)
        for (let c = 0; c < channels; c++) {
          const sourceColumn = crop.left(width - cropWidth) + (crop.mirror ? cropWidth - 1 - column : column);
          const pixel = offset(source, image, crop.top(height - cropHeight) + row, sourceColumn, c);
          const known = image >= 0 && image < count;
          const place =
            mean.shape.length === 3 ? offset(source, 0, crop.top(height - cropHeight) + row, sourceColumn, c) : c;
          const centred = known ? at(images.data, pixel) - at(mean.data, place) : Number.NaN;
          const value = centred * at(inverseDeviation.data, c);
          y.data[offset(target, n, row, column, c)] = value;
        }
  }
  return y;
}

interface Crop {
  /** First row and column of the crop. `spare`: how many rows or columns the image is larger than the crop. */
  top(spare: number): number;
  left(spare: number): number;
  mirror: boolean;
}

function drawCrop(n: number, counter: Values): Crop {
  const seed = at(counter.data, 0) >>> 0;
  const step = at(counter.data, 1) >>> 0;
  const [r0, r1, r2] = philox([n, step, 0, 0], [seed, purpose]);
  return {
    top: (spare) => multiplyHigh(r0, spare + 1),
    left: (spare) => multiplyHigh(r1, spare + 1),
    mirror: (r2 & 1) === 1,
  };
}

function centreCrop(spareRows: number, spareColumns: number): Crop {
  return { top: () => Math.floor(spareRows / 2), left: () => Math.floor(spareColumns / 2), mirror: false };
}

/** Copies each input to its offset in a flat buffer. Elements that no input covers are 0. */
export function pack(inputs: readonly Values[], attributes: Attributes, shape: Shape): Values {
  const flat = zeros(shape);
  inputs.forEach((values, index) => {
    flat.data.set(values.data, attributes[`offset${index}`]);
  });
  return flat;
}

/** Returns the rows from `firstRow` on, as many as `shape` has. */
export function rows({ data }: Values, rowSize: number, { firstRow = 0 }: Attributes, shape: Shape): Values {
  const begin = firstRow * rowSize;
  return { shape, data: data.slice(begin, begin + zeros(shape).data.length) };
}
