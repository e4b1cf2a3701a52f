/** A whole training step of a model, on the same batch every time: forward, loss, backward, SGD. */
import { compile, type Plan, type RunInputs } from '../lib/compile/compile';
import { Graph } from '../lib/compile/graph';
import { TrainingContext } from '../lib/layers/context';
import { createModel, type Model } from '../lib/models';
import type { Activation } from '../lib/ops/activations';
import { softmaxCrossEntropy } from '../lib/ops/classification';
import { precisionBuffers } from '../lib/optim/lossScaling';
import { Sgd } from '../lib/optim/sgd';
import { Philox } from '../lib/random';
import type { Device, Precision, Resident } from '../lib/runtime/device';
import { State } from '../lib/tensor/state';
import { input, sizeOf } from '../lib/tensor/tensor';

export interface ComparedStep {
  readonly model: string;
  readonly width: number;
  readonly batch: number;
  readonly activation: Activation;
  readonly precision: Precision;
  /** Height and width of the images. Default: the network's. */
  readonly size?: number;
  /** Default: the network's. */
  readonly classes?: number;
  /** Default: the network's. */
  readonly dropout?: number;
}

export const recipe = { learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4 } as const;

/** Weights, images and labels of a step. Every program whose times are compared must use the same. */
export interface ComparedData {
  /** Values of the model's parameters, in the order of `model.parameters`. */
  readonly weights: readonly Float32Array[];
  /** [batch, height, width, 3], drawn with mean 0 and standard deviation 1, like normalised pixels. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

export function modelOf({ model, width, activation, size, classes, dropout }: ComparedStep): Model {
  return createModel(model, { width, activation, size, classes, dropout });
}

/** Draws the data of a step; equal arguments give equal data. @param batch number of images */
export function drawData(model: Model, batch: number): ComparedData {
  const random = new Philox(0, 0xbe9c);
  return {
    weights: model.parameters.map((parameter, index) => parameter.initialize(new Philox(0, index))),
    images: Float32Array.from({ length: batch * sizeOf(model.inputShape) }, () => random.gaussian()),
    labels: Int32Array.from({ length: batch }, () => random.integer(model.classes)),
  };
}

/** Time and loss of each step, in order. */
export interface TimedSteps {
  readonly milliseconds: number[];
  readonly losses: number[];
}

/** The training step in saturnn, compiled, with its data on the device. */
export class Step {
  private constructor(
    readonly plan: Plan,
    private readonly state: State,
    private readonly inputs: RunInputs,
    private readonly residents: readonly Resident[],
  ) {}

  static async prepare(options: ComparedStep, device: Device, data?: ComparedData): Promise<Step> {
    const { batch, precision } = options;
    const model = modelOf(options);
    const { weights, images, labels } = data ?? drawData(model, batch);
    const { momentum, weightDecay, learningRate } = recipe;
    const optimizer = new Sgd({ momentum, weightDecay });
    const buffers = [...(model.buffers ?? []), ...precisionBuffers(precision)];
    const state = new State(model.parameters, { optimizerSlots: optimizer.slots, buffers });
    await state.on(device);
    for (const [index, parameter] of model.parameters.entries()) await state.write(parameter, weights[index]!);
    const context = new TrainingContext(state.counter);
    const logits = model.forward(input('images', [batch, ...model.inputShape]), context);
    const { loss } = softmaxCrossEntropy(logits, input('labels', [batch], { dtype: 'i32' }), { name: 'loss' });
    const rate = input('learningRate', [1]);
    const { updates, gate, skip = null } = optimizer.update({ state, loss, learningRate: rate });
    const all = [...updates, ...context.updates(skip ?? gate)];
    const graph = Graph.from({ outputs: { loss }, updates: all, gate, skip });
    const plan = await compile(graph, { device, precision });
    const [residentImages, residentLabels] = [device.upload(images), device.upload(labels)];
    const inputs = { images: residentImages, labels: residentLabels, learningRate: Float32Array.of(learningRate) };
    return new Step(plan, state, inputs, [residentImages, residentLabels]);
  }

  /**
   * Runs and times `steps` steps, each as one call of the plan.
   * @throws Error if a loss or gradient is not finite, because the time of such a step means nothing
   */
  async run(steps: number): Promise<TimedSteps> {
    const milliseconds: number[] = [];
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      const start = performance.now();
      const { outputs, finite } = await this.plan.run(this.inputs);
      milliseconds.push(performance.now() - start);
      const loss = outputs.loss![0]!;
      if (!finite)
        throw new Error(`The loss or a gradient is not finite after ${step} steps of this call (loss ${loss}).`);
      losses.push(loss);
    }
    return { milliseconds, losses };
  }

  dispose(): void {
    this.plan.dispose();
    for (const resident of this.residents) resident.dispose();
    this.state.dispose();
  }
}
