/**
 * A small network with weights and biases, for tests of optimizers. It has no kinks, at which rounding could change a
 * result much.
 */
import { Graph } from '../../lib/compile/graph';
import { activate } from '../../lib/ops/activation';
import { tanh } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { conv2d } from '../../lib/ops/convolution';
import { linear } from '../../lib/ops/linear';
import { globalAveragePool } from '../../lib/ops/pooling';
import type { Optimizer } from '../../lib/optim/optimizer';
import { State } from '../../lib/tensor/state';
import { input, Parameter, sizeOf } from '../../lib/tensor/tensor';
import { TestRandom, testSeed } from '../random';

export const pixels = 2 * 4 * 4 * 3;

export function makeTraining(optimizer: Optimizer) {
  const parameter = (name: string, shape: number[]) =>
    new Parameter({
      name,
      shape,
      decay: name.endsWith('weight'),
      initialize: (random) => Float32Array.from({ length: sizeOf(shape) }, () => 0.3 * random.gaussian()),
    });
  const [weight, bias] = [parameter('conv/weight', [16, 3, 3, 3]), parameter('conv/bias', [16])];
  const [head, headBias] = [parameter('head/weight', [5, 16]), parameter('head/bias', [5])];
  const hidden = activate(conv2d(input('images', [2, 4, 4, 3]), weight, { padding: 1 }), tanh(), { bias });
  const logits = linear(globalAveragePool(hidden), head, { bias: headBias });
  const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }));
  const { slots, averageSlot } = optimizer;
  const parameters = [weight, bias, head, headBias];
  const state = new State(parameters, { seed: 1, optimizerSlots: slots, averageSlot });
  const { updates, gate, gradientNorm } = optimizer.update({ state, loss, learningRate: input('rate', [1]) });
  const graph = Graph.from({ outputs: { loss, gradientNorm }, updates, gate });
  return { state, parameters, loss, logits, graph };
}

const random = new TestRandom(testSeed);
const allImages = Float32Array.from({ length: 12 * pixels }, random.gaussian);

/** Makes the inputs of a number of steps; each step has different images. */
export const inputsOf = (steps: number, rate = 0.05) => ({
  images: allImages.slice(0, steps * pixels),
  labels: Int32Array.of(1, 3),
  rate: Float32Array.of(rate),
});

/** Returns the bytes of all arenas that a step writes. */
export async function contents(state: State): Promise<Uint8Array[]> {
  return [await state.readArena('parameters'), await state.readArena('optimizer'), await state.readArena('buffers')];
}
