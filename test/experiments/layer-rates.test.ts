/** Learning rates per layer: the depth of each parameter, the factor that each rule gives it, and its effect in training. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, describe, expect, test } from 'vitest';
import {
  addOptimizerOptions,
  learningRateFrom,
  type OptimizerOptions,
  optimizerFrom,
  parseNamedRates,
} from '../../lib/cli/options/optimizer';
import { layerFactors, layerRates, parseLayerRates } from '../../lib/experiments';
import { Concatenate, Conv2d, GlobalAveragePool, Linear, MaxPool, Sequential } from '../../lib/layers';
import { functionalModel, inception33, type Model } from '../../lib/models';
import { parameterPlaces } from '../../lib/models/places';
import { type Activation, leakyRelu, relu, scaledSigmoid, sigmoid, tanh } from '../../lib/ops/activations';
import { Lars } from '../../lib/optim/lars';
import { Sgd } from '../../lib/optim/sgd';
import type { Parameter } from '../../lib/tensor/state';
import { firstDifference } from '../../lib/train/checkpoint/checkpointInfo';
import { describeObject } from '../../lib/train/trainerOptions';
import { saturnn } from '../cli/support';
import { cpu, smallModel, trainerOf } from '../train/support';

const folder = mkdtempSync(join(tmpdir(), 'saturnn-'));
afterAll(() => rmSync(folder, { recursive: true }));

const invalid = (text: RegExp) =>
  expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(text) });

const conv = (name: string, inputs: number, activation?: Activation, normalization?: 'batch') =>
  new Conv2d({ name, inputs, outputs: 4, kernel: 1, activation, normalization });

const modelOf = (...parts: ConstructorParameters<typeof Sequential>[0]): Model => {
  const layers = new Sequential(parts);
  const { parameters, buffers } = layers;
  const shapes = { inputShape: [4, 4, 3], classes: 5 } as const;
  return functionalModel({ parameters, buffers, ...shapes, forward: (x, context) => layers.forward(x, context) });
};

/** Returns the factor of each parameter, by its name. */
const factorsOf = (model: Model, rule: string, rate?: number) =>
  Object.fromEntries(layerFactors(model, rule, { learningRate: rate }).map((one) => [one.parameter.name, one.factor]));

/**
 * Makes a model with branches of one and two activations, one with a pool, a layer without activation and a normalised
 * layer.
 */
const branches = (first: Activation, second: Activation) =>
  modelOf(
    conv('stem', 3, first),
    new Concatenate([
      conv('short', 4, second),
      new Sequential([
        new MaxPool({ kernel: 3, stride: 1, padding: 1 }),
        conv('low', 4, second),
        conv('high', 4, second),
      ]),
    ]),
    conv('bare', 8),
    conv('normalized', 4, second, 'batch'),
    new GlobalAveragePool(),
    new Linear({ name: 'head', inputs: 4, outputs: 5 }),
  );

