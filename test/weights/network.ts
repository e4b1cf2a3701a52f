/** The networks of test/pytorch/record_weights.py, made with saturnn, and the numbers that its generator gives them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Model, NamedTensor } from '../../lib';
import { activate, evaluate, functionalModel, globalAveragePool, input, layers, relu, State } from '../../lib';
import { loadWeights } from '../../lib/train/modelFile/weights';
import { Generator } from '../pytorch/network';
import { cpu } from '../train/support';

export const fixture = (name: string) => join(__dirname, '..', 'pytorch', 'fixtures', name);

/** The content of weights.json. */
export const recorded: {
  readonly small: number[][];
  readonly subInception: {
    readonly shapes: [string, number[]][];
    readonly mean: number[];
    readonly std: number[];
    readonly logits: number[][];
  };
  readonly dtypes: Record<string, number[]>;
} = JSON.parse(readFileSync(fixture('weights.json'), 'utf8'));

export const batch = 4;
export const size = 12;

/** A convolution with a normalisation of its own name, one with a bias, one that shares its name with its normalisation, a classifier. */
export function smallNetwork(names: Partial<Record<'conv1' | 'bn1' | 'conv2' | 'block' | 'fc', string>> = {}): Model {
  const { conv1 = 'conv1', bn1 = 'bn1', conv2 = 'conv2', block = 'block', fc = 'fc' } = names;
  const { Conv2d, BatchNorm, Linear, Sequential } = layers;
  const network = new Sequential([
    new Conv2d({ name: conv1, inputs: 3, outputs: 8, kernel: 3, padding: 1, bias: false }),
    new BatchNorm({ name: bn1, channels: 8 }),
    (x) => activate(x, relu()),
    new Conv2d({ name: conv2, inputs: 8, outputs: 12, kernel: [3, 1], stride: 2, padding: [1, 0], activation: relu() }),
    new Conv2d({ name: block, inputs: 12, outputs: 16, kernel: 1, normalization: 'batch', activation: relu() }),
    (x) => globalAveragePool(x),
    new Linear({ name: fc, inputs: 16, outputs: 5 }),
  ]);
  return functionalModel({
    ...{ parameters: network.parameters, buffers: network.buffers, classes: 5, inputShape: [size, size, 3] },
    forward: (x, context) => network.forward(x, context),
  });
}

/** Computes the logits of the recorded images, with the weights of a file. */
export async function smallLogits(path: string, model = smallNetwork()): Promise<number[]> {
  const state = new State(model.parameters, { buffers: model.buffers, optimizerSlots: 0 });
  try {
    await state.on(cpu());
    await loadWeights(path, model, state);
    const images = new Generator(4).uniform(1.7, batch * size * size * 3);
    const x = input('images', [batch, size, size, 3]);
    return [...(await evaluate(model.forward(x, layers.inference), { device: cpu(), inputs: { images } }))];
  } finally {
    state.dispose();
  }
}

/** Returns the weights of the recorded subInception as a PyTorch module has them. */
export function subInceptionTensors(): Map<string, NamedTensor> {
  const generator = new Generator(5);
  const draw = (name: string, shape: number[]): NamedTensor => {
    if (name.endsWith('num_batches_tracked')) return { shape: [], data: BigInt64Array.of(7n) };
    const product = (sizes: number[]) => sizes.reduce((all, one) => all * one, 1);
    const fanIn = shape.length > 1 ? product(shape.slice(1)) : 12;
    const data = generator.uniform(Math.sqrt(6 / fanIn), product(shape));
    return { shape, data: name.endsWith('running_var') ? data.map((value) => Math.abs(value) + 0.5) : data };
  };
  return new Map(recorded.subInception.shapes.map(([name, shape]) => [name, draw(name, shape)]));
}

/** The images of the recorded subInception, [batch, size, size, 3] bytes. */
export function subInceptionImages(): Uint8Array {
  const generator = new Generator(6);
  return Uint8Array.from({ length: batch * size * size * 3 }, () => generator.integer() >>> 24);
}
