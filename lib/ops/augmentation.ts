import { optional, size, text } from '../options/field';
import { apply, type Op, type Tensor, tensorField } from '../tensor/tensor';
import { dimension, expectShape, expectTensor, first, opOptions, shapeError } from './op';

/** Columns of the table `places`: see AugmentInputs.places. */
export const placeColumns = 6;
/** Columns of the table `colours`: see AugmentInputs.colours. */
export const colourColumns = 4;
/** Columns of the table `mixes`: see mix(). */
export const mixColumns = 6;

/**
 * A batch of images from a data set, each placed and coloured as its rows of two tables say: y = (pixel - mean)
 * inverseDeviation. images u8 [M, SH, SW, C], indices i32 [N], places [N, 6] or none, colours [N, 4] or none, mean [C] or [SH,
 * SW, C], inverseDeviation [C] -> y [N, H, W, C]. A mean [SH, SW, C] belongs to the whole image: it is moved with it. Without
 * places, an image is the crop at the centre. An index outside of the data set, or a place that is not finite, gives NaN.
 */
export const augmentOp: Op = {
  name: 'augment',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  samples: 0,
  halfImages: true,
  inferShape([images, indices, places, colours, mean, inverseDeviation], { height = 0, width = 0 }) {
    const source = expectTensor('augment', 'images', images, { dtype: 'u8', rank: 4 });
    const rows = expectTensor('augment', 'indices', indices, { dtype: 'i32', rank: 1 });
    const batch = dimension(rows.shape, 0);
    const [, sourceHeight, sourceWidth, channels] = source.shape as [number, number, number, number];
    if (places) expectShape('augment', 'places', expectTensor('augment', 'places', places, {}), [batch, placeColumns]);
    const pixelMean = expectTensor('augment', 'mean', mean, {});
    const isPerPixel = pixelMean.shape.length === 3;
    expectShape('augment', 'mean', pixelMean, isPerPixel ? [sourceHeight, sourceWidth, channels] : [channels]);
    const deviation = expectTensor('augment', 'inverseDeviation', inverseDeviation, {});
    expectShape('augment', 'inverseDeviation', deviation, [channels]);
    if (colours) {
      expectShape('augment', 'colours', expectTensor('augment', 'colours', colours, {}), [batch, colourColumns]);
      if (channels !== 1 && channels !== 3)
        throw shapeError('augment', 'images', '1 or 3 channels with colours', source.shape);
      if (isPerPixel) throw shapeError('augment', 'mean', 'one number per channel with colours', pixelMean.shape);
    }
    const isCrop = height >= 1 && width >= 1 && (places || (height <= sourceHeight && width <= sourceWidth));
    if (!isCrop) throw shapeError('augment', 'size', `a crop within ${sourceHeight}x${sourceWidth}`, [height, width]);
    return [{ dtype: 'f32', shape: [batch, height, width, channels], image: true }];
  },
};

/** Inputs of augment(). */
export interface AugmentInputs {
  /** The data set: u8 [M, SH, SW, C]. */
  images: Tensor;
  /** Indices of the batch's images in the data set: i32 [N]. */
  indices: Tensor;
  /**
   * Where the pixels come from, f32 [N, 6]: rows (a, b, c, d, e, f). Pixel (h, w) of the result is interpolated at row a h + b w + c
   * and column d h + e w + f of the image of the data set, where whole numbers are the centres of pixels. What lies outside
   * counts as the mean. If b and d are 0, a reduced image is averaged over the pixels that it covers; other images are bilinear.
   * Default: the crop at the centre.
   */
  places?: Tensor;
  /**
   * How colours change, f32 [N, 4]: factors on brightness, contrast and saturation, at least 0, and what is added to the hue in
   * turns of the circle, applied in this order. Pixels stay within 0 to 255. Only for images of 1 or 3 channels with a mean per
   * channel; images of 1 channel have no saturation and no hue. Default: they do not change.
   */
  colours?: Tensor;
  /** Mean of each channel, f32 [C], or of each pixel, f32 [SH, SW, C]. */
  mean: Tensor;
  /** 1 / standard deviation of each channel: f32 [C]. */
  inverseDeviation: Tensor;
}

/** Options of augment(). */
export interface AugmentOptions {
  /** Height and width of the result, in pixels. */
  size: readonly [number, number];
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const augmentInputs = opOptions<AugmentInputs>(
  'augment',
  {
    ...{ images: tensorField, indices: tensorField, places: optional(tensorField), colours: optional(tensorField) },
    ...{ mean: tensorField, inverseDeviation: tensorField },
  },
  'inputs',
);

const augmentOptions = opOptions<AugmentOptions>('augment', { size, name: optional(text) });

/**
 * Returns a batch of normalised images from a data set, (pixel - mean) inverseDeviation: an image [N, height, width, C]. Nothing
 * is random: tables say how each image is placed and coloured. An index outside of the data set gives an image of NaN.
 * @param inputs the data set, u8 [M, SH, SW, C], the batch's indices, the tables, and the statistics
 * @param options size of the result, and name
 * @throws ERR_SHAPE if shapes do not fit, or the result is larger than the images and there are no places;
 * ERR_INVALID_ARGUMENT for `size`
 */
export function augment(inputs: AugmentInputs, options: AugmentOptions): Tensor {
  const { images, indices, places = null, colours = null, mean, inverseDeviation } = augmentInputs.check(inputs);
  const { size: result, name } = augmentOptions.check(options);
  const [height, width] = result;
  const operands = [images, indices, places, colours, mean, inverseDeviation];
  return first(apply(augmentOp, operands, { height, width }, name));
}

/**
 * y = x, where each image is mixed with another one of the batch within a rectangle, as its row of a table says. x [N, H, W, C],
 * mixes [N, 6] -> y [N, H, W, C].
 */
const mixOp: Op = {
  name: 'mix',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  halfImages: true,
  inferShape([x, mixes]) {
    const image = expectTensor('mix', 'x', x, { rank: 4, image: true });
    const table = expectTensor('mix', 'mixes', mixes, {});
    expectShape('mix', 'mixes', table, [dimension(image.shape, 0), mixColumns]);
    return [{ dtype: 'f32', shape: image.shape, image: true }];
  },
};

/** Options of mix(). */
export interface MixOptions {
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const mixOptions = opOptions<MixOptions>('mix', { name: optional(text) });

/**
 * Returns images that are mixed with others of their batch: mixup, cutmix or erasing. It has no gradient.
 * @param x an image [N, H, W, C]
 * @param mixes f32 [N, 6]: rows (partner, share, top, left, bottom, right). In the rows from `top` to below `bottom` and the
 * columns from `left` to below `right`, y[n] = share x[n] + (1 - share) x[partner], or share x[n] if the partner is -1; a
 * partner that is no image of the batch gives NaN there. Elsewhere y[n] = x[n]
 * @throws ERR_SHAPE
 */
export function mix(x: Tensor, mixes: Tensor, options: MixOptions = {}): Tensor {
  const { name } = mixOptions.check(options);
  return first(apply(mixOp, [x, mixes], {}, name));
}

/** All ops of this file. */
export const augmentationOps: readonly Op[] = [augmentOp, mixOp];