describe('where parameters stand', () => {
  test('inception33: depth is 33 at the image, 0 at the loss; a branch counts by its own length', () => {
    const model = inception33({ width: 0.1 });
    const places = parameterPlaces(model);
    expect(places.map(({ parameter }) => parameter)).toEqual(model.parameters);
    const depths = Object.fromEntries(places.map(({ parameter, depth }) => [parameter.name, depth]));
    // Each of the blocks 3a to 5b has 3 activations on its longest path: 5b begins at depth 3, 3a at depth 30.
    expect(depths).toMatchObject({
      ...{ 'conv1/weight': 33, 'conv1/bias': 33, 'conv2red/weight': 32, 'conv2/bias': 31 },
      ...{ '3a/1x1/weight': 28, '3a/3x3r/weight': 29, '3a/d3x3r/weight': 30, '3a/d3x3b/bias': 28 },
      ...{ '5b/1x1/weight': 1, '5b/d3x3r/bias': 3, '5b/projection/weight': 1 },
      ...{ 'classifier/weight': 0, 'classifier/bias': 0 },
    });
  });

  test('branches, pools, layers without activation, normalisations', () => {
    const places = parameterPlaces(branches(sigmoid(), relu()));
    const at = Object.fromEntries(places.map((place) => [place.parameter.name, place]));
    const depths = Object.fromEntries(places.map(({ parameter, depth }) => [parameter.name, depth]));
    expect(depths).toEqual({
      ...{ 'stem/weight': 4, 'stem/bias': 4, 'short/weight': 2, 'short/bias': 2, 'low/weight': 3, 'low/bias': 3 },
      ...{ 'high/weight': 2, 'high/bias': 2, 'bare/weight': 1, 'bare/bias': 1, 'normalized/weight': 1 },
      ...{ 'normalized/scale': 1, 'normalized/shift': 1, 'head/weight': 0, 'head/bias': 0 },
    });
    const ofSigmoid = [{ gain: 1 / 16, atZero: 1 / 2 }];
    const ofRelu = [{ gain: 1 / 2, atZero: 0 }];
    const plain = [{ gain: 1, atZero: 0 }];
    expect(at['stem/weight']).toMatchObject({ layer: 'stem', reads: plain, bias: { name: 'stem/bias' } });
    expect(at['short/weight']).toMatchObject({ reads: ofSigmoid, bias: { name: 'short/bias' } });
    expect(at['low/weight']).toMatchObject({ reads: ofSigmoid });
    expect(at['bare/weight']).toMatchObject({ reads: ofRelu, bias: { name: 'bare/bias' } });
    expect(at['normalized/weight']).toMatchObject({ reads: plain, bias: null });
    expect(at['normalized/scale']).toMatchObject({ reads: null });
    expect(at['head/weight']).toMatchObject({ reads: ofRelu, bias: { name: 'head/bias' } });
  });
});

describe('factors', () => {
  test('depth: a power; a limit holds in both directions', () => {
    const model = branches(tanh(), tanh());
    expect(factorsOf(model, 'depth:3')).toMatchObject({ 'stem/bias': 81, 'low/weight': 27, 'head/weight': 1 });
    expect(factorsOf(model, 'depth:3:9')).toMatchObject({ 'stem/bias': 9, 'short/weight': 9, 'bare/weight': 3 });
    expect(factorsOf(model, 'depth:0.5:4')).toMatchObject({ 'stem/bias': 0.25, 'bare/weight': 0.5, 'head/bias': 1 });
  });

  test('gain: 1 / E[f²] of what weights multiply; 1 for pixels and biases', () => {
    const factors = factorsOf(branches(sigmoid(), leakyRelu(0.5)), 'gain');
    expect(factors).toMatchObject({ 'stem/weight': 1, 'short/weight': 16, 'low/weight': 16, 'low/bias': 1 });
    expect(factors).toMatchObject({ 'high/weight': 1.6, 'head/weight': 1.6, 'normalized/scale': 1 });
    expect(layerRates(branches(tanh(), scaledSigmoid()), 'gain')).toEqual([]);
  });

  test('what overflows, or is lost, names its layer', () => {
    const model = inception33({ width: 0.1 });
    expect(factorsOf(model, 'depth:4', 0.01)['conv1/weight']).toBe(4 ** 33);
    expect(() => factorsOf(model, 'depth:16')).toThrow(invalid(/FACTOR.*layer "conv1" at depth 33.*e\+39/));
    expect(() => factorsOf(model, 'depth:4', 1e20)).toThrow(invalid(/layer "conv1"/));
    expect(() => factorsOf(model, 'depth:0.01')).toThrow(invalid(/layer "conv1" at depth 33/));
    expect(factorsOf(model, 'depth:16:1e6')['conv1/weight']).toBe(1e6);
  });

  test('gain of inputs that differ is refused', () => {
    const mixed = modelOf(
      new Concatenate([conv('a', 3, sigmoid()), conv('b', 3, tanh())]),
      conv('both', 8, tanh()),
      new GlobalAveragePool(),
      new Linear({ name: 'head', inputs: 4, outputs: 5 }),
    );
    expect(() => layerRates(mixed, 'gain')).toThrow(invalid(/layer "both".*\[0\.0625, 1\]/));
    expect(layerRates(mixed, 'depth:2')).toHaveLength(4);
  });

  test.each([
    '',
    'depth',
    'depth:',
    'depth:x',
    'depth:0',
    'depth:-1',
    'depth:Infinity',
    'depth:2:0.5',
    'depth:2:3:4',
    'gain:2',
    'lars',
    'Depth:2',
  ])('"%s" is no rule', (text) => {
    expect(() => parseLayerRates(text)).toThrow(invalid(/FACTOR|MOST/));
  });

  test('nor are objects that are none', () => {
    const model = branches(tanh(), tanh());
    for (const rule of [null, {}, { kind: 'lars' }, { kind: 'depth' }, { kind: 'depth', factor: 2, most: 0 }])
      expect(() => layerRates(model, rule as never)).toThrow(invalid(/layer rates|FACTOR/));
  });
});

