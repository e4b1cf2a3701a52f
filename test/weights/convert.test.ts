/** convertWeights(): what it refuses, with which words, and that nothing is written then. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type ConvertWeightsOptions,
  convertWeights,
  createModel,
  functionalModel,
  globalAveragePool,
  layers,
  type NamedTensor,
  readSafetensors,
  writeSafetensors,
} from '../../lib';
import { reportText } from '../../lib/weights/report';
import { temporaryFolder } from '../temporary';
import { fixture, smallNetwork } from './network';

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const original = fixture('weights.safetensors');
const out = path('out');
const { tensors, metadata } = readSafetensors(original);

/** Writes the recorded file with some tensors changed; null removes one. Returns its path. */
function changed(name: string, changes: Record<string, NamedTensor | null>): string {
  const all = new Map<string, NamedTensor>(tensors);
  for (const [tensor, change] of Object.entries(changes)) {
    if (change) all.set(tensor, change);
    else all.delete(tensor);
  }
  writeSafetensors(path(name), { tensors: all, metadata });
  return path(name);
}

const zeros = (...shape: number[]): NamedTensor => ({
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
});
const refused = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });
const attempt = (from: string, options: Partial<ConvertWeightsOptions>) => () =>
  convertWeights(from, out, { to: 'saturnn', ...options });

describe('weights that are not there, or have another shape', () => {
  const from = changed('damaged', {
    'conv1.weight': zeros(8, 3, 5, 5),
    'stem.weight': zeros(8, 3, 3, 3),
    'fc.weight': null,
    'fcs.weight': zeros(6, 16),
  });

  test('are named with the nearest tensor, and nothing is written', () => {
    expect(attempt(from, { model: smallNetwork() })).toThrow(
      refused(
        'ERR_DATA',
        `${from} does not have 2 of the network's 14 weights: "conv1/weight" [8, 3, 3, 3]: expected shape [8, 3, 3, 3] for ` +
          '"conv1.weight" but received [8, 3, 5, 5]. The nearest is "stem.weight"; "fc/weight" [5, 16]: there is no "fc.weight". ' +
          'The nearest is "fcs.weight"',
      ),
    );
    expect(existsSync(out)).toBe(false);
    const report = convertWeights(from, null, { to: 'saturnn', model: smallNetwork() });
    expect(reportText(report)).toBe(
      [
        'fitted: 12 weights (1 in another order)',
        'do not fit: 1',
        'missing: 1',
        '  "conv1/weight" [8, 3, 3, 3]: expected shape [8, 3, 3, 3] for "conv1.weight" but received [8, 3, 5, 5]. The nearest is "stem.weight"',
        '  "fc/weight" [5, 16]: there is no "fc.weight". The nearest is "fcs.weight"',
        'left out: 2',
        '  "stem.weight"',
        '  "fcs.weight"',
        'not needed: 2',
        '',
      ].join('\n'),
    );
  });

  test('keep the values of `like` with `partial`', () => {
    convertWeights(original, path('whole'), { to: 'saturnn', model: smallNetwork() });
    const whole = readSafetensors(path('whole'));
    convertWeights(from, path('kept'), { to: 'saturnn', like: path('whole'), partial: true });
    expect(readSafetensors(path('kept'))).toEqual(whole);
    const map = [
      { saturnn: 'conv1/weight', pytorch: 'stem.weight' },
      { saturnn: 'fc/weight', pytorch: null },
    ];
    convertWeights(from, path('mapped'), { to: 'saturnn', like: path('whole'), partial: true, map });
    const mapped = readSafetensors(path('mapped'));
    expect(mapped.tensors.get('conv1/weight')!.data).toEqual(new Float32Array(216));
    expect(mapped.tensors.get('fc/weight')).toEqual(whole.tensors.get('fc/weight'));
    expect(mapped.metadata).toEqual(whole.metadata);
  });
});

describe('numbers that do not fit', () => {
  test.each<[string, Record<string, NamedTensor>, Partial<ConvertWeightsOptions>, string]>([
    [
      'a dtype',
      { 'fc.bias': { shape: [5], data: Float32Array.of(1, 70000, 1, 1, 1) } },
      { dtype: 'f16' },
      '"fc/bias" holds 70000, more than f16 can: choose bf16 or f32',
    ],
    [
      'float32',
      { 'fc.bias': { shape: [5], data: Float64Array.of(1, 1, 1, 1, 1e200) } },
      {},
      '"fc.bias" cannot be used: Element 4 is 1e+200, more than float32 can hold',
    ],
    [
      'a weight',
      { 'fc.bias': { shape: [5], data: Int8Array.of(1, 2, 3, 4, 5) } },
      {},
      '"fc/bias" [5]: expected floating-point numbers in "fc.bias" but received I8',
    ],
  ])('%s', (name, changes, options, message) => {
    const from = changed(name, changes);
    expect(attempt(from, { model: smallNetwork(), ...options })).toThrow(refused('ERR_DATA', message));
    expect(existsSync(out)).toBe(false);
  });
});

