import { describe, expect, test } from 'vitest';
import { Conv2d, type Layer, Sequential, TrainingContext } from '../lib/layers';
import { createModel, inception33, inceptionBn, subInception } from '../lib/models';
import { inspectModel } from '../lib/models/inspect';
import { leakyTanh, tanh } from '../lib/ops/activations';
import { input } from '../lib/tensor/tensor';

describe('networks', () => {
  test('have the published totals', () => {
    expect(inspectModel(inception33()).totals).toEqual({
      convolutions: 69,
      longestPath: 33,
      parameters: 10345028,
      macs: 1645273088,
    });
    expect(inspectModel(subInception()).totals).toEqual({
      convolutions: 66,
      longestPath: 30,
      parameters: 10185956,
      macs: 1520811520,
    });
    // These models have 1000 classes and images of 224x224.
    const bn = { convolutions: 69, longestPath: 33, macs: 2032600064 };
    expect(inspectModel(inceptionBn()).totals).toEqual({ ...bn, parameters: 11295240 });
    expect(inspectModel(inceptionBn({ normalization: 'none' })).totals).toEqual({ ...bn, parameters: 11275208 });
  });

  test('inceptionBn halves its images five times, rounding up', () => {
    const { layers } = inspectModel(inceptionBn());
    const shapes = Object.fromEntries(layers.map(({ name, outputShape }) => [name, outputShape]));
    expect(shapes).toMatchObject({
      conv1: [112, 112, 64],
      pool1: [56, 56, 64],
      conv2: [56, 56, 192],
      pool2: [28, 28, 192],
      '3c': [14, 14, 576],
      '4e': [7, 7, 1056],
      '5b': [7, 7, 1024],
      classifier: [1000],
    });
    expect(
      inspectModel(inceptionBn({ size: 32, width: 0.1 }))
        .layers.at(-3)
        ?.outputShape.slice(0, 2),
    ).toEqual([1, 1]);
  });

  test('normalization replaces the biases by scales and shifts; dropout stands before the classifier', () => {
    for (const make of [inception33, subInception]) {
      const [plain, normalized] = [make({ width: 0.25 }), make({ width: 0.25, normalization: 'batch', dropout: 0.5 })];
      const biases = plain.parameters.filter(({ name }) => name.endsWith('/bias') && !name.startsWith('classifier'));
      const count = biases.reduce((sum, { size }) => sum + size, 0);
      const [before, after] = [plain, normalized].map((model) => inspectModel(model).totals);
      expect(after).toEqual({ ...before, parameters: before!.parameters + count });
      expect(normalized.buffers).toHaveLength(2 * biases.length);
      expect(plain.buffers).toEqual([]);
      const context = new TrainingContext(input('counter', [2], { dtype: 'i32' }));
      const logits = normalized.forward(input('images', [2, 28, 28, 3]), context);
      expect(logits.node.inputs[0]?.node.op.name).toBe('dropout');
    }
  });

  test('halve the image twice, rounding up, and concatenate the blocks of the table', () => {
    const { layers } = inspectModel(inception33());
    const shape = (name: string) => layers.find((layer) => layer.name === name)?.outputShape;
    const channels = { '3a': 256, '3b': 320, '3c': 576, '4a': 576, '4b': 576, '4c': 608, '4d': 608, '4e': 1056 };
    for (const [name, count] of Object.entries(channels)) {
      const size = name < '3c' ? 28 : name < '4e' ? 14 : 7;
      expect(shape(name), name).toEqual([size, size, count]);
    }
    expect(shape('5a')).toEqual([7, 7, 1024]);
    expect(shape('5b')).toEqual([7, 7, 1024]);
    expect(shape('pool')).toEqual([1024]);
    expect(shape('classifier')).toEqual([100]);
  });

  test.each(['inception33', 'subInception', 'inceptionBn'])(
    '%s has multiples of 16 channels at every width',
    (name) => {
      for (const width of [0.01, 0.25, 0.33, 0.5, 1.7]) {
        const { layers } = inspectModel(createModel(name, { width, classes: 10, activation: tanh() }));
        for (const { name: layer, outputShape } of layers) {
          // All channel counts must be multiples of 16, except that of the image, which subInception's first pool reads.
          if (outputShape.length === 3 && outputShape[2] !== 3) expect(outputShape[2]! % 16, layer).toBe(0);
        }
      }
    },
  );

  test('have distinct parameter names', () => {
    const names = inception33({ width: 0.1 }).parameters.map((parameter) => parameter.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('3a/d3x3b/weight');
  });

  test('count a layer that is used twice once, and its multiply-adds twice', () => {
    const count = (layer: Layer) => {
      const common = { name: 'twice', width: 1, classes: 4, activation: tanh(), inputShape: [8, 8, 4] } as const;
      return inspectModel({ ...common, parameters: layer.parameters, forward: (x) => layer.forward(x) }).totals;
    };
    const conv = () => new Conv2d({ name: 'c', inputs: 4, outputs: 4, kernel: 3, padding: 1, activation: tanh() });
    const [layer, once] = [conv(), count(conv())];
    expect(once.parameters).toBe(4 * 3 * 3 * 4 + 4);
    expect(count(new Sequential([layer, layer]))).toEqual({
      convolutions: 2,
      longestPath: 2,
      parameters: once.parameters,
      macs: 2 * once.macs,
    });
  });

  test('refuse bad options, saying what was expected', () => {
    expect(() => createModel('vgg')).toThrow(/inception33, subInception, inceptionBn.*"vgg"/);
    expect(() => createModel('constructor')).toThrow(/one of/);
    for (const width of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => inception33({ width })).toThrow(/width/);
    }
    for (const size of [3, 4097, 28.5, [28], [28, 0], [28, 28, 3], '28']) {
      expect(() => inception33({ size: size as never })).toThrow(/an integer from 4 to 4096, or two of them.*for size/);
    }
    for (const channels of [0, 5, 1.5]) expect(() => inception33({ channels })).toThrow(/from 1 to 4 for channels/);
    expect(() => inception33({ normalization: 'group' as never })).toThrow(/"none" or "batch".*"group"/);
    expect(() => inception33({ dropout: 1 })).toThrow(/less than 1 for dropout.*1/);
    expect(() => inception33({ classes: 0 })).toThrow(/classes/);
    expect(() => inception33({ activation: { ...leakyTanh(), slope: 0.6 } })).toThrow(/0 to 0.5.*0.6/);
  });
});