describe('one step of SGD', () => {
  const learningRate = 2 ** -6;
  const weightDecay = 2 ** -8;

  /** Returns the momentum of each parameter after one step from zero, -lr (g + decay w), by the parameter's name. */
  async function firstMoves(rule: string | null) {
    const model = smallModel({ activation: sigmoid() });
    const groups = rule === null ? [] : layerRates(model, rule, { learningRate });
    const trainer = trainerOf({ model, learningRate, optimizer: new Sgd({ groups, weightDecay }), seed: 7 });
    try {
      const { state } = trainer;
      await state.on(cpu());
      const before = new Map<Parameter, Float32Array>();
      for (const parameter of model.parameters) before.set(parameter, await state.read(parameter));
      for await (const _ of trainer.fit({ steps: 1 }));
      const momentum = new Float32Array((await state.readArena('optimizer')).slice().buffer);
      return model.parameters.map((parameter) => {
        const begin = state.offsetOf(parameter);
        const moves = momentum.subarray(begin, begin + parameter.size);
        return { parameter, moves, weights: before.get(parameter) as Float32Array };
      });
    } finally {
      trainer.dispose();
    }
  }

  test.each(['depth:2', 'gain'])(
    '%s: every parameter moves by its factor times its gradient, and decays as before',
    async (rule) => {
      const plain = await firstMoves(null);
      const ruled = await firstMoves(rule);
      const factors = factorsOf(smallModel({ activation: sigmoid() }), rule);
      expect(new Set(Object.values(factors)).size).toBe(rule === 'gain' ? 2 : 11);
      plain.forEach(({ parameter, moves, weights }, index) => {
        const factor = factors[parameter.name] as number;
        const got = ruled[index]!.moves;
        const decay = parameter.decay ? learningRate * weightDecay : 0;
        // Factors are powers of two, so without decay the results must be equal bit by bit.
        if (decay === 0) expect(got, parameter.name).toEqual(moves.map((move) => factor * move));
        const want = moves.map((move, i) => factor * move + (factor - 1) * decay * weights[i]!);
        const size = Math.max(...moves.map(Math.abs), ...weights.map((weight) => decay * Math.abs(weight)));
        const error = Math.max(...want.map((value, i) => Math.abs(value - got[i]!)));
        expect(error, parameter.name).toBeLessThan(1e-6 * factor * size);
        expect(Math.max(...moves.map(Math.abs)), parameter.name).toBeGreaterThan(0);
      });
    },
  );
});

