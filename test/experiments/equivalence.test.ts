import { describe, expect, test } from 'vitest';
import { evaluate } from '../../lib/compile/evaluate';
import { generated } from '../../lib/data/generated';
import { equivalence } from '../../lib/experiments/equivalence/equivalence';
import { sigmoidTwin } from '../../lib/experiments/equivalence/network';
import { PreconditionedSgd, spreadOverRows, sumOfRows } from '../../lib/experiments/equivalence/optimizer';
import { padImage } from '../../lib/experiments/equivalence/padding';
import { rules } from '../../lib/experiments/equivalence/rules';
import type { Model } from '../../lib/models';
import { activate } from '../../lib/ops/activation';
import { relu, scaledSigmoid } from '../../lib/ops/activations';
import { add } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { copy } from '../../lib/ops/data';
import { linear } from '../../lib/ops/linear';
import { globalAveragePool } from '../../lib/ops/pooling';
import { Sgd } from '../../lib/optim/sgd';
import { Parameter } from '../../lib/tensor/state';
import { constant, type Tensor } from '../../lib/tensor/tensor';
import { TestRandom, testSeed } from '../random';
import { cpu, smallModel } from '../train/support';
import { DoubleTraining, drawImages, tinyModel } from './equivalenceSupport';

const random = new TestRandom(testSeed);
const floats = (count: number) => Float32Array.from({ length: count }, () => random.gaussian());
const greatest = (values: readonly number[]) => Math.max(...values);

describe('rules beside a sigmoid* run', () => {
  test.each([true, false])('f32, padding %s: the exact rule agrees, factors do not', async (padding) => {
    const { train, test: probe } = generated({ train: 40, test: 8 });
    const { comparisons, settings } = await equivalence({
      ...{ model: ({ classes }) => tinyModel({ padding, classes, channels: 16 }), padding, train, test: probe },
      ...{ device: cpu(), steps: 12, batch: 8, learningRate: 0.02, momentum: 0.9, weightDecay: 0.01 },
    });
    expect(settings).toMatchObject({ steps: 12, model: 'tiny', device: 'cpu' });
    expect(comparisons).toHaveLength(1);
    const { rules: runs, loss, moved, padding: reported } = comparisons[0]!;
    expect(reported).toBe(padding);
    expect(loss).toHaveLength(12);
    expect(moved[0]).toBe(0);
    expect(moved[12]).toBeGreaterThan(0.01);
    expect(runs.map(({ name }) => name)).toEqual([...rules.map(({ name }) => name), 'lastBit']);
    const [exact, centred, ...others] = runs;
    for (const values of [exact!.outputs, exact!.parameters, centred!.outputs, centred!.parameters]) {
      expect(values).toHaveLength(13);
      expect(greatest(values)).toBeLessThan(1e-4);
    }
    exact!.loss.forEach((value, step) => {
      expect(Math.abs(value - loss[step]!) / loss[step]!).toBeLessThan(1e-4);
    });
    for (const { name, outputs, parameters } of others.filter((run) => run.name !== 'lastBit')) {
      expect(outputs[12], name).toBeGreaterThan(100 * greatest(exact!.outputs));
      expect(parameters[12], name).toBeGreaterThan(100 * greatest(exact!.parameters));
      // Before training, all variants but the literal reading compute the same function.
      if (name === 'literal4') expect(outputs[0]).toBeGreaterThan(0.1);
      else expect(outputs[0], name).toBeLessThan(1e-5);
    }
  });

  test.each([true, false])('double, padding %s: the exact rule is exact, with max pools', (padding) => {
    const model = tinyModel({ padding, classes: 3, channels: 2, max: true });
    const settings = { momentum: 0.9, weightDecay: 0.05 };
    const star = new DoubleTraining(model, new Sgd(settings));
    const tried = rules.filter(({ name }) => ['exact', 'centred16', 'literal4', 'factor16'].includes(name));
    const begun = tried.map((rule) => {
      const twin = sigmoidTwin(model, rule.network);
      const training = new DoubleTraining(twin.model, rule.optimizer(twin, settings));
      training.write(rule.start(twin, star.values()));
      return { training, twin };
    });
    const data = drawImages(random);
    const losses = Array.from({ length: 5 }, () => {
      const own = star.step(data, 0.05);
      return begun.map(({ training }) => Math.abs(training.step(data, 0.05) - own) / own);
    });
    const last = begun.map(({ training, twin }, index) => training.distanceTo(tried[index]!.map(twin, star.values())));
    for (const index of [0, 1]) {
      expect(greatest(losses.map((step) => step[index]!))).toBeLessThan(1e-12);
      expect(last[index]).toBeLessThan(1e-12);
    }
    for (const other of last.slice(2)) expect(other).toBeGreaterThan(1e-4);
  });
});

