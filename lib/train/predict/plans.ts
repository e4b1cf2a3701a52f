import { compile, type Plan } from '../../compile/compile';
import type { Graph } from '../../compile/graph';
import type { ImageShape, ImageSource } from '../../data/source';
import { SaturnnError } from '../../errors';
import type { Device, Precision } from '../../runtime/device';
import { Landings } from '../../runtime/landings';
import { storesHalves } from '../../runtime/precisions';
import { StreamingFeed } from '../feed';
import { Runner } from '../runner';
import { type InferenceOptions, predictionGraph, type StepGraphOptions } from '../stepGraphs';

/** Options of PredictionPlans: the network, the images that it is given, and the device. */
export interface PredictionPlansOptions extends Omit<StepGraphOptions, 'images'>, InferenceOptions {
  readonly shape: ImageShape;
  readonly device: Device;
  readonly precision?: Precision | undefined;
  readonly deterministic?: boolean | undefined;
  readonly autotune?: boolean | undefined;
}

/** A way to look at a network: a graph that has the inputs of the prediction, and maybe others. */
export interface Look {
  /** Tells its plans from those of others. */
  readonly key: string;
  /** Makes the graph of a step. */
  readonly graph: (options: StepGraphOptions, inference: InferenceOptions) => Graph;
  /** Whether it computes in f32 where the precision would store halves. Default false. */
  readonly inFloats?: boolean;
}

const prediction: Look = { key: 'prediction', graph: predictionGraph };

interface Made {
  readonly plan: Plan;
  readonly graph: Graph;
}

/**
 * The plans of a Predictor, one for each batch that is asked for, and for each other look at the network: a plan has a fixed batch, and
 * one image in a batch of 64 would take the time of 64. Each is compiled at its first use and kept.
 */
export class PredictionPlans {
  readonly #plans = new Map<string, Promise<Made>>();
  readonly #landings: Landings;
  #disposed = false;

  /** @param options with the largest batch. @throws ERR_UNSUPPORTED if the device lacks the precision */
  constructor(private readonly options: PredictionPlansOptions) {
    options.device.checkPrecision(options.precision ?? 'f32');
    this.#landings = new Landings(options.device);
  }

  /**
   * Returns the batch for `count` images: the largest one if there are as many, else the largest power of two that is not above
   * `count`, so that there are few plans.
   */
  batchFor(count: number): number {
    const { batch } = this.options;
    return count >= batch ? batch : 2 ** Math.floor(Math.log2(Math.max(1, count)));
  }

  /**
   * Returns a runner of the images of a source, in steps of `batch`.
   * @param look default: the prediction
   * @throws ERR_DISPOSED; what compile throws
   */
  async runner(source: ImageSource, batch: number, look: Look = prediction): Promise<Runner> {
    if (this.#disposed) throw new SaturnnError('ERR_DISPOSED', 'this Predictor was disposed of');
    const key = `${batch} ${look.key}`;
    const known = this.#plans.get(key) ?? this.#keep(key, batch, look);
    const { plan, graph } = await known;
    return new Runner(plan, new StreamingFeed(source, batch, this.#landings), graph);
  }

  #keep(key: string, batch: number, look: Look): Promise<Made> {
    const made = this.#make(batch, look);
    this.#plans.set(key, made);
    // A failure is not kept, because a later attempt may find enough memory.
    made.catch(() => this.#plans.delete(key));
    return made;
  }

  async #make(batch: number, { graph: makeGraph, inFloats = false }: Look): Promise<Made> {
    const { shape, device, precision: asked = 'f32', deterministic, autotune, averaged, ...parts } = this.options;
    const precision = inFloats && storesHalves(asked) ? 'f32' : asked;
    const graph = makeGraph({ ...parts, batch, images: [batch, ...shape] }, { averaged });
    return { plan: await compile(graph, { device, precision, deterministic, autotune }), graph };
  }

  /** Frees the plans, also those that are being compiled. */
  dispose(): void {
    this.#disposed = true;
    // A compilation that failed has nothing to free, and its caller has received the error.
    for (const made of this.#plans.values()) made.then(({ plan }) => plan.dispose()).catch(() => {});
    this.#landings.dispose();
    this.#plans.clear();
  }
}
