/** One step of a model, compiled and fed, for those who measure it: the same graph as a Trainer's. */

import { compile, type Plan, type RunInputs, type StepResults, type TracedKernel } from '../compile/compile';
import type { Statistics } from '../data/statistics';
import type { Model } from '../models';
import { precisionBuffers } from '../optim/lossScaling';
import type { Optimizer } from '../optim/optimizer';
import { Philox } from '../random';
import type { Device, Precision, Resident } from '../runtime/device';
import { State } from '../tensor/state';
import { sizeOf } from '../tensor/tensor';
import { evaluationGraph, type StepGraphOptions, trainGraph } from '../train/stepGraphs';

export interface PreparedStepOptions {
  readonly model: Model;
  readonly device: Device;
  readonly batch: number;
  readonly precision: Precision;
  readonly deterministic?: boolean;
  readonly autotune?: boolean;
  readonly optimizer: Optimizer;
  readonly labelSmoothing?: number;
  /** Forward pass, loss and accuracy alone. */
  readonly inference?: boolean;
}

export interface ResidentImages {
  readonly images: Resident;
  /** Of `images`: [count, height, width, channels]. */
  readonly shape: readonly number[];
}

/** Random pixels, somewhat larger than the model's images so that there is something to crop. */
export function drawImages({ inputShape: [height, width, channels] }: Model, count: number) {
  const shape = [count, height + 4, width + 4, channels];
  const random = new Philox(0, 0x696d6167);
  const images = Uint8Array.from({ length: sizeOf(shape) }, () => random.uint32() & 255);
  return { shape, images };
}

/** What brings such pixels to mean 0, deviation 1. */
function plainStatistics(channels: number): Statistics {
  const deviation = 256 / Math.sqrt(12);
  const filled = (value: number) => new Float32Array(channels).fill(value);
  return { mean: filled(127.5), meanShape: [channels], deviation: filled(deviation), scale: filled(1 / deviation) };
}

/** The numbers of a model with their optimizer's, as a Trainer makes them. */
export function stateFor({ model, optimizer: { slots, averageSlot }, precision }: PreparedStepOptions): State {
  const buffers = [...(model.buffers ?? []), ...precisionBuffers(precision)];
  return new State(model.parameters, { optimizerSlots: slots, averageSlot, buffers });
}

export class PreparedStep {
  private constructor(
    readonly plan: Plan,
    private readonly inputs: RunInputs,
  ) {}

  /** @throws what compile throws */
  static async prepare(
    options: PreparedStepOptions,
    state: State,
    { images, shape }: ResidentImages,
  ): Promise<PreparedStep> {
    const { model, device, batch, optimizer, labelSmoothing, inference = false } = options;
    const { precision, deterministic, autotune } = options;
    const graphOptions: StepGraphOptions = {
      model,
      state,
      batch,
      images: shape,
      statistics: plainStatistics(model.inputShape[2]),
    };
    const graph = inference ? evaluationGraph(graphOptions) : trainGraph(graphOptions, optimizer, { labelSmoothing });
    const plan = await compile(graph, { device, precision, deterministic, autotune });
    const count = shape[0] ?? 1;
    const rows = Array.from({ length: batch }, (_, row) => row);
    const inputs = {
      images,
      indices: Int32Array.from(rows, (row) => row % count),
      labels: Int32Array.from(rows, (row) => row % model.classes),
      // So small that the weights stay what they are however often the step is taken.
      ...(!inference && { learningRate: Float32Array.of(1e-6) }),
    };
    return new PreparedStep(plan, inputs);
  }

  /** `steps` of them in one call. */
  run(steps = 1): Promise<StepResults> {
    return this.plan.run(this.inputs, { steps });
  }

  /** Kernel by kernel, those that write the State included. */
  trace(): Promise<TracedKernel[]> {
    return this.plan.trace(this.inputs, { updates: true });
  }

  /** Milliseconds of `count` steps, each a call of its own. */
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
