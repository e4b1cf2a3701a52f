import type { Graph } from '../../lib/compile/graph';
import type { Values } from '../../lib/experiments/equivalence/map';
import { AveragePool, Concatenate, Conv2d, GlobalAveragePool, Linear, MaxPool, Sequential } from '../../lib/layers';
import type { Model } from '../../lib/models';
import { scaledSigmoid } from '../../lib/ops/activations';
import type { Optimizer } from '../../lib/optim/optimizer';
import { Philox } from '../../lib/random';
import { State } from '../../lib/tensor/state';
import { Parameter, type Tensor } from '../../lib/tensor/tensor';
import { trainGraph } from '../../lib/train/stepGraphs';
import type { TestRandom } from '../random';
import { interpret } from '../reference/interpret';

/** Makes a model with convolutions (with and without stride), pools and a concatenation, for images of 10x10 pixels. */
export function tinyModel({
  padding,
  classes,
  channels,
  max = false,
}: {
  padding: boolean;
  classes: number;
  channels: number;
  max?: boolean;
}): Model {
  const pad = padding ? 1 : 0;
  const conv = (name: string, inputs: number, kernel: 1 | 3, stride = 1) =>
    new Conv2d({
      ...{ name, inputs, outputs: channels, kernel, stride, padding: kernel === 3 ? pad : 0 },
      activation: scaledSigmoid(),
    });
  const Pool = max ? MaxPool : AveragePool;
  const pool = (name: string) => new Pool({ kernel: 3, stride: 1, padding: pad, name });
  const layers = new Sequential([
    conv('first', 3, 3),
    new Concatenate([conv('left', channels, 3), new Sequential([pool('pool'), conv('right', channels, 1)])], {
      name: 'joined',
    }),
    new Pool({ kernel: 2, stride: 2, name: 'halve' }),
    conv('last', 2 * channels, 3, 2),
    new GlobalAveragePool(),
    new Linear({ name: 'classifier', inputs: channels, outputs: classes }),
  ]);
  return {
    ...{ name: 'tiny', width: 1, classes, activation: scaledSigmoid(), inputShape: [10, 10, 3] },
    parameters: layers.parameters,
    forward: (x, context) => layers.forward(x, context),
  };
}

/** Draws inputs for DoubleTraining: two images, with labels of three classes. */
export const drawImages = (random: TestRandom) => ({
  images: Float64Array.from({ length: 2 * 10 * 10 * 3 }, () => random.integer(256)),
  labels: [random.integer(3), random.integer(3)],
});

/**
 * A training in float64: computes the steps of its graph by the references of test/reference. The batch is two images of
 * 10x10.
 */
export class DoubleTraining {
  readonly #graph: Graph;
  readonly #state: State;
  readonly #arenas: Record<'parameters' | 'optimizer', Float64Array>;

  constructor(model: Model, optimizer: Optimizer) {
    const state = new State(model.parameters, { optimizerSlots: optimizer.slots });
    const statistics = {
      mean: Float32Array.of(127, 127, 127),
      meanShape: [3],
      scale: Float32Array.of(0.01, 0.01, 0.01),
    };
    const options = { model, state, statistics: statistics as never, images: [2, 10, 10, 3], batch: 2 };
    this.#graph = trainGraph(options, optimizer);
    this.#state = state;
    this.#arenas = { parameters: new Float64Array(state.size), optimizer: new Float64Array(state.size) };
    const drawn = model.parameters.map(
      ({ name, initialize }, index) => [name, initialize(new Philox(1, index))] as const,
    );
    this.write(new Map(drawn));
  }

  values(): Map<string, Float64Array> {
    return new Map(this.#state.parameters.map((parameter) => [parameter.name, this.#part(parameter).slice()]));
  }

  write(values: Values): void {
    for (const parameter of this.#state.parameters) this.#part(parameter).set(values.get(parameter.name)!);
  }

  /** Does one step. @returns the loss before the update */
  step({ images, labels }: { images: ArrayLike<number>; labels: readonly number[] }, learningRate: number): number {
    const inputs: Record<string, ArrayLike<number>> = {
      images,
      labels,
      indices: [0, 1],
      learningRate: [learningRate],
    };
    const read = (tensor: Tensor): ArrayLike<number> => {
      const { source } = tensor.node;
      if (tensor instanceof Parameter) return this.#part(tensor);
      if (source?.kind === 'input') return inputs[source.name]!;
      // A constant counter gives the same crops and mirrors in every step.
      if (source?.kind !== 'state' || source.arena === 'buffers') return [0, 0];
      return this.#arenas[source.arena as 'parameters' | 'optimizer'];
    };
    const { outputs, writes } = interpret(this.#graph, read);
    for (const [tensor, { data }] of writes) {
      const { source } = tensor.node;
      if (source?.kind === 'state' && source.arena !== 'buffers')
        this.#arenas[source.arena as 'parameters' | 'optimizer'].set(data);
    }
    return outputs.loss!.data[0]!;
  }

  /** Returns the relative distance of all parameters to `values`. */
  distanceTo(values: Values): number {
    let [difference, size] = [0, 0];
    for (const [name, own] of this.values()) {
      own.forEach((value, index) => {
        difference += (value - values.get(name)![index]!) ** 2;
        size += values.get(name)![index]! ** 2;
      });
    }
    return Math.sqrt(difference / size);
  }

  #part(parameter: Parameter): Float64Array {
    const begin = this.#state.offsetOf(parameter);
    return this.#arenas.parameters.subarray(begin, begin + parameter.size);
  }
}
