import { Dataset } from '../data/dataset';
import { type ImageShape, type ImageSource, imageBytes, imageShapeField, isSource } from '../data/source';
import { knownStatisticsField, type Statistics } from '../data/statistics';
import { invalid } from '../errors';
import type { Evaluation } from '../evaluation/evaluation';
import type { MetricsKind } from '../evaluation/metrics';
import { type Model, modelField } from '../models/model';
import { flag, integer, optional, record, signal } from '../options/field';
import { type Fields, Options } from '../options/options';
import { type Device, deviceField, deviceOf, type Precision, precisionField } from '../runtime/device';
import { bytesOf } from '../runtime/dtypes';
import { type State, stateField } from '../tensor/state';
import { checkEvaluated, evaluateSource } from './evaluation/evaluateSource';
import { type EvaluationOptions, evaluateFields } from './evaluation/options';
import {
  type ActivationsOptions,
  activationsOf,
  activationsOptions,
  type LayerActivations,
} from './explain/activations';
import { type GradCam, type GradCamOptions, gradCamOf, gradCamOptions } from './explain/gradCam';
import { type TrainedLoss, trainedLoss, trainedLossField } from './loss/loss';
import { collect } from './predict/collect';
import {
  type DecodedFiles,
  type DecodeFilesOptions,
  decodeFiles,
  type FilePrediction,
  type PredictFilesOptions,
  predictFiles,
} from './predict/files';
import { PredictionPlans } from './predict/plans';

/** Options of Predictor.create(); loadPredictor() takes some of them. */
export interface PredictorOptions {
  model: Model;
  /** The State with the model's weights and running statistics. */
  state: State;
  /** Mean and scale of the pixels of the images that the model was trained on: they normalise the images to predict. */
  statistics: Statistics;
  /**
   * Shape of an image: [height, width, channels]; height and width are at least the model's, the centre is used. Default: that of the
   * training's images, if the statistics say it, else the model's.
   */
  shape?: ImageShape;
  /**
   * Most images per step, 1 to 1,000,000. Fewer images are predicted in smaller steps, each with a plan of its own. The result does
   * not depend on it, except for rounding. Default 64.
   */
  batch?: number;
  /** The device of the State, or its name for openDevice(). Default "auto". */
  device?: Device | string;
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
  /** The data that the model was trained on: names of the classes, and how pictures become images. Default: neither is known. */
  data?: Pick<ImageSource, 'classNames' | 'decoding'>;
  /**
   * The loss that the model was trained with, and what it computes: "classes" (default), "numbers" or "labels" (several of each image).
   * Probabilities, and what evaluate() returns, depend on it. A model file says it.
   */
  loss?: TrainedLoss;
}

/** The defaults of PredictorOptions. */
export const predictorDefaults = { batch: 64 } as const;

const predictorOptions = new Options<PredictorOptions>('Predictor.create()', {
  ...{ model: modelField, state: stateField, statistics: knownStatisticsField },
  ...{ shape: optional(imageShapeField), batch: optional(integer(1, 1_000_000)), device: optional(deviceField) },
  ...{ precision: optional(precisionField), deterministic: optional(flag), autotune: optional(flag) },
  ...{
    averaged: optional(flag),
    ownsState: optional(flag),
    data: optional(record('an object { classNames, decoding }')),
    loss: optional(trainedLossField),
  },
});

/** PredictorOptions with their defaults. */
type ResolvedOptions = PredictorOptions & Required<Pick<PredictorOptions, 'shape' | 'batch'>> & { device: Device };

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
const evaluateOptions = new Options('Predictor.evaluate()', evaluateFields);