test('files and options that do not belong together are refused', () => {
  convertWeights(original, path('ours'), { to: 'saturnn', model: smallNetwork() });
  const model = smallNetwork();
  const argument = 'ERR_INVALID_ARGUMENT';
  expect(attempt(original, {})).toThrow(refused(argument, 'a file of the same network as `like`, for model'));
  expect(attempt(original, { model, like: path('ours') })).toThrow(refused(argument, 'no value beside a model'));
  expect(attempt(original, { like: original })).toThrow(refused(argument, 'Expected a file of saturnn for like'));
  expect(attempt(path('ours'), { model })).toThrow(refused(argument, 'is a file of saturnn already'));
  expect(attempt(original, { to: 'pytorch' })).toThrow(refused(argument, 'Expected a file of saturnn'));
  expect(attempt(path('ours'), { to: 'pytorch', model })).toThrow(refused(argument, 'as the file says its network'));
  expect(attempt(path('ours'), { to: 'pytorch', like: path('ours') })).toThrow(refused(argument, 'a file of PyTorch'));
  expect(attempt(original, { model, imageMean: [1] })).toThrow(refused(argument, '3 numbers, one for each channel,'));
  expect(attempt(original, { model, classNames: ['a'] })).toThrow(refused(argument, 'the names of 5 classes'));
  expect(attempt(path('ours'), { to: 'pytorch', map: () => 'same' })).toThrow(
    refused(argument, 'another name in PyTorch for "bn1/scale" than for "conv1/weight" for map but received "same"'),
  );
  expect(attempt(path('ours'), { to: 'pytorch', map: (name) => ({ name, layout: 'transposed' }) })).toThrow(
    refused(argument, 'one for the shape [8, 3, 3, 3] for layout of "conv1/weight" but received "transposed"'),
  );
  writeFileSync(path('model.pth'), Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(20)]));
  expect(attempt(path('model.pth'), { model })).toThrow(refused('ERR_DATA', 'save_file('));
  expect(existsSync(out)).toBe(false);
});

test('a file of saturnn becomes one of another dtype', () => {
  convertWeights(original, path('f32'), { to: 'saturnn', model: smallNetwork() });
  const report = convertWeights(path('f32'), path('bf16'), { to: 'saturnn', dtype: 'bf16' });
  expect(report.fitted).toHaveLength(14);
  const [f32, bf16] = [path('f32'), path('bf16')].map(readSafetensors);
  expect(bf16!.metadata).toEqual(f32!.metadata);
  expect([...bf16!.tensors.values()].map(({ dtype }) => dtype)).toEqual(Array(14).fill('BF16'));
});

test('a linear layer behind a flattened image, by a rule, there and back', () => {
  const network = () => {
    const fc = new layers.Linear({ name: 'fc', inputs: 12, outputs: 3 });
    return functionalModel({
      parameters: fc.parameters,
      ...{ inputShape: [8, 8, 12], classes: 3, forward: (x) => fc.forward(globalAveragePool(x)) },
    });
  };
  const weight = {
    shape: [3, 12],
    data: Float32Array.from({ length: 36 }, (_, index) => index),
    dtype: 'F32',
  } as const;
  writeSafetensors(path('flat'), {
    tensors: new Map<string, NamedTensor>([
      ['head.weight', weight],
      ['head.bias', zeros(3)],
    ]),
    metadata: {},
  });
  const map = [
    { saturnn: 'fc/weight', pytorch: 'head.weight', layout: 'flattened 3x2x2' },
    { saturnn: 'fc/*', pytorch: 'head.*' },
  ] as const;
  convertWeights(path('flat'), path('unflat'), { to: 'saturnn', model: network(), map });
  // Channel 1 of the first pixel is the second number here, and the fifth in PyTorch.
  expect(readSafetensors(path('unflat')).tensors.get('fc/weight')!.data[1]).toBe(4);
  convertWeights(path('unflat'), path('flat again'), { to: 'pytorch', map });
  expect(readSafetensors(path('flat again')).tensors.get('head.weight')).toEqual(weight);
});

test('new weights with `partial` are those of the model', () => {
  const model = createModel('subInception', { width: 0.01, classes: 5, size: 12 });
  const report = convertWeights(original, path('new'), { to: 'saturnn', model, partial: true });
  expect(report.fitted).toEqual([]);
  const written = readSafetensors(path('new'));
  expect(written.metadata).toMatchObject({
    model: 'subInception',
    classes: '5',
    mean: '[0,0,0]',
    imageShape: '[12,12,3]',
  });
  expect(written.tensors.get('3a/1x1/bias')!.data).toEqual(new Float32Array(16));
  expect(new Set(written.tensors.get('3a/3x3/weight')!.data as Float32Array).size).toBeGreaterThan(1000);
});
