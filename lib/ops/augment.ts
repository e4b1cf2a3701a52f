import { checkInteger } from '../errors';
import { apply, type Tensor } from '../tensor';
import { dimension, expectShape, expectTensor, first, type Op, shapeError } from './op';

/**
 * A batch of crops: y = (pixel - mean) inverseDeviation. images u8 [M, H, W, C], indices i32 [N], counter i32 [2] (seed,
 * step), mean [C] or [H, W, C], inverseDeviation [C] -> y [N, OH, OW, C]. A mean per pixel is that of the pixel's place in
 * the whole image: it is cropped and mirrored with the image. With `random`: crop offset (uniform) and mirror (one half)
 * are drawn per image by Philox keyed by seed and step, so they depend on nothing else; without: centre crop.
 */
export const augmentOp: Op = {
  name: 'augment',
  attributes: [['random', 'i32']],
  readsSlices: false,
  writesSlices: false,
  samples: 0,
  halfImages: true,
  inferShape([images, indices, counter, mean, inverseDeviation], { height = 0, width = 0 }) {
    const source = expectTensor('augment', 'images', images, { dtype: 'u8', rank: 4 });
    const batch = expectTensor('augment', 'indices', indices, { dtype: 'i32', rank: 1 });
    expectShape('augment', 'counter', expectTensor('augment', 'counter', counter, { dtype: 'i32' }), [2]);
    const [, sourceHeight, sourceWidth, channels] = source.shape as [number, number, number, number];
    const pixelMean = expectTensor('augment', 'mean', mean, {});
    const meanShape = pixelMean.shape.length === 3 ? [sourceHeight, sourceWidth, channels] : [channels];
    expectShape('augment', 'mean', pixelMean, meanShape);
    const deviation = expectTensor('augment', 'inverseDeviation', inverseDeviation, {});
    expectShape('augment', 'inverseDeviation', deviation, [channels]);
    if (height < 1 || width < 1 || height > sourceHeight || width > sourceWidth) {
      throw shapeError('augment', 'size', `a crop within ${sourceHeight}x${sourceWidth}`, [height, width]);
    }
    return [{ dtype: 'f32', shape: [dimension(batch.shape, 0), height, width, channels], image: true }];
  },
};

export interface AugmentInputs {
  images: Tensor;
  indices: Tensor;
  counter: Tensor;
  mean: Tensor;
  inverseDeviation: Tensor;
}

export interface AugmentOptions {
  /** Height and width of the crop. */
  size: readonly [number, number];
  /** True in training: random crop and mirror. False: centre crop. */
  random: boolean;
  name?: string;
}

/** @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function augment(inputs: AugmentInputs, { size: [height, width], random, name }: AugmentOptions): Tensor {
  const { images, indices, counter, mean, inverseDeviation } = inputs;
  checkInteger('size[0]', height, 1);
  checkInteger('size[1]', width, 1);
  const attributes = { random: random ? 1 : 0, height, width };
  return first(apply(augmentOp, [images, indices, counter, mean, inverseDeviation], attributes, name));
}
