/** Compares steps of each optimizer with the float64 references, and checks that none writes anything behind a closed gate. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import type { Graph } from '../../lib/compile/graph';
import { Adam } from '../../lib/optim/adam';
import { AdamW } from '../../lib/optim/adamW';
import { Lars } from '../../lib/optim/lars';
import type { Optimizer } from '../../lib/optim/optimizer';
import { Sgd } from '../../lib/optim/sgd';
import type { Arena } from '../../lib/runtime/native';
import type { State } from '../../lib/tensor/state';
import { Parameter, type Tensor } from '../../lib/tensor/tensor';
import { testSeed } from '../random';
import { interpret } from '../reference/interpret';
import { contents, inputsOf, makeTraining, pixels } from './support';

const device = 'cpu';
const steps = 6;

/**
 * Largest allowed error relative to the root mean square of an arena: the rounding of f32 in a few steps of a small
 * network.
 */
const tolerance = 1e-5;

const groups = [
  { match: /bias$/, learningRate: 2 },
  { match: ({ shape }: Parameter) => shape.length === 2, learningRate: 0.5, weightDecay: 3 },
];
const ema = { decay: 0.4 };
// With a smaller epsilon, Adam would move a weight whose gradient is only rounding error as far as any other.
const epsilon = 1e-3;

const optimizers: Readonly<Record<string, Optimizer>> = {
  sgd: new Sgd({ weightDecay: 0.01 }),
  'sgd with groups, clipping and an average': new Sgd({ weightDecay: 0.01, groups, clipNorm: 0.2, ema }),
  nesterov: new Sgd({ weightDecay: 0.01, nesterov: true }),
  'adam with weight decay': new Adam({ epsilon, weightDecay: 0.01 }),
  'adam with groups, clipping and an average': new Adam({ epsilon, weightDecay: 0.01, groups, clipNorm: 0.2, ema }),
  adamw: new AdamW({ epsilon, weightDecay: 0.1 }),
  'adamw with groups, clipping and an average': new AdamW({ epsilon, weightDecay: 0.1, groups, clipNorm: 0.2, ema }),
  lars: new Lars({ trust: 0.5, weightDecay: 0.01 }),
  'lars with groups, clipping and an average': new Lars({ trust: 0.5, weightDecay: 0.01, groups, clipNorm: 0.2, ema }),
};

type Arenas = Record<'parameters' | 'optimizer' | 'buffers', Float64Array>;

/** Reads the arenas of a State as float64. */
async function arenasOf(state: State): Promise<Arenas> {
  const [parameters, optimizer, buffers] = (await contents(state)).map(({ buffer }) => buffer.slice(0));
  return {
    parameters: Float64Array.from(new Float32Array(parameters as ArrayBuffer)),
    optimizer: Float64Array.from(new Float32Array(optimizer as ArrayBuffer)),
    buffers: Float64Array.from(new Int32Array(buffers as ArrayBuffer)),
  };
}

/** Returns the arena of a State's tensor, and the index of its first element there. */
function placeOf(tensor: Tensor): { arena: Arena; begin: number } {
  const { source } = tensor.node;
  if (tensor instanceof Parameter) return { arena: 'parameters', begin: tensor.state?.offsetOf(tensor) ?? 0 };
  if (source?.kind !== 'state') throw new Error(`"${tensor.node.name}" lies in no arena`);
  return { arena: source.arena, begin: source.byteOffset / 4 };
}

const partOf = (arenas: Arenas, tensor: Tensor): Float64Array => {
  const { arena, begin } = placeOf(tensor);
  return arenas[arena as keyof Arenas].subarray(begin, begin + tensor.size);
};

/** Computes one step in float64 and writes its results into `arenas`. */
function referenceStep(graph: Graph, arenas: Arenas, step: number): void {
  const inputs = inputsOf(steps);
  const images = inputs.images.subarray(step * pixels, (step + 1) * pixels);
  const { writes } = interpret(graph, (tensor) => {
    const { source } = tensor.node;
    if (source?.kind !== 'input') return partOf(arenas, tensor);
    return source.name === 'images' ? images : inputs[source.name as 'labels' | 'rate'];
  });
  for (const [tensor, { data }] of writes) partOf(arenas, tensor).set(data);
}

const largestError = (got: Float64Array, want: Float64Array): number => {
  const size = Math.sqrt(want.reduce((sum, x) => sum + x * x, 0) / want.length);
  return Math.max(...want.map((value, i) => Math.abs((got[i] ?? Number.NaN) - value))) / size;
};

describe.each(Object.entries(optimizers))('%s', (_, optimizer) => {
  test(`${steps} steps are those of the float64 references`, async () => {
    const { state, graph } = makeTraining(optimizer);
    const plan = await compile(graph, { device, poison: true });
    await state.on(plan.device);
    const want = await arenasOf(state);
    const before = want.parameters.slice();
    for (let step = 0; step < steps; step++) referenceStep(graph, want, step);
    expect(await plan.run(inputsOf(steps), { steps })).toMatchObject({ steps, finite: true });
    const got = await arenasOf(state);
    expect(largestError(before, want.parameters), 'it has moved').toBeGreaterThan(100 * tolerance);
    const error = largestError(got.parameters, want.parameters);
    expect(error, `SATURNN_TEST_SEED=${testSeed}`).toBeLessThan(tolerance);
    for (let slot = 0; slot < optimizer.slots; slot++) {
      const ofSlot = (all: Float64Array) => all.subarray(slot * state.size, (slot + 1) * state.size);
      expect(largestError(ofSlot(got.optimizer), ofSlot(want.optimizer)), `slot ${slot}`).toBeLessThan(tolerance);
    }
    expect(got.buffers).toEqual(want.buffers);
    expect(got.buffers[1]).toBe(steps);
    plan.dispose();
    state.dispose();
  });

  test('a NaN in the gradient writes nothing: weights, moments, average and counter stay', async () => {
    const { state, graph } = makeTraining(optimizer);
    const plan = await compile(graph, { device });
    const broken = inputsOf(5);
    broken.images[2 * pixels + 7] = Number.NaN;
    expect(await plan.run(broken, { steps: 5 })).toMatchObject({ steps: 2, finite: false });
    const stopped = await contents(state);
    plan.dispose();
    state.dispose();

    const whole = makeTraining(optimizer);
    const undisturbed = await compile(whole.graph, { device });
    await undisturbed.run(inputsOf(2), { steps: 2 });
    expect(stopped).toEqual(await contents(whole.state));
    undisturbed.dispose();
    whole.state.dispose();
  });

  test('two runs end with the same bits', async () => {
    const ends = [];
    for (let run = 0; run < 2; run++) {
      const { state, graph } = makeTraining(optimizer);
      const plan = await compile(graph, { device });
      // The first run does its steps in one call, the second in two.
      if (run === 0) await plan.run(inputsOf(4), { steps: 4 });
      else {
        await plan.run(inputsOf(1));
        await plan.run({ ...inputsOf(4), images: inputsOf(4).images.slice(pixels) }, { steps: 3 });
      }
      ends.push(await contents(state));
      plan.dispose();
      state.dispose();
    }
    expect(ends[0]).toEqual(ends[1]);
  });
});
