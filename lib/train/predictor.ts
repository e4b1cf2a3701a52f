import { compile, type Plan } from '../compile/compile';
import type { Graph } from '../compile/graph';
import { Dataset } from '../data/dataset';
import { DataLoader } from '../data/loader';
import { type ImageShape, type ImageSource, imageBytes, isSource } from '../data/source';
import type { Statistics } from '../data/statistics';
import { invalid } from '../errors';
import type { Model } from '../models/model';
import { integer, optional, signal } from '../options/field';
import { type Fields, Options } from '../options/options';
import type { Device, Precision } from '../runtime/device';
import { bytesOf } from '../runtime/dtypes';
import type { State } from '../tensor/state';
import { StreamingFeed } from './feed';
import { Runner } from './runner';
import { predictionGraph } from './stepGraphs';

/** Options of Predictor.create(); loadPredictor() takes some of them. */
export interface PredictorOptions {
  model: Model;
  /** The State with the model's weights and running statistics. */
  state: State;
  /** Mean and scale of the pixels of the images that the model was trained on: they normalise the images to predict. */
  statistics: Statistics;
  /** Shape of an image: [height, width, channels]; height and width are at least the model's, the centre is used. */
  shape: ImageShape;
  /** Images per step, 1 to 1,000,000. The result does not depend on it, except for rounding. */
  batch: number;
  device: Device;
  /** Arithmetic of the plan, as for compile(). Default "f32". */
  precision?: Precision;
  /** Use only kernels that give the same bits in every run. Default true. */
  deterministic?: boolean;
  /** On a GPU, time the candidates of each convolution and keep the fastest. Default true. */
  autotune?: boolean;
  /** Predict with the average of the weights, which the State must keep. Default false. */
  averaged?: boolean;
  /** Whether the State is disposed of with the predictor. Default false. */
  ownsState?: boolean;
}

/** Options of predict(). */
export interface PredictOptions {
  /** The number of images in an array of bytes, which has no shape of its own; default 1. For an ImageSource, its count. */
  count?: number;
  /** When it is aborted, predict() throws its reason after the native call under way (about a second). */
  signal?: AbortSignal;
}

/** Schema of the options of predict(). */
export const predictFields: Fields<PredictOptions> = { count: optional(integer(1)), signal: optional(signal) };

const predictOptions = new Options('predict()', predictFields);

/** The result of predict(): one row per image, in the order of the images. */
export interface Predictions {
  /** The number of images. */
  readonly count: number;
  /** The number of classes. */
  readonly classes: number;
  /** Probability of each class for each image, `[count, classes]`, row-major; each row adds up to 1. */
  readonly probabilities: Float32Array;
  /** Outputs of the last layer, `[count, classes]`, row-major; the probabilities are their softmax. */
  readonly logits: Float32Array;
}

/**
 * Images to predict: an ImageSource (its labels are not used), or bytes 0 to 255, [count, height, width, channels], whose
 * option `count` is 1 by default.
 */
export type Images = ImageSource | Uint8Array | Uint8ClampedArray;

/**
 * A model that predicts the classes of any number of images. Images larger than the model's input are cropped at the centre, and
 * nothing is random. loadPredictor() makes one from a file.
 */
export class Predictor {
  private constructor(
    private readonly options: PredictorOptions,
    private readonly graph: Graph,
    private readonly plan: Plan,
  ) {}

  /** Makes a predictor and compiles its plan. @throws what compile throws */
  static async create(given: PredictorOptions): Promise<Predictor> {
    const options = { ...given }; // the caller may change the object while the plan is compiled
    const { shape, batch, device, precision, deterministic, autotune, averaged } = options;
    const graph = predictionGraph({ ...options, images: [batch, ...shape] }, { averaged });
    const plan = await compile(graph, { device, precision, deterministic, autotune });
    return new Predictor(options, graph, plan);
  }

  /** Shape of the images that the model reads: [height, width, channels]. Larger images are cropped to it at the centre. */
  get inputShape(): ImageShape {
    return this.options.model.inputShape;
  }

  /** The number of classes of the model. */
  get classes(): number {
    return this.options.model.classes;
  }

  /**
   * Predicts the classes of images. Bytes are copied at the call.
   * @param images images of the shape that the predictor was made for
   * @param options number of images in an array of bytes (default 1), and a signal that ends the prediction
   * @throws ERR_INVALID_ARGUMENT for images of another shape, or another number of bytes than `count` images have
   */
  async predict(images: Images, options: PredictOptions = {}): Promise<Predictions> {
    const { count: given, signal } = predictOptions.check(options);
    const { model, batch } = this.options;
    const source = imagesToPredict(images, this.options.shape, model, given);
    const { count } = source;
    const { classes } = model;
    const loader = new DataLoader({ labels: new Int32Array(count), batch, shuffle: false });
    const runner = new Runner(this.plan, new StreamingFeed(source, batch), this.graph);
    const probabilities = new Float32Array(count * classes);
    const logits = new Float32Array(count * classes);
    let at = 0;
    for await (const { result } of runner.run({ epoch: loader.epoch(0), first: 0, last: loader.steps, signal })) {
      // The last batch may be filled up with masked rows, which are left out.
      const part = Math.min(result.steps * batch * classes, probabilities.length - at);
      probabilities.set((result.outputs.probabilities as Float32Array).subarray(0, part), at);
      logits.set((result.outputs.logits as Float32Array).subarray(0, part), at);
      at += part;
    }
    return { count, classes, probabilities, logits };
  }

  /** Frees the plan, and the State if it belongs to the predictor (always after loadPredictor). */
  dispose(): void {
    this.plan.dispose();
    if (this.options.ownsState) this.options.state.dispose();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Returns what predict() is given as a source. Bytes are copied, because they are read over many native calls.
 * @throws ERR_INVALID_ARGUMENT for images of another shape
 * @internal
 */
export function imagesToPredict(
  images: Images,
  shape: ImageShape,
  { classes }: Pick<Model, 'classes'>,
  count?: number,
): ImageSource {
  if (!ArrayBuffer.isView(images)) {
    if (!isSource(images)) throw invalid('images', 'a Dataset, another ImageSource, or a Uint8Array', images);
    if (String(images.shape) !== String(shape)) throw invalid('shape of images', `[${shape}]`, images.shape);
    if (count !== undefined && count !== images.count)
      throw invalid('count', `the source's ${images.count}, or nothing,`, count);
    return images;
  }
  const bytes = new Uint8Array(bytesOf(images, 'images'));
  // The length alone would take one large image for several small ones.
  const number = count ?? 1;
  const size = imageBytes({ shape });
  if (bytes.length !== number * size) {
    const remedy = count === undefined ? '; option count says how many there are' : '';
    const what = `${number} image${number === 1 ? '' : 's'} of ${shape.join('x')}${remedy}`;
    throw invalid('images', `${number * size} bytes (${what})`, bytes.length);
  }
  return Dataset.from({ images: bytes, labels: new Int32Array(number), shape, classes });
}
