/**
 * Compares ten steps of each optimizer, and the schedules, with figures of PyTorch, recorded by
 * test/pytorch/record_optimizers.py.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { defaultPasses } from '../../lib/compile/optimize';
import { activate } from '../../lib/ops/activation';
import { tanh } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { linear } from '../../lib/ops/linear';
import { Adam } from '../../lib/optim/adam';
import { AdamW } from '../../lib/optim/adamW';
import type { EpochEvent } from '../../lib/optim/metric';
import type { Optimizer } from '../../lib/optim/optimizer';
import { plateauRate } from '../../lib/optim/plateau';
import type { Schedule } from '../../lib/optim/schedule';
import { cosineRate, oneCycleRate, stepRate } from '../../lib/optim/schedules';
import { Sgd } from '../../lib/optim/sgd';
import type { Device } from '../../lib/runtime/device';
import { Parameter, State } from '../../lib/tensor/state';
import { input, type Tensor } from '../../lib/tensor/tensor';
import { backends } from '../backends';
import { Generator } from '../pytorch/network';

interface Recorded {
  readonly losses: number[];
  /** Norm of the gradient before clipping, by step. */
  readonly norms: number[];
  /** Values of each parameter after the last step, by its name. */
  readonly parameters: Record<string, number[]>;
}

const recorded: {
  cases: Record<string, Recorded>;
  metrics: (number | null)[];
  schedules: Record<string, number[]>;
} = JSON.parse(readFileSync(join(__dirname, '..', 'pytorch', 'fixtures', 'optimizers.json'), 'utf8'));

const tolerance = 1e-5;
const steps = 10;
const [batch, inputs, hidden, classes] = [6, 7, 16, 5];

interface Trained {
  readonly optimizer: Optimizer;
  readonly rate: number;
  readonly labelSmoothing?: number;
}

const biases = { match: /bias$/, learningRate: 2 };

const cases: Readonly<Record<string, Trained>> = {
  sgd: { optimizer: new Sgd({ weightDecay: 0.01 }), rate: 0.1 },
  nesterov: { optimizer: new Sgd({ weightDecay: 0.01, nesterov: true }), rate: 0.1 },
  'nesterov without decay': { optimizer: new Sgd({ weightDecay: 0, nesterov: true }), rate: 0.1 },
  adam: { optimizer: new Adam(), rate: 0.02 },
  'adam with decay': { optimizer: new Adam({ weightDecay: 0.1 }), rate: 0.02 },
  adamw: { optimizer: new AdamW({ weightDecay: 0.1 }), rate: 0.02 },
  'sgd, clipped': { optimizer: new Sgd({ weightDecay: 0.01, clipNorm: 0.3 }), rate: 0.1 },
  'adamw, clipped': { optimizer: new AdamW({ weightDecay: 0.1, clipNorm: 0.3 }), rate: 0.02 },
  'sgd, smoothed': { optimizer: new Sgd({ weightDecay: 0.01 }), rate: 0.1, labelSmoothing: 0.1 },
  'sgd with groups': { optimizer: new Sgd({ weightDecay: 0.01, groups: [biases] }), rate: 0.1 },
  'adamw with groups': { optimizer: new AdamW({ weightDecay: 0.1, groups: [biases] }), rate: 0.02 },
};

function makeParameters(): readonly [Parameter, Parameter, Parameter, Parameter] {
  const generator = new Generator(3);
  const make = (name: string, ...shape: number[]) => {
    const values = generator.uniform(
      0.7,
      shape.reduce((a, b) => a * b),
    );
    return new Parameter({ name, shape, decay: name.endsWith('weight'), initialize: () => values });
  };
  return [
    make('first/weight', hidden, inputs),
    make('first/bias', hidden),
    make('second/weight', classes, hidden),
    make('second/bias', classes),
  ];
}

function drawBatches(): { x: Float32Array; labels: Int32Array } {
  const generator = new Generator(4);
  const x = new Float32Array(steps * batch * inputs);
  const labels = new Int32Array(steps * batch);
  for (let step = 0; step < steps; step++) {
    x.set(generator.uniform(1.7, batch * inputs), step * batch * inputs);
    for (let n = 0; n < batch; n++) labels[step * batch + n] = generator.integer() % classes;
  }
  return { x, labels };
}

