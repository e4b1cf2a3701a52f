/** The input of an ONNX file: pictures as bytes, which the graph crops and normalises, or normalised images. */
import type { ImageShape } from '../data/source';
import type { Statistics } from '../data/statistics';
import { SaturnnError } from '../errors';
import type { Model } from '../models';
import { sizeOf } from '../tensor/tensor';
import { orderOf, reorder } from '../weights/layout';
import type { OnnxGraph } from './builder';
import { elementTypes, type ValueInfoProto } from './messages';
import { toOnnx } from './values';

/** Name of the input. */
export const inputName = 'images';

/** The images that a file takes. */
export interface OnnxInput {
  /** Type of the elements: bytes, 0 to 255, or float32. */
  readonly dtype: 'u8' | 'f32';
  /** Shape of one image: [height, width, channels] of bytes, [channels, height, width] of floats. */
  readonly shape: readonly [number, number, number];
}

/** The name, in ONNX, of the dimension that counts images. */
export const batchName = 'N';

/** Returns the shape of the training's images, of which the network may read only the centre. */
export const pictureShape = ({ inputShape }: Pick<Model, 'inputShape'>, { imageShape }: Statistics): ImageShape =>
  imageShape ?? inputShape;

/** Returns the input of a file for a model. */
export function inputFor(model: Pick<Model, 'inputShape'>, statistics: Statistics, floatInput: boolean): OnnxInput {
  const [height, width, channels] = model.inputShape;
  if (floatInput) return { dtype: 'f32', shape: [channels, height, width] };
  return { dtype: 'u8', shape: pictureShape(model, statistics) };
}

/** Describes an input or output whose first dimension is the number of images. */
export const describeValue = (
  name: string,
  dtype: keyof typeof elementTypes,
  shape: readonly number[],
  docString: string,
): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: elementTypes[dtype],
      shape: { dim: [{ dimParam: batchName }, ...shape.map((dimValue) => ({ dimValue }))] },
    },
  },
  docString,
});

/** Says what the input holds. */
export const inputText = ({ dtype }: OnnxInput): string =>
  dtype === 'u8'
    ? 'pixels as bytes, 0 to 255: [N, height, width, channels]. They are normalised by the graph'
    : 'normalised pixels, (pixel of 0 to 255 - mean) scale: [N, channels, height, width]. The metadata have mean and scale';

/** Where the pixels that the network reads begin in an image of another size: the crop at the centre. */
export const cropOf = (
  [height, width]: readonly number[],
  [innerHeight, innerWidth]: readonly number[],
): readonly [top: number, left: number] => [
  Math.floor((height! - innerHeight!) / 2),
  Math.floor((width! - innerWidth!) / 2),
];

/**
 * Adds the nodes between the input and the network.
 * @returns the images that the network reads, [N, C, H, W] in the graph's type
 * @throws ERR_DATA if the statistics do not fit the images, or the training's images are smaller than the network's
 */
export function addImages(graph: OnnxGraph, input: OnnxInput, model: Model, statistics: Statistics): string {
  checkStatistics(pictureShape(model, statistics), model, statistics);
  const value = input.dtype === 'u8' ? normalized(graph, input.shape, model.inputShape, statistics) : inputName;
  return graph.dtype === 'f32' ? value : graph.node('Cast', [value], inputName, { to: elementTypes[graph.dtype] });
}

/** Checks what a file says of the training's images. @throws ERR_DATA */
function checkStatistics(shape: ImageShape, { inputShape }: Model, { mean, meanShape, scale }: Statistics): void {
  const [height, width, channels] = inputShape;
  if (shape[0] < height || shape[1] < width || shape[2] !== channels) {
    const read = inputShape.join('x');
    throw new SaturnnError(
      'ERR_DATA',
      `the network reads images of ${read}, and the training's have ${shape.join('x')}`,
    );
  }
  const isPerChannel = String(meanShape) === String([channels]);
  const fits = (isPerChannel || String(meanShape) === String(shape)) && sizeOf(meanShape) === mean.length;
  if (fits && scale.length === channels) return;
  const means = `${mean.length} means of shape [${meanShape}] and ${scale.length} scales`;
  throw new SaturnnError('ERR_DATA', `${means} do not fit images of ${shape.join('x')}`);
}

function normalized(
  graph: OnnxGraph,
  shape: readonly [number, number, number],
  inputShape: readonly [number, number, number],
  { mean, meanShape, scale }: Statistics,
): string {
  const layer = 'normalization';
  const [height, width, channels] = inputShape;
  const [top, left] = cropOf(shape, inputShape);
  const isCropped = shape[0] !== height || shape[1] !== width;
  const cropped = isCropped ? crop(graph, layer, [top, left], [height, width]) : inputName;
  const floats = graph.node('Cast', [cropped], layer, { to: elementTypes.f32 });
  const ordered = graph.node('Transpose', [floats], layer, { perm: toOnnx });
  const isImage = meanShape.length === 3;
  const means = isImage ? croppedMean(mean, meanShape, [top, left], inputShape) : mean;
  const meanName = graph.constant('mean', isImage ? [channels, height, width] : [channels, 1, 1], means, {
    kept: true,
  });
  const centred = graph.node('Sub', [ordered, meanName], layer);
  const scaleName = graph.constant('scale', [channels, 1, 1], scale, { kept: true });
  return graph.node('Mul', [centred, scaleName], layer);
}

function crop(
  graph: OnnxGraph,
  layer: string,
  [top, left]: readonly [number, number],
  [height, width]: readonly [number, number],
): string {
  const begin = graph.integers(`${layer}/begin`, [top, left]);
  const end = graph.integers(`${layer}/end`, [top + height, left + width]);
  return graph.node('Slice', [inputName, begin, end, graph.integers(`${layer}/axes`, [1, 2])], layer);
}

/** Returns the part of a mean image [height, width, channels] that belongs to the crop, as [channels, height, width]. */
function croppedMean(
  mean: Float32Array,
  meanShape: readonly number[],
  [top, left]: readonly [number, number],
  [height, width, channels]: readonly [number, number, number],
): Float32Array {
  const [, wholeWidth = 0] = meanShape;
  const part = new Float32Array(height * width * channels);
  for (let row = 0; row < height; row++) {
    const begin = ((top + row) * wholeWidth + left) * channels;
    part.set(mean.subarray(begin, begin + width * channels), row * width * channels);
  }
  return reorder(part, orderOf('convolution', [1, height, width, channels])!, false);
}

/**
 * Returns one image as the network reads it, for a file that takes floats: [channels, height, width].
 * @param pixels the bytes of an image of the training's shape
 */
export function normalizedImage(pixels: Uint8Array, model: Model, statistics: Statistics): Float32Array {
  const { mean, meanShape, scale } = statistics;
  const whole = pictureShape(model, statistics);
  const [height, width, channels] = model.inputShape;
  const [top, left] = cropOf(whole, model.inputShape);
  const floats = new Float32Array(height * width * channels);
  for (let row = 0, at = 0; row < height; row++) {
    const begin = ((top + row) * whole[1] + left) * channels;
    for (let column = 0; column < width * channels; column++, at++) {
      const channel = column % channels;
      const own = meanShape.length === 3 ? mean[begin + column]! : mean[channel]!;
      floats[at] = Math.fround(pixels[begin + column]! - own) * scale[channel]!;
    }
  }
  return reorder(floats, orderOf('convolution', [1, height, width, channels])!, false);
}
