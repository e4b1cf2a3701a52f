/** LeNet, the ResNets and MobileNetV2: their published sizes, and every activation in each. Their logits: test/weights/networks.test.ts. */
import { describe, expect, test } from 'vitest';
import { Dataset, input, Trainer } from '../../lib';
import { gradient } from '../../lib/compile/gradient';
import { TrainingContext } from '../../lib/layers';
import { cifarResnet, createModel, lenet, mobilenetV2, models, resnet18 } from '../../lib/models';
import { inspectModel } from '../../lib/models/inspect';
import { formatActivation } from '../../lib/ops/activation';
import { activations, parseActivation } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { deal, testSeed } from '../random';
import { cpu } from '../train/support';

const shapesOf = (model: ReturnType<typeof lenet>) =>
  Object.fromEntries(inspectModel(model).layers.map(({ name, outputShape }) => [name, outputShape]));

describe('sizes', () => {
  test('are the published ones', () => {
    const parameters = (model: ReturnType<typeof lenet>) => inspectModel(model).totals.parameters;
    // 156 + 2416 + 48120 + 10164 + 850: the paper's layers, with full connections in C3 and a linear classifier.
    expect(parameters(lenet())).toBe(61706);
    // Table 6 of He et al.: 0.27, 0.46, 0.66, 0.85 and 1.7 million.
    const depths = [20, 32, 44, 56, 110].map((depth) => parameters(cifarResnet({ depth })));
    expect(depths).toEqual([269722, 464154, 658586, 853018, 1727962]);
    expect(inspectModel(resnet18()).totals).toMatchObject({ parameters: 11689512, macs: 1814073344, longestPath: 17 });
    expect(inspectModel(mobilenetV2()).totals).toMatchObject({ parameters: 3504872, macs: 300774272 });
  });

  test('of images are those of the papers, and any others', () => {
    expect(shapesOf(lenet())).toMatchObject({ s2: [14, 14, 6], c3: [10, 10, 16], s4: [5, 5, 16], c5: [1, 1, 120] });
    expect(shapesOf(lenet({ size: [12, 65], channels: 3 }))).toMatchObject({ s4: [1, 14, 16], c5: [1, 1, 120] });
    expect(() => lenet({ size: [11, 28] })).toThrow('at least 12 pixels for lenet for size');
    expect(shapesOf(cifarResnet())).toMatchObject({ 'layer1/2': [32, 32, 16], 'layer3/2': [8, 8, 64] });
    expect(shapesOf(resnet18())).toMatchObject({ maxpool: [56, 56, 64], 'layer4/1': [7, 7, 512], fc: [1000] });
    expect(shapesOf(resnet18({ size: [33, 4] }))).toMatchObject({ conv1: [17, 2, 64], 'layer4/1': [2, 1, 512] });
    expect(shapesOf(mobilenetV2())).toMatchObject({ 'features/18/1': [7, 7, 1280], 'classifier/1': [1000] });
    expect(shapesOf(mobilenetV2({ size: [33, 4], width: 0.35 }))).toMatchObject({
      'features/0/1': [17, 2, 16],
      'features/17/conv/3': [2, 1, 112],
      'features/18/1': [2, 1, 1280],
    });
  });

  test('of depth are 6n + 2', () => {
    expect(cifarResnet({ depth: 8 }).name).toBe('cifarResnet8');
    for (const depth of [2, 18, 20.5, 1208])
      expect(() => cifarResnet({ depth })).toThrow(/6n \+ 2 from 8 to 1202 .* for depth but received/);
    expect(() => createModel('cifarResnet20', { depth: 32 } as object)).toThrow(/depth/);
    expect(models).not.toHaveProperty('cifarResnet');
  });
});

test('without normalization there are biases in place of scales and shifts', () => {
  for (const make of [cifarResnet, resnet18, mobilenetV2]) {
    const [normalized, plain] = [make({ width: 0.1 }), make({ width: 0.1, normalization: 'none' })];
    const shifts = normalized.parameters.filter(({ name }) => name.endsWith('/shift'));
    const biases = plain.parameters.filter(({ name }) => name.endsWith('/bias')).slice(0, -1);
    expect(biases.map(({ size }) => size)).toEqual(shifts.map(({ size }) => size));
    expect(plain.buffers).toEqual([]);
  }
});

const names = ['lenet', 'cifarResnet20', 'resnet18', 'mobilenetV2'] as const;
// Each activation is computed in one of the networks per process.
const kinds = [...Object.keys(activations), 'rrelu'].map(parseActivation);
const dealt = deal(kinds, names.length);

describe.each(names)('%s', (name) => {
  const options = { width: 0.05, size: 12, channels: 1, classes: 3 };
  const usual = inspectModel(createModel(name, options)).totals;

  test('has a gradient of every parameter, and as many of them, with every activation', () => {
    for (const activation of kinds) {
      const model = createModel(name, { ...options, activation });
      expect(inspectModel(model).totals).toEqual(usual);
      const context = new TrainingContext(input('counter', [2], { dtype: 'i32' }));
      const logits = model.forward(input('images', [2, ...model.inputShape]), context);
      const { loss } = softmaxCrossEntropy(logits, input('labels', [2], { dtype: 'i32' }));
      const shapes = gradient(loss, [...model.parameters]).map(({ shape }) => shape);
      expect(shapes).toEqual(model.parameters.map(({ shape }) => shape));
    }
  });

  const own = dealt[names.indexOf(name)]!;
  test(`learns with ${own.map(formatActivation).join(', ')} (seed ${testSeed})`, async () => {
    for (const activation of own) {
      const model = createModel(name, { ...options, activation });
      const images = Uint8Array.from({ length: 4 * 12 * 12 }, (_, index) => (index * 37) % 251);
      const train = Dataset.from({ images, labels: [0, 1, 2, 0], shape: [12, 12, 1], classes: 3 });
      using trainer = new Trainer({ model, train, device: cpu(), batch: 4 });
      const steps: { loss: number; gradientNorm: number }[] = [];
      for await (const event of trainer.fit({ steps: 2 })) if (event.event === 'step') steps.push(event);
      expect(steps).toHaveLength(2);
      for (const { loss, gradientNorm } of steps) {
        expect(loss, formatActivation(activation)).toBeGreaterThan(0);
        expect(gradientNorm, formatActivation(activation)).toBeGreaterThan(0);
      }
    }
  });
});
