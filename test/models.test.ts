import { describe, expect, test } from 'vitest';
import { Conv2d, type Layer, Sequential } from '../lib/layers';
import { createModel, inception33, models, subInception } from '../lib/models';
import { inspectModel } from '../lib/models/inspect';
import { leakyTanh, tanh } from '../lib/ops/activation';

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

  test.each(Object.keys(models))('%s has multiples of 16 channels at every width', (name) => {
    for (const width of [0.01, 0.25, 0.33, 0.5, 1.7]) {
      const { layers } = inspectModel(createModel(name, { width, classes: 10, activation: tanh() }));
      for (const { name: layer, outputShape } of layers) {
        // subInception's first pool reads the image itself.
        if (outputShape.length === 3 && outputShape[2] !== 3) expect(outputShape[2]! % 16, layer).toBe(0);
      }
    }
  });

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
    expect(() => createModel('vgg')).toThrow(/inception33, subInception.*"vgg"/);
    expect(() => createModel('constructor')).toThrow(/one of/);
    for (const width of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => inception33({ width })).toThrow(/width/);
    }
    expect(() => inception33({ classes: 1 })).toThrow(/classes/);
    expect(() => inception33({ activation: { ...leakyTanh(), slope: 0.6 } })).toThrow(/0 to 0.5.*0.6/);
  });
});
