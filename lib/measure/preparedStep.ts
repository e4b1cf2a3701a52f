/** One step of a model, compiled and with its inputs, to be measured. The graph is the same as a Trainer's. */
import { compile, type Plan, type RunInputs, type StepResults, type TracedKernel } from '../compile/compile';
import { Augmenter } from '../data/augmentation/augmenter';
import { paperAugmentation } from '../data/augmentation/kinds';
import type { Statistics } from '../data/statistics';
import type { Model } from '../models';
import { precisionBuffers } from '../optim/lossScaling';
import type { Optimizer } from '../optim/optimizer';
import { Philox } from '../random';
import type { Device, Precision, Resident } from '../runtime/device';
import { State } from '../tensor/state';
import { sizeOf } from '../tensor/tensor';
import type { Frozen } from '../train/fineTuning/freeze';
import { evaluationGraph, type StepGraphOptions, trainGraph } from '../train/stepGraphs';

/** The step to prepare. */
export interface PreparedStepOptions {
  readonly model: Model;
  readonly device: Device;
  readonly batch: number;
  readonly precision: Precision;
  readonly deterministic?: boolean;
  readonly autotune?: boolean;
  readonly optimizer: Optimizer;
  readonly labelSmoothing?: number;
  /** The part of the model that is not trained. Default: none. */
  readonly frozen?: Frozen;
  /** Prepares an evaluation step: only forward pass, loss and accuracy. Default false. */
  readonly inference?: boolean;
}

/** Images on the device. */
export interface ResidentImages {
  readonly images: Resident;
  /** Shape of `images`: [count, height, width, channels]. */
  readonly shape: readonly number[];
}

/**
 * Draws random images as bytes, larger than the model's so that crops can be taken: [count, height + 4, width + 4, channels].
 */
export function drawImages(
  { inputShape: [height, width, channels] }: Model,
  count: number,
): { shape: number[]; images: Uint8Array } {
  const shape = [count, height + 4, width + 4, channels];
  const random = new Philox(0, 0x696d6167);
  const images = Uint8Array.from({ length: sizeOf(shape) }, () => random.uint32() & 255);
  return { shape, images };
}

/** Statistics that normalise pixels drawn uniformly from 0 to 255 to mean 0 and deviation 1. */
function plainStatistics(channels: number): Statistics {
  const deviation = 256 / Math.sqrt(12);
  const filled = (value: number) => new Float32Array(channels).fill(value);
  return { mean: filled(127.5), meanShape: [channels], deviation: filled(deviation), scale: filled(1 / deviation) };
}

/** Draws the crops and mirrors of images of this shape, [count, height, width, channels]. */
export function paperAugmenter({ inputShape }: Model, [, height, width, channels]: readonly number[]): Augmenter {
  const stored = [height!, width!, channels!] as const;
  const size = [inputShape[0], inputShape[1]] as const;
  return new Augmenter({ augmentation: paperAugmentation, seed: 0, stored, size, labels: new Int32Array(0) });
}

/** Makes the State of a model and an optimizer as a Trainer does. */
export function stateFor({ model, optimizer, precision, frozen }: PreparedStepOptions): State {
  const { slots, averageSlot } = optimizer;
  const buffers = [...(model.buffers ?? []), ...precisionBuffers(precision)];
  return new State(model.parameters, { optimizerSlots: slots, averageSlot, buffers, frozen: frozen?.parameters });
}

/** A compiled step with its inputs. It must be disposed of. */
export class PreparedStep {
  private constructor(
    readonly plan: Plan,
    private readonly inputs: RunInputs,
  ) {}

  /** Compiles the step. Its batch is the first rows of `images`. @throws what compile throws */
  static async prepare(
    options: PreparedStepOptions,
    state: State,
    { images, shape }: ResidentImages,
  ): Promise<PreparedStep> {
    const { model, device, batch, optimizer, labelSmoothing, inference = false } = options;
    const { precision, deterministic, autotune } = options;
    const count = shape[0] ?? 1;
    const rows = Array.from({ length: batch }, (_, row) => row);
    const indices = Int32Array.from(rows, (row) => row % count);
    const labels = Int32Array.from(rows, (row) => row % model.classes);
    const augmenter = paperAugmenter(model, shape);
    const graphOptions: StepGraphOptions = {
      model,
      state,
      batch,
      images: shape,
      statistics: plainStatistics(model.inputShape[2]),
      tables: augmenter.names,
      frozen: options.frozen?.buffers,
    };
    const graph = inference ? evaluationGraph(graphOptions) : trainGraph(graphOptions, optimizer, { labelSmoothing });
    const plan = await compile(graph, { device, precision, deterministic, autotune });
    const { places } = augmenter.tables(0, { steps: 1, indices, labels, rows: [batch] });
    const inputs = {
      ...{ images, indices, labels },
      // So small that the weights hardly change, however many steps run.
      ...(!inference && { places, learningRate: Float32Array.of(1e-6) }),
    };
    return new PreparedStep(plan, inputs);
  }

  /** Runs a number of steps in one call. */
  run(steps = 1): Promise<StepResults> {
    return this.plan.run(this.inputs, { steps });
  }

  /** Runs one step and returns the time of each kernel, including those that write the State. */
  trace(): Promise<TracedKernel[]> {
    return this.plan.trace(this.inputs, { updates: true });
  }

  /** Runs `count` steps in a call each and returns their times in milliseconds. */
  async time(count: number): Promise<number[]> {
    const times: number[] = [];
    for (let step = 0; step < count; step++) {
      const start = performance.now();
      await this.run();
      times.push(performance.now() - start);
    }
    return times;
  }

  dispose(): void {
    this.plan.dispose();
  }
}