async function train({ optimizer, rate, labelSmoothing }: Trained, device: Device, passes: typeof defaultPasses) {
  const parameters = makeParameters();
  const [firstWeight, firstBias, secondWeight, secondBias] = parameters;
  const state = new State(parameters, { optimizerSlots: optimizer.slots });
  const first: Tensor = linear(input('x', [batch, inputs]), firstWeight, { bias: firstBias });
  const logits = linear(activate(first, tanh()), secondWeight, { bias: secondBias });
  const { loss } = softmaxCrossEntropy(logits, input('labels', [batch], { dtype: 'i32' }), { labelSmoothing });
  const { updates, gate, gradientNorm } = optimizer.update({ state, loss, learningRate: input('rate', [1]) });
  const plan = await compile(Graph.from({ outputs: { loss, gradientNorm }, updates, gate }), { device, passes });
  const { outputs } = await plan.run({ ...drawBatches(), rate: Float32Array.of(rate) }, { steps });
  const values: Record<string, Float32Array> = {};
  for (const parameter of parameters) values[parameter.name] = await state.read(parameter);
  plan.dispose();
  state.dispose();
  return { losses: outputs.loss ?? [], norms: outputs.gradientNorm ?? [], values };
}

const largestError = (got: ArrayLike<number>, want: readonly number[]): number => {
  const size = Math.max(...want.map(Math.abs));
  return Math.max(...want.map((value, i) => Math.abs((got[i] ?? Number.NaN) - value))) / size;
};

test('every recorded case is compared', () => {
  expect(Object.keys(cases)).toEqual(Object.keys(recorded.cases));
});

for (const { name, device, reason } of backends()) {
  if (!device) {
    test.skip(`${name}: NOT RUN: ${reason}`, () => {});
    continue;
  }
  describe.each([
    { mode: 'plain', passes: [] },
    { mode: 'fused', passes: defaultPasses },
  ])(`${name}, $mode`, ({ passes }) => {
    test.each(Object.entries(cases))('%s', async (key, trained) => {
      const want = recorded.cases[key] as Recorded;
      const { losses, norms, values } = await train(trained, device, passes);
      expect(largestError(losses, want.losses)).toBeLessThan(tolerance);
      expect(largestError(norms, want.norms)).toBeLessThan(tolerance);
      for (const [parameter, expected] of Object.entries(want.parameters))
        expect(largestError(values[parameter] ?? [], expected), parameter).toBeLessThan(tolerance);
    });
  });
}

describe('schedules', () => {
  const length = { stepsPerEpoch: 5, totalSteps: 20 };
  const made: Readonly<Record<string, Schedule>> = {
    step: stepRate({ rate: 0.4, milestones: [3, 7, 8], unit: 'steps', factor: 0.3 }),
    cosine: cosineRate({ rate: 0.4, minimum: 0.01 }),
    onecycle: oneCycleRate({ peak: 0.4 }),
    'onecycle 0.45, 25, 100': oneCycleRate({ peak: 0.4, warmUpShare: 0.45, finalDivision: 100 }),
  };

  test.each(Object.entries(made))('%s', (name, schedule) => {
    const want = recorded.schedules[name] ?? [];
    expect(want.length).toBeGreaterThan(10);
    want.forEach((rate, step) => {
      expect(schedule.at(step, length), `step ${step}`).toBeCloseTo(rate, 12);
    });
  });

  test('plateau', () => {
    const schedule = plateauRate({ rate: 0.4, factor: 0.5, patience: 2, minimum: 0.06 });
    const rates = recorded.metrics.map((testLoss, epoch) => {
      const rate = schedule.at(epoch * length.stepsPerEpoch, length);
      schedule.observe?.({ testLoss: testLoss ?? Number.NaN } as EpochEvent);
      return rate;
    });
    const want = recorded.schedules.plateau ?? [];
    expect(new Set(want).size).toBeGreaterThan(3);
    rates.forEach((rate, epoch) => {
      expect(rate, `epoch ${epoch}`).toBeCloseTo(want[epoch] ?? Number.NaN, 12);
    });
  });
});
