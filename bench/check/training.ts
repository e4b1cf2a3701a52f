/**
 * A short training run whose results can be compared bit by bit: on any device, replayed, launched kernel by kernel, or
 * traced.
 */
import { createHash } from 'node:crypto';
import { compile, type Plan, type RunInputs } from '../../lib/compile/compile';
import type { Augmenter } from '../../lib/data/augmentation/augmenter';
import { drawImages, paperAugmenter } from '../../lib/measure/preparedStep';
import { createModel, type Model } from '../../lib/models';
import { precisionBuffers } from '../../lib/optim/lossScaling';
import { Sgd } from '../../lib/optim/sgd';
import type { Device, Precision, Resident } from '../../lib/runtime/device';
import { State, savedArenas } from '../../lib/tensor/state';
import { trainGraph } from '../../lib/train/stepGraphs';

export interface RunCase {
  readonly model: string;
  readonly width: number;
  readonly batch: number;
  readonly precision: Precision;
  readonly replay: boolean;
  readonly learningRate: number;
}

/** Size of the data set, in batches. */
const batches = 4;

export class ShortRun {
  private constructor(
    private readonly what: RunCase,
    private readonly model: Model,
    private readonly augmenter: Augmenter,
    private readonly state: State,
    private readonly plan: Plan,
    private readonly images: Resident,
  ) {}

  /** Compiles the step. Weights, images and labels are the same in every run and on every device. */
  static async prepare(device: Device, what: RunCase): Promise<ShortRun> {
    const model = createModel(what.model, { width: what.width });
    const optimizer = new Sgd({ momentum: 0.9, weightDecay: 1e-4 });
    const buffers = [...(model.buffers ?? []), ...precisionBuffers(what.precision)];
    const state = new State(model.parameters, { seed: 7, optimizerSlots: optimizer.slots, buffers });
    const { shape, images } = drawImages(model, batches * what.batch);
    const filled = (value: number) => new Float32Array(model.inputShape[2]).fill(value);
    const statistics = {
      mean: filled(127.5),
      meanShape: [model.inputShape[2]],
      deviation: filled(74),
      scale: filled(1 / 74),
    };
    const augmenter = paperAugmenter(model, shape);
    const tables = augmenter.names;
    const graph = trainGraph({ model, state, statistics, images: shape, batch: what.batch, tables }, optimizer);
    // Not tuned, because tuning takes minutes and the comparison does not need it.
    const { precision, replay } = what;
    const plan = await compile(graph, { device, precision, replay, autotune: false });
    return new ShortRun(what, model, augmenter, state, plan, device.upload(images));
  }

  /** Runs `steps` steps in one call. @returns their losses; fewer if a step was not finite */
  async run(steps: number): Promise<number[]> {
    const { outputs } = await this.plan.run(this.#inputs(0, steps), { steps });
    return [...(outputs.loss ?? [])].map(Number);
  }

  /** Runs the same steps with tracing: each kernel is launched by itself and waited for. */
  async trace(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await this.plan.trace(this.#inputs(step, 1), { updates: true });
  }

  /** Returns a digest of all State that a step writes (except gradients). Equal bits give equal digests. */
  async digest(): Promise<string> {
    const sum = createHash('sha256');
    for (const arena of savedArenas) sum.update(await this.state.readArena(arena));
    return sum.digest('hex').slice(0, 16);
  }

  dispose(): void {
    this.plan.dispose();
    this.images.dispose();
    this.state.dispose();
  }

  #inputs(first: number, steps: number): RunInputs {
    const { batch, learningRate } = this.what;
    const rows = Array.from({ length: steps * batch }, (_, row) => first * batch + row);
    const indices = Int32Array.from(rows, (row) => row % (batches * batch));
    const labels = indices.map((index) => index % this.model.classes);
    // Each pass over the images is an epoch, with other crops.
    const parts = Array.from({ length: steps }, (_, step) => {
      const [begin, end] = [step * batch, (step + 1) * batch];
      const part = {
        steps: 1,
        indices: indices.subarray(begin, end),
        labels: labels.subarray(begin, end),
        rows: [batch],
      };
      return [...this.augmenter.tables(Math.floor((first + step) / batches), part).places!];
    });
    return {
      ...{ images: this.images, indices, labels, places: Float32Array.from(parts.flat()) },
      learningRate: Float32Array.of(learningRate),
    };
  }
}

/** Prepares a run, passes it to `use` and disposes of it. */
export async function withRun<T>(device: Device, what: RunCase, use: (run: ShortRun) => Promise<T>): Promise<T> {
  const run = await ShortRun.prepare(device, what);
  try {
    return await use(run);
  } finally {
    run.dispose();
  }
}
