/** RReLU in training and inference, and what its random slopes depend on. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { evaluate } from '../../lib/compile/evaluate';
import { Graph } from '../../lib/compile/graph';
import { Conv2d, inference, TrainingContext } from '../../lib/layers';
import { defaultInitializer } from '../../lib/layers/initializers';
import { subInception } from '../../lib/models';
import { activate, formatActivation, meanSquareGain } from '../../lib/ops/activation';
import { type Activation, leakyRelu, parseActivation, rrelu } from '../../lib/ops/activations';
import { randomizedRelu, randomizedReluGradient } from '../../lib/ops/randomizedRelu';
import { advance } from '../../lib/ops/update';
import { Philox } from '../../lib/random';
import { openDevice } from '../../lib/runtime/device';
import { Parameter, State } from '../../lib/tensor/state';
import { constant, input, type Tensor } from '../../lib/tensor/tensor';
import { Trainer } from '../../lib/train/trainer';
import { TestRandom, testSeed } from '../random';
import { smallData, snapshot } from '../train/support';

const device = openDevice('cpu');
const random = new TestRandom(testSeed);

interface Key {
  seed?: number;
  step?: number;
  name?: string;
}

/** Returns the slopes for a tensor of this shape: applied to -1, RReLU gives the negative slope. */
async function slopes(shape: readonly number[], { seed = 1, step = 2, name = 'layer' }: Key = {}, on = device) {
  const size = shape.reduce((a, b) => a * b);
  const counter = constant(Int32Array.of(seed, step));
  const y = randomizedRelu(input('x', shape), { counter, lower: 0.25, upper: 0.75, name });
  const values = await evaluate(y, { device: on, inputs: { x: new Float32Array(size).fill(-1) } });
  return (values as Float32Array).map((value) => -value);
}

