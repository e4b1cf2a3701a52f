import { compile, type Plan } from '../compile/compile';
import type { Graph } from '../compile/graph';
import { Dataset } from '../data/dataset';
import { DataLoader } from '../data/loader';
import { type ImageShape, type ImageSource, imageBytes } from '../data/source';
import type { Statistics } from '../data/statistics';
import { invalid } from '../errors';
import type { Model } from '../models/model';
import type { Device, Precision } from '../runtime/device';
import type { State } from '../tensor/state';
import { StreamingFeed } from './feed';
import { Runner } from './runner';
import { predictionGraph } from './stepGraphs';

export interface PredictorOptions {
  model: Model;
  /** Its weights and running statistics. */
  state: State;
  /** Of the images that the model was trained on. */
  statistics: Statistics;
  /** Of an image: [height, width, channels]. */
  shape: ImageShape;
  /** Images per step. */
  batch: number;
  device: Device;
  precision?: Precision;
  deterministic?: boolean;
  autotune?: boolean;
  /** Predict with the average of the weights that the State keeps. Default false. */
  averaged?: boolean;
  /** Whether the State is disposed of with the predictor. Default false. */
  ownsState?: boolean;
}

/** Row by row, in the order of the images: [count, classes]. */
export interface Predictions {
  readonly count: number;
  readonly classes: number;
  readonly probabilities: Float32Array;
  /** What the last layer gives: probabilities are their softmax. */
  readonly logits: Float32Array;
}

/** Images: a source of them, or bytes [count, height, width, channels]. */
export type Images = ImageSource | Uint8Array;

/** A model as it answers, centre crops, with nothing random: one plan for any number of images. */
export class Predictor {
  private constructor(
    private readonly options: PredictorOptions,
    private readonly graph: Graph,
    private readonly plan: Plan,
  ) {}

  /** @throws what compile throws */
  static async create(options: PredictorOptions): Promise<Predictor> {
    const { shape, batch, device, precision, deterministic, autotune, averaged } = options;
    const graph = predictionGraph({ ...options, images: [batch, ...shape] }, { averaged });
    const plan = await compile(graph, { device, precision, deterministic, autotune });
    return new Predictor(options, graph, plan);
  }

  /** Of the model. */
  get classes(): number {
    return this.options.model.classes;
  }

  /** @throws ERR_INVALID_ARGUMENT for images of another size */
  async predict(images: Images, { signal }: { signal?: AbortSignal } = {}): Promise<Predictions> {
    const { model, batch } = this.options;
    const source = this.#source(images);
    const { count } = source;
    const { classes } = model;
    const loader = new DataLoader({ labels: new Int32Array(count), batch, shuffle: false });
    const runner = new Runner(this.plan, new StreamingFeed(source, batch), this.graph);
    const probabilities = new Float32Array(count * classes);
    const logits = new Float32Array(count * classes);
    let at = 0;
    for await (const { result } of runner.run({ epoch: loader.epoch(0), first: 0, last: loader.steps, signal })) {
      // The last batch is filled up with rows that nobody asked for.
      const part = Math.min(result.steps * batch * classes, probabilities.length - at);
      probabilities.set((result.outputs.probabilities as Float32Array).subarray(0, part), at);
      logits.set((result.outputs.logits as Float32Array).subarray(0, part), at);
      at += part;
    }
    return { count, classes, probabilities, logits };
  }

  #source(images: Images): ImageSource {
    const { shape, model } = this.options;
    if (!(images instanceof Uint8Array)) {
      if (typeof images?.read !== 'function' || !Array.isArray(images.shape))
        throw invalid('images', 'a Dataset, another ImageSource, or a Uint8Array', images);
      if (String(images.shape) !== String(shape)) throw invalid('shape of images', `[${shape}]`, images.shape);
      return images;
    }
    const count = images.length / imageBytes({ shape });
    if (!(Number.isInteger(count) && count > 0)) {
      throw invalid(
        'images',
        `a positive multiple of ${imageBytes({ shape })} bytes (${shape.join('x')})`,
        images.length,
      );
    }
    return Dataset.from({ images, labels: new Int32Array(count), shape, classes: model.classes });
  }

  /** Frees its plan, and the State if it is its own. */
  dispose(): void {
    this.plan.dispose();
    if (this.options.ownsState) this.options.state.dispose();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
