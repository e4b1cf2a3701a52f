/** One of the networks that are trained side by side: its State, a plan that trains it, and a plan that computes its logits. */
import { compile, type Plan } from '../../compile/compile';
import type { Statistics } from '../../data/statistics';
import type { Model } from '../../models/model';
import type { Optimizer } from '../../optim/optimizer';
import type { Device, Precision, Resident } from '../../runtime/device';
import { State } from '../../tensor/state';
import { predictionGraph, trainGraph } from '../../train/stepGraphs';
import type { Values } from './map';

/** Images on the device, as bytes: [count, height, width, channels]. */
export interface ContestImages {
  readonly resident: Resident;
  readonly shape: readonly number[];
}

/** The device, the data and the settings that all networks of a comparison share. */
export interface Surroundings {
  readonly device: Device;
  readonly precision: Precision;
  readonly seed: number;
  readonly statistics: Statistics;
  readonly train: ContestImages;
  readonly batch: number;
  /** Images whose logits are compared, all in one batch. */
  readonly probe: ContestImages;
}

/** A network with its State and plans. It must be disposed of. */
export class Contestant {
  private constructor(
    private readonly state: State,
    private readonly train: Plan,
    private readonly probe: Plan,
    private readonly around: Surroundings,
  ) {}

  /** Compiles the plans. @param start initial values by name; default: as the model draws them. @throws what compile throws */
  static async create(model: Model, optimizer: Optimizer, around: Surroundings, start?: Values): Promise<Contestant> {
    const { device, precision, seed, statistics, train, batch, probe } = around;
    const { slots: optimizerSlots, averageSlot } = optimizer;
    const state = new State(model.parameters, { seed, optimizerSlots, averageSlot, buffers: model.buffers });
    const plans: Plan[] = [];
    try {
      const common = { model, state, statistics };
      const training = trainGraph({ ...common, images: train.shape, batch }, optimizer);
      plans.push(await compile(training, { device, precision }));
      const looking = predictionGraph({ ...common, images: probe.shape, batch: probe.shape[0]! });
      plans.push(await compile(looking, { device, precision }));
      for (const parameter of state.parameters) {
        const values = start?.get(parameter.name);
        if (values) await state.write(parameter, Float32Array.from(values));
      }
    } catch (error) {
      for (const plan of plans) plan.dispose();
      state.dispose();
      throw error;
    }
    return new Contestant(state, plans[0]!, plans[1]!, around);
  }

  /** Trains one step. @returns the loss before the update, and whether loss and gradient were finite, so that it was made */
  async step(batch: { indices: Int32Array; labels: Int32Array }, learningRate: number) {
    const inputs = { images: this.around.train.resident, ...batch, learningRate: Float32Array.of(learningRate) };
    const { finite, outputs } = await this.train.run(inputs);
    return { loss: outputs.loss![0]!, finite };
  }

  /** Computes the logits of the probe images, [count, classes]. */
  async logits(): Promise<Float32Array> {
    const { resident, shape } = this.around.probe;
    const count = shape[0]!;
    const indices = Int32Array.from({ length: count }, (_, index) => index);
    const { outputs } = await this.probe.run({ images: resident, indices, labels: new Int32Array(count) });
    return outputs.logits as Float32Array;
  }

  /** Reads all parameters, by name. */
  async values(): Promise<Map<string, Float32Array>> {
    const values = new Map<string, Float32Array>();
    for (const parameter of this.state.parameters) values.set(parameter.name, await this.state.read(parameter));
    return values;
  }

  dispose(): void {
    this.train.dispose();
    this.probe.dispose();
    this.state.dispose();
  }
}