describe('slopes', () => {
  test('are uniform in [lower, upper], and neighbours do not resemble each other', async () => {
    const values = await slopes([64, 1000]);
    const { length } = values;
    const uniform = Float64Array.from(values, (value) => (value - 0.25) / 0.5);
    const distance = uniform.toSorted().reduce((most, u, i) => Math.max(most, (i + 1) / length - u, u - i / length), 0);
    // Kolmogorov-Smirnov test: a larger distance has probability 2e-5. Seeds are fixed, so the result never changes.
    expect(distance * Math.sqrt(length)).toBeLessThan(2.4);
    expect(Math.min(...uniform.subarray(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(uniform.reduce((most, u) => Math.max(most, u), 0)).toBeLessThanOrEqual(1);
    for (const lag of [1, 2, 3, 4, 16, 64, 1000]) {
      let sum = 0;
      for (let i = 0; i + lag < length; i++)
        sum += ((uniform[i] as number) - 0.5) * ((uniform[i + lag] as number) - 0.5);
      expect(Math.abs((12 * sum) / length), `lag ${lag}`).toBeLessThan(4.5 / Math.sqrt(length));
    }
  });

  test('differ for another seed, step or name', async () => {
    const shape = [30, 100];
    const first = await slopes(shape);
    expect(await slopes(shape)).toEqual(first);
    for (const key of [{ seed: 2 }, { step: 3 }, { name: 'layer2' }, { seed: 2, step: 1 }]) {
      const other = await slopes(shape, key);
      const equal = other.filter((value, i) => value === first[i]).length;
      expect(equal, JSON.stringify(key)).toBeLessThan(10);
    }
  });

  test('do not depend on layout, shape or threads', async () => {
    const flat = await slopes([3 * 14 * 14 * 48]);
    expect(await slopes([3, 14, 14, 48])).toEqual(flat);
    expect(await slopes([3 * 14, 14 * 48])).toEqual(flat);
    expect(await slopes([3 * 14 * 16, 14, 3])).toEqual(flat);
    expect(await slopes([3, 48, 14, 14])).toEqual(flat);
    for (const threads of [1, 3]) {
      const other = openDevice('cpu', { threads });
      expect(await slopes([3, 14, 14, 48], {}, other)).toEqual(flat);
    }
  });

  test('are the same in the gradient, and others in the next step', async () => {
    const x = new Parameter({ name: 'x', shape: [500], decay: false, initialize: () => new Float32Array(500) });
    const state = new State([x], { seed: 4 });
    const values = Float32Array.from({ length: 500 }, random.gaussian);
    const y = activate(x, rrelu(), { name: 'layer', context: new TrainingContext(state.counter) });
    const dy = input('dy', [500]);
    const { dx } = randomizedReluGradient(dy, y, state.counter, y.node.attributes);
    const graph = Graph.from({ outputs: { y, dx }, updates: [advance(constant(Int32Array.of(0)), state.counter)] });
    const plan = await compile(graph, { device });
    await state.write(x, values);
    const { outputs } = await plan.run({ dy: new Float32Array(500).fill(1) }, { steps: 2 });
    const [ys, dxs] = [outputs.y as Float32Array, outputs.dx as Float32Array];
    const negative = [...values.keys()].filter((i) => (values[i] as number) < 0);
    expect(negative.length).toBeGreaterThan(150);
    for (const step of [0, 1]) {
      values.forEach((value, i) => {
        const slope = dxs[500 * step + i] as number;
        if (value >= 0) expect(slope).toBe(1);
        expect(ys[500 * step + i]).toBe(Math.fround(slope * value));
      });
    }
    expect(negative.filter((i) => dxs[i] === dxs[500 + i]).length).toBeLessThan(5);
    plan.dispose();
    state.dispose();
  });
});

describe('as an activation', () => {
  test('is leakyRelu of the mean slope in inference, and where no context is given', async () => {
    const x = constant(Float32Array.from({ length: 100 }, random.gaussian));
    const mean = leakyRelu((1 / 8 + 1 / 3) / 2);
    const expected = await evaluate(activate(x, mean), { device });
    expect(await evaluate(activate(x, rrelu()), { device })).toEqual(expected);
    expect(await evaluate(activate(x, rrelu(), { context: inference }), { device })).toEqual(expected);
    expect(await evaluate(activate(x, { kind: 'rrelu' } as never), { device })).toEqual(expected);
  });

  test('a convolution draws in training only', () => {
    const layer = new Conv2d({ name: 'conv', inputs: 3, outputs: 4, kernel: 1, activation: rrelu() });
    const state = new State(layer.parameters);
    const x = input('x', [1, 2, 2, 3]);
    expect(layer.forward(x, inference).node.op.name).toBe('activation');
    const { node } = layer.forward(x, new TrainingContext(state.counter));
    expect(node).toMatchObject({ op: { name: 'randomizedRelu' }, name: 'conv' });
    expect(node.inputs[2]).toBe(state.counter);
  });

  test('is written and read as text', () => {
    expect(formatActivation(rrelu({ lower: 0.1, upper: 0.3 }))).toBe('rrelu:0.1:0.3');
    for (const activation of [rrelu(), rrelu({ lower: 0.2, upper: 0.2 })]) {
      expect(parseActivation(formatActivation(activation))).toEqual(activation);
    }
    expect(parseActivation('rrelu')).toEqual(rrelu());
  });

  test('has the gain of its slopes: the mean of their squares, not the square of their mean', () => {
    const { length } = { length: 200_000 };
    const draw = new Philox(1, 2);
    let sum = 0;
    for (let i = 0; i < length; i++) sum += (0.25 + 0.5 * draw.uniform()) ** 2;
    const activation = rrelu({ lower: 0.25, upper: 0.75 });
    expect(meanSquareGain(activation)).toBeCloseTo((1 + sum / length) / 2, 3);
    expect(meanSquareGain(activation)).toBeCloseTo((1 + 13 / 48) / 2, 12);
    const values = defaultInitializer(activation)([64, 3, 3, 128], new Philox(1, 2));
    const variance = values.reduce((total, value) => total + value * value, 0) / values.length;
    expect(variance * 1152 * meanSquareGain(activation)).toBeCloseTo(1, 1);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['a lower bound of 0', () => rrelu({ lower: 0 }), /lower of rrelu.*0/],
    ['an upper bound above 1', () => rrelu({ upper: 1.5 }), /upper of rrelu.*1\.5/],
    ['bounds the wrong way round', () => rrelu({ lower: 0.5, upper: 0.2 }), /from 0\.5 to 1 for upper of rrelu.*0\.2/],
    ['one number', () => parseActivation('rrelu:0.2'), /rrelu:LOWER:UPPER.*"rrelu:0\.2"/],
    ['three numbers', () => parseActivation('rrelu:0.1:0.2:0.3'), /rrelu:LOWER:UPPER/],
    ['words', () => parseActivation('rrelu:a:b'), /rrelu:LOWER:UPPER/],
    ['an empty number', () => parseActivation('rrelu::0.2'), /rrelu:LOWER:UPPER/],
    [
      'a range that is none',
      () => formatActivation({ kind: 'rrelu', slope: 0, range: 3 } as never),
      /range of rrelu.*3/,
    ],
    ['no name in training', () => inTraining(constant(Int32Array.of(1, 2))), /a name.*nothing/],
    ['no counter in training', () => inTraining(null, 'layer'), /context\.counter.*null/],
    ['a counter of another size', () => inTraining(constant(Int32Array.of(1)), 'layer'), /\[2\] for counter.*\[1\]/],
  ])('refuses %s', (_, attempt, message) => {
    expect(attempt).toThrow(message);
  });
});

const inTraining = (counter: Tensor | null, name?: string) =>
  activate(constant([1]), rrelu(), { name, context: { training: true, counter } });

test('training is repeatable, and another than with the mean slope', async () => {
  const run = async (activation: Activation) => {
    const model = subInception({ width: 0.1, size: 8, activation });
    const trainer = new Trainer({ model, ...smallData(20, 10), device, batch: 5, seed: 6 });
    const losses: number[] = [];
    for await (const event of trainer.fit({ steps: 4 })) if (event.event === 'epoch') losses.push(event.trainLoss);
    const state = await snapshot(trainer.state);
    const first = await trainer.evaluate('test');
    expect(await trainer.evaluate('test')).toEqual(first);
    trainer.dispose();
    return { state, losses };
  };
  const first = await run(rrelu());
  expect(first.losses.every(Number.isFinite)).toBe(true);
  expect(await run(rrelu())).toEqual(first);
  expect((await run(leakyRelu((1 / 8 + 1 / 3) / 2))).state.equals(first.state)).toBe(false);
});