describe('--lr-layers', () => {
  const parse = (...words: string[]): OptimizerOptions =>
    addOptimizerOptions(new Command('train').exitOverride().configureOutput({ writeErr: () => {} }))
      .parse(words, { from: 'user' })
      .opts<OptimizerOptions>();
  const model = smallModel({ activation: sigmoid() });

  test('depth and gain are groups of any optimizer but lars', () => {
    expect(optimizerFrom(parse('--lr-layers', 'gain'), model)).toEqual(new Sgd({ groups: layerRates(model, 'gain') }));
    const adam = optimizerFrom(parse('--optimizer', 'adam', '--lr-layers', 'depth:2'), model);
    expect(adam).toMatchObject({ groups: layerRates(model, 'depth:2') });
    expect(() => optimizerFrom(parse('--optimizer', 'lars', '--lr-layers', 'gain'), model)).toThrow(
      invalid(/^--lr-layers gain does not apply to --optimizer lars$/),
    );
  });

  test('a checkpoint of another rule says where it differs', () => {
    const described = (rule: string) => describeObject(optimizerFrom(parse('--lr-layers', rule), model));
    const difference = firstDifference(described('depth:2'), described('depth:3'), 'optimizer.');
    expect(difference).toBe('optimizer.groups.0.learningRate is 1024 there and 59049 here');
    expect(firstDifference(described('gain'), described('gain'))).toBeNull();
  });

  test('lars is --optimizer lars, its learning rate too', () => {
    const options = parse('--lr-layers', 'lars', '--momentum', '0.8');
    expect(optimizerFrom(options, model)).toEqual(new Lars({ momentum: 0.8 }));
    expect(learningRateFrom(options)).toBe(1);
    expect(optimizerFrom(parse('--lr-layers', 'lars', '--optimizer', 'lars'), model)).toEqual(new Lars());
    expect(() => optimizerFrom(parse('--lr-layers', 'lars', '--optimizer', 'adam'), model)).toThrow(
      invalid(/^--lr-layers lars does not apply to --optimizer adam$/),
    );
  });

  test('patterns of names have factors of their own, also with lars', () => {
    const groups = [
      { match: 'a*', learningRate: 0.5 },
      { match: 'classifier', learningRate: 10 },
    ];
    const named = ['--lr-layers', 'a*=0.5, classifier = 10'] as const;
    const own = { ...model, parameters: model.parameters.filter(({ name }) => !name.startsWith('stem')) };
    expect(optimizerFrom(parse('--lr-layers', 'b=0.5'), own)).toEqual(
      new Sgd({ groups: [{ match: 'b', learningRate: 0.5 }] }),
    );
    expect(optimizerFrom(parse('--lr-layers', 'b=0.5', '--optimizer', 'lars'), own)).toBeInstanceOf(Lars);
    expect(() => optimizerFrom(parse(...named), own)).toThrow(
      invalid(/the nearest is "a"; its layers are a, b, c, classifier\) for --lr-layers\[0\] but received "a\*"/),
    );
    expect(parseNamedRates(named[1])).toEqual(groups);
  });

  test.each(['depht:2', 'depth:0', 'gain:1', '', 'a=b', 'a=-1', '=1', 'a=1=2', 'a//b=1', 'a=1,'])(
    '"%s" is refused',
    (value) => {
      expect(() => parse('--lr-layers', value)).toThrow(
        expect.objectContaining({ message: expect.stringContaining('--lr-layers') }),
      );
    },
  );

  test('a run keeps it', { timeout: 240_000 }, async () => {
    const out = join(folder, 'run');
    const small = ['--device', 'cpu', '--width', '0.1', '--batch', '8', '--limit', '16', '--out', out];
    const begun = await saturnn(['train', ...small, '--steps', '1', '--lr-layers', 'depth:1.1']);
    expect(begun).toMatchObject({ code: 0, stderr: '' });
    expect(begun.stdout).toMatch(
      /^layer rates depth:1\.1: factors 1 \(classifier\/weight\) to 23\.2 \(conv1\/weight\)\n/,
    );
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ lrLayers: 'depth:1.1', given: { '--lr-layers': 'depth:1.1' } });
    const same = await saturnn(['train', '--resume', '--out', out, '--steps', '2']);
    expect(same).toMatchObject({ code: 0, stderr: '' });
    expect(same.stdout).toMatch(/^layer rates depth:1\.1:/);
  });
});
