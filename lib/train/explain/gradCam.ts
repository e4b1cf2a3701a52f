/** Finds the pixels that speak for a class: Predictor.gradCam(). */
import { types } from 'node:util';
import type { Batches } from '../../data/loader';
import type { ImageSource } from '../../data/source';
import { checkInteger, invalid } from '../../errors';
import { anyOf, arrayOf, custom, integer, optional, signal, text } from '../../options/field';
import { Options } from '../../options/options';
import { blockChannels } from '../../runtime/layout';
import { collect } from '../predict/collect';
import type { LookedInto } from './activations';
import { gradCamLook } from './graphs';
import { imageLayer } from './layers';

/** Options of Predictor.gradCam(). */
export interface GradCamOptions {
  /**
   * Name of the layer whose output is looked at, as inspectModel() and `saturnn inspect` have it; it must be an image. Default: the last
   * layer whose output has more than one pixel.
   */
  layer?: string;
  /** Index of the class to explain, for all images, or one index for each image. Default: the class that is predicted. */
  label?: number | readonly number[] | Int32Array;
  /** The number of images in an array of bytes, which has no shape of its own; default 1. For an ImageSource, its count. */
  count?: number;
  /** When it is aborted, gradCam() throws its reason after the native call under way (about a second). */
  signal?: AbortSignal;
}

export const gradCamOptions = new Options<GradCamOptions>('Predictor.gradCam()', {
  layer: optional(text),
  label: optional(
    anyOf<[number, readonly number[], Int32Array]>(
      'the index of a class, or one for each image',
      integer(0),
      arrayOf(integer(0)),
      custom('an Int32Array', types.isInt32Array),
    ),
  ),
  count: optional(integer(1)),
  signal: optional(signal),
});

/** The result of Predictor.gradCam(). */
export interface GradCam {
  /** The number of images. */
  readonly count: number;
  /** Name of the layer that was looked at. */
  readonly layer: string;
  /** Height and width of each map, which are those of the layer's output. */
  readonly shape: readonly [height: number, width: number];
  /**
   * A map for each image, `[count, height, width]`, row-major, from 0 on: the larger a value, the more does what the layer sees there speak
   * for the class. Maps of different images have different scales.
   */
  readonly maps: Float32Array;
  /** Index of the class that each map explains: `[count]`. */
  readonly labels: Int32Array;
  /** Probability of this class for each image: `[count]`. */
  readonly probabilities: Float32Array;
}

/** Computes Grad-CAM for all images of a source. @throws ERR_INVALID_ARGUMENT; what predict() throws */
export async function gradCamOf(
  { model, plans }: LookedInto,
  source: ImageSource,
  { layer: name, label, signal }: GradCamOptions,
): Promise<GradCam> {
  const { classes } = model;
  const { count } = source;
  const { height, width, ...layer } = imageLayer('layer', model, name);
  const given = label === undefined ? null : checkLabels(label, count, classes);
  const labels = given ?? (await predicted({ model, plans }, source, signal));
  const seedOf = ({ indices }: Batches) => {
    const seed = new Float32Array(indices.length * classes);
    indices.forEach((image, row) => {
      seed[row * classes + labels[image]!] = 1;
    });
    return { seed };
  };
  const sizes = { map: height * width * blockChannels, probabilities: classes };
  const look = { look: gradCamLook(layer.name), inputsOf: seedOf, signal };
  const { map, probabilities } = await collect(plans, source, sizes, look);
  return {
    ...{ count, layer: layer.name, shape: [height, width], labels },
    maps: Float32Array.from({ length: count * height * width }, (_, pixel) => map[pixel * blockChannels]!),
    probabilities: Float32Array.from(labels, (own, image) => probabilities[image * classes + own]!),
  };
}

function checkLabels(label: NonNullable<GradCamOptions['label']>, count: number, classes: number): Int32Array {
  const labels = typeof label === 'number' ? new Array<number>(count).fill(label) : [...label];
  if (labels.length !== count) throw invalid('label', `one class, or one for each of ${count} images,`, labels.length);
  labels.forEach((one, image) => {
    checkInteger(typeof label === 'number' ? 'label' : `label[${image}]`, one, 0, classes - 1);
  });
  return Int32Array.from(labels);
}

/** Returns the class with the largest logit for each image; of equal ones, the one with the smaller index. */
async function predicted({ model, plans }: LookedInto, source: ImageSource, signal?: AbortSignal): Promise<Int32Array> {
  const { classes } = model;
  const { logits } = await collect(plans, source, { logits: classes }, { signal });
  return Int32Array.from({ length: source.count }, (_, image) => {
    const own = logits.subarray(image * classes, (image + 1) * classes);
    return own.reduce((best, value, index) => (value > own[best]! ? index : best), 0);
  });
}