describe('its parts', () => {
  test('padImage surrounds an image with a value', async () => {
    const values = floats(2 * 2 * 3 * 2);
    const x = copy(constant(values, [2, 2, 3, 2]), { image: true });
    const padded = await evaluate(copy(padImage(x, { top: 1, bottom: 1, left: 2, right: 2 }, 0.5), { image: false }), {
      device: cpu(),
    });
    const expected: number[] = [];
    for (let image = 0; image < 2; image++)
      for (let row = -1; row < 3; row++)
        for (let column = -2; column < 5; column++)
          for (let channel = 0; channel < 2; channel++) {
            const inside = row >= 0 && row < 2 && column >= 0 && column < 3;
            expected.push(inside ? values[((image * 2 + row) * 3 + column) * 2 + channel]! : 0.5);
          }
    expect([...padded]).toEqual(expected);
  });

  test.each([[[5, 7]], [[4, 3, 2, 6]]])('sums over rows %j, and their transpose', async (shape) => {
    const size = shape.reduce((product, d) => product * d, 1);
    const outputs = shape[0]!;
    const values = floats(size);
    const sums = await evaluate(sumOfRows(constant(values, shape)), { device: cpu() });
    const row = size / outputs;
    sums.forEach((sum, output) => {
      const exact = values.subarray(output * row, (output + 1) * row).reduce((total, value) => total + value, 0);
      expect(Math.abs(sum - exact)).toBeLessThan(1e-5);
    });
    const vector = floats(outputs);
    const spread = await evaluate(spreadOverRows(constant(vector, [outputs]), shape), { device: cpu() });
    expect(spread).toHaveLength(size);
    spread.forEach((value, index) => {
      expect(Math.abs(value - vector[Math.floor(index / row)]!)).toBeLessThan(1e-6);
    });
  });
});

describe('refusals', () => {
  test.each([
    ['a model', { model: 'other' as 'chain' }, /chain, small, smallMax, inception33, or a function .* for model/],
    [
      'inception33 without padding',
      { model: 'inception33' as const, padding: false },
      /true for inception33.*for padding/,
    ],
    ['a padding', { padding: 'yes' as unknown as boolean }, /true or false for padding/],
    ['no steps', { steps: 0 }, /for steps/],
    ['a momentum', { momentum: 2 }, /for momentum/],
    ['a learning rate', { learningRate: Number.NaN }, /for learningRate/],
    ['images too small', { size: 16, padding: false }, /at least 20 for size/],
    ['fp16', { precision: 'fp16' as const }, /for precision/],
    ['half of the data', { train: generated({ train: 1, test: 1 }).train }, /both or neither/],
  ])('%s', async (_, options, message) => {
    await expect(equivalence(options)).rejects.toThrow(message);
  });

  test('networks without counterpart, by the name of the layer', () => {
    expect(() => sigmoidTwin(smallModel({ activation: relu() }))).toThrow(/sigmoid\* after every layer.*stem/);
    expect(() => sigmoidTwin(smallModel({ activation: scaledSigmoid(), normalization: 'batch' }))).toThrow(/batchNorm/);
    const images = (x: Tensor) => conv2d(x, constant(floats(3), [1, 1, 1, 3]));
    const bare = (weight: Tensor, bias?: Tensor): Model => ({
      ...tinyModel({ padding: true, classes: 1, channels: 2 }),
      parameters: [weight, bias].filter((tensor) => tensor instanceof Parameter),
      forward: (x) => linear(globalAveragePool(activate(images(x), scaledSigmoid())), weight, { bias, name: 'last' }),
    });
    const weight = () => new Parameter({ name: 'w', shape: [1, 1], decay: true, initialize: () => floats(1) });
    const twice = weight();
    expect(() =>
      sigmoidTwin({ ...bare(twice), forward: (x) => add(bare(twice).forward(x), bare(twice).forward(x)) }),
    ).toThrow(/each belong to one layer.*w/);
    expect(() => sigmoidTwin(bare(weight()))).toThrow(/linear layer at its end/);
    expect(() => sigmoidTwin(bare(weight(), constant([0])))).toThrow(/a bias in every layer.*last/);
    expect(() => sigmoidTwin(bare(constant([1], [1, 1])))).toThrow(/weights that are Parameters.*last/);
  });

  test('a State of another model', () => {
    const [one, other] = [
      sigmoidTwin(tinyModel({ padding: true, classes: 3, channels: 2 })),
      sigmoidTwin(tinyModel({ padding: true, classes: 3, channels: 2 })),
    ];
    expect(() => new DoubleTraining(one!.model, new PreconditionedSgd({ layers: other!.layers }))).toThrow(/layers/);
  });
});