/** The result of predict(): one row per image, in the order of the images. */
export interface Predictions {
  /** The number of images. */
  readonly count: number;
  /** The number of classes. */
  readonly classes: number;
  /**
   * Probability of each class for each image, `[count, classes]`, row-major: of networks of classes each row adds up to 1, of networks of
   * several labels per image each number is that of its label. Empty if the network computes numbers, which are the logits.
   */
  readonly probabilities: Float32Array;
  /**
   * Outputs of the last layer, `[count, classes]`, row-major; the probabilities are their softmax or, of several labels per image, their
   * logistic function.
   */
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
    private readonly options: ResolvedOptions,
    private readonly plans: PredictionPlans,
  ) {}

  /**
   * Makes a predictor of a network whose weights are in a State. Its plans are compiled at their first use. loadPredictor() makes one of
   * a file.
   * @throws ERR_INVALID_ARGUMENT; ERR_UNSUPPORTED if the device lacks the precision
   */
  static async create(given: PredictorOptions): Promise<Predictor> {
    const checked = predictorOptions.check(given);
    const { model, statistics, batch = predictorDefaults.batch } = checked;
    const { shape = statistics.imageShape ?? model.inputShape } = checked;
    const options = { ...checked, shape, batch, device: deviceOf(checked.device) };
    const { loss, ...forPlans } = options;
    return new Predictor(options, new PredictionPlans(forPlans));
  }

  /** Shape of the images that the model reads: [height, width, channels]. Larger images are cropped to it at the centre. */
  get inputShape(): ImageShape {
    return this.options.model.inputShape;
  }

  /** Shape of the images that predict() takes: [height, width, channels]. */
  get shape(): ImageShape {
    return this.options.shape;
  }

  /** The number of classes of the model. */
  get classes(): number {
    return this.options.model.classes;
  }

  /** One name per class; null if they are not known. */
  get classNames(): readonly string[] | null {
    const { model, data } = this.options;
    return data?.classNames?.length === model.classes ? data.classNames : null;
  }

  /** The loss that the model was trained with, and what it computes. */
  get loss(): TrainedLoss {
    return this.options.loss ?? trainedLoss(null);
  }

  /**
   * Predicts the classes of images. Bytes are copied at the call.
   * @param images images of the shape that the predictor was made for
   * @param options number of images in an array of bytes (default 1), and a signal that ends the prediction
   * @throws ERR_INVALID_ARGUMENT for images of another shape, or another number of bytes than `count` images have; what compile
   * throws, at the first use of a plan; ERR_DISPOSED
   */
  async predict(images: Images, options: PredictOptions = {}): Promise<Predictions> {
    const { count: given, signal } = predictOptions.check(options);
    const { model, shape } = this.options;
    const source = imagesToPredict(images, shape, model, given);
    const { count } = source;
    const { classes } = model;
    const sizes = { probabilities: classes, logits: classes };
    const { probabilities, logits } = await collect(this.plans, source, sizes, { signal });
    return { count, classes, probabilities: probabilitiesOf(this.loss.kind, logits, probabilities), logits };
  }

  /**
   * Decodes pictures (JPEG, PNG, WebP, TIFF, GIF or AVIF; sharp must be installed) as those of the training were, and predicts their
   * classes. They are brought to the size of the training's pictures; `resize: false` refuses pictures of another size.
   * @param paths paths of files, and of folders, whose pictures are taken in the order of their names, those of inner folders included
   * @param options `top`: the most guesses for each picture (default 3); `resize`; `onBroken`: whether a file that cannot be decoded is
   * an error ("fail", the default) or a prediction without guesses ("skip"); `signal`
   * @returns one prediction for each picture, in order
   * @throws ERR_DATA naming the file if it cannot be read or decoded, or has another size (with `resize: false`), or if a folder has no
   * pictures; ERR_PACKAGE without sharp; what predict() throws
   */
  async predictFiles(paths: string | readonly string[], options: PredictFilesOptions = {}): Promise<FilePrediction[]> {
    if (this.loss.kind === 'numbers')
      throw invalid(
        'the network',
        `classes or labels, not numbers (loss "${this.loss.name}"); predict() returns these`,
        'numbers',
      );
    return predictFiles(this, this.#images(), paths, options);
  }

  /**
   * Decodes pictures as predictFiles() does, for predict(), activations() and gradCam(). All of them are in memory at the same time.
   * @param paths paths of files, and of folders, whose pictures are taken in the order of their names, those of inner folders included
   * @param options `resize`: false refuses pictures of another size (default true); `signal`
   * @throws ERR_DATA naming the first file that cannot be used; ERR_PACKAGE without sharp; ERR_INVALID_ARGUMENT
   */
  async decodeFiles(paths: string | readonly string[], options: DecodeFilesOptions = {}): Promise<DecodedFiles> {
    return decodeFiles(this.#images(), paths, options);
  }

  #images() {
    const { shape, data, batch } = this.options;
    return { shape, decoding: data?.decoding ?? null, batch };
  }

  /**
   * Computes what layers of the network give for images. The first call with these layers compiles a plan, which is kept. Bytes are
   * copied at the call.
   * @param images images of the shape that the predictor was made for
   * @param options `layers`: names of layers, as inspectModel() has them; number of images in an array of bytes (default 1); `signal`
   * @returns shape and values of each layer's output, after its activation, by its name
   * @throws ERR_INVALID_ARGUMENT, for a name that no layer has with the nearest one; ERR_OUT_OF_MEMORY; what predict() throws
   */
  async activations(images: Images, options: ActivationsOptions): Promise<Record<string, LayerActivations>> {
    const checked = activationsOptions.check(options);
    const { model, shape } = this.options;
    const source = imagesToPredict(images, shape, model, checked.count);
    return activationsOf({ model, plans: this.plans }, source, checked);
  }

  /**
   * Computes where in images a layer sees what speaks for a class: Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391). Bytes are copied at
   * the call. bf16 and fp16 predictors compute it in f32. overlayMap() makes a picture of a map.
   * @param images images of the shape that the predictor was made for
   * @param options `layer` (default: the last one whose output has more than one pixel); `label`: the class (default: the predicted one);
   * number of images in an array of bytes (default 1); `signal`
   * @throws ERR_INVALID_ARGUMENT; ERR_GRAPH if an operation after the layer has no gradient; what predict() throws
   */
  async gradCam(images: Images, options: GradCamOptions = {}): Promise<GradCam> {
    const checked = gradCamOptions.check(options);
    const { model, shape } = this.options;
    const source = imagesToPredict(images, shape, model, checked.count);
    return gradCamOf({ model, plans: this.plans }, source, checked);
  }

  /**
   * Evaluates the model on a data set, as Trainer.evaluate() does: loss, top-k accuracy, confusion matrix, scores of each class,
   * calibration, and the worst mistakes.
   * @param data images of the shape that the predictor was made for. Its classes must be the model's: no others, and no others' names
   * @param options `mistakes`: the most mistakes (default 24); `bins`: bins of the calibration (default 15); `signal`
   * @returns for networks of numbers or of several labels per image a NumbersEvaluation or LabelsEvaluation, whose loss is NaN if it is
   * a function of one's own
   * @throws ERR_INVALID_ARGUMENT; ERR_NON_FINITE if an output of the network is not finite; what predict() throws
   */
  async evaluate<T = Evaluation>(data: ImageSource, options: EvaluationOptions = {}): Promise<T> {
    const checked = evaluateOptions.check(options);
    const { shape, classes, classNames, loss } = this;
    const network = { shape, classes, classNames, loss: { ...loss, width: null } };
    checkEvaluated(data, network);
    const batch = this.plans.batchFor(data.count);
    return evaluateSource(await this.plans.runner(data, batch), data, batch, network, checked) as Promise<T>;
  }

  /** Frees the plans, and the State if it belongs to the predictor (always after loadPredictor). */
  dispose(): void {
    this.plans.dispose();
    if (this.options.ownsState) this.options.state.dispose();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Returns the probabilities of a network: the softmax that its plan has computed, or the logistic function of its outputs. */
function probabilitiesOf(kind: MetricsKind, logits: Float32Array, softmax: Float32Array): Float32Array {
  if (kind === 'classes') return softmax;
  return kind === 'labels' ? logits.map((x) => 1 / (1 + Math.exp(-x))) : new Float32Array(0);
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
