/** Names of weights: patterns, maps as rules, files and functions, and the names that are tried without a map. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readWeightMap, type WeightMap, type WeightRule } from '../../lib';
import { fill, match, parsePattern } from '../../lib/options/pattern';
import { fitWeights, PyTorchNames, type Weight } from '../../lib/weights/fit';
import { orderOf, reorder } from '../../lib/weights/layout';
import { parseWeightMap } from '../../lib/weights/map';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();

describe('patterns', () => {
  const translate = (saturnn: string, pytorch: string, name: string) => {
    const captures = match(parsePattern(saturnn, 'saturnn'), name);
    return captures && fill(parsePattern(pytorch, 'pytorch'), captures);
  };

  test.each([
    ['conv1/weight', 'stem.weight', 'conv1/weight', 'stem.weight'],
    ['conv1/weight', 'stem.weight', 'conv1/weights', null],
    ['conv*/weight', 'features.*.weight', 'conv12/weight', 'features.12.weight'],
    ['conv*/weight', 'features.*.weight', 'conv/weight', null],
    ['layer*/*/conv*/*', 'layer*.*.conv*.*', 'layer1/0/conv2/bias', 'layer1.0.conv2.bias'],
    ['*', '*', 'a/b', null],
    ['a*b*c', 'x*.*y', 'aXbbYc', 'xX.bYy'],
    ['a*b', '*', 'ab', null],
    ['a*a', '*', 'aaa', 'a'],
    ['**/weight', 'net.**.weight', 'a/b/weight', 'net.a.b.weight'],
    ['**/weight', 'net.**.weight', 'weight', null],
    ['a/**/*', '**.at.*', 'a/b/c/d', 'b.c.at.d'],
    ['**', 'model.**', 'a', 'model.a'],
    ['a.b/*', 'a.*', 'a.b/c', 'a.c'],
  ])('%s to %s: %s', (saturnn, pytorch, name, expected) => {
    expect(translate(saturnn, pytorch, name)).toBe(expected);
  });

  test('take no long time for hostile names', () => {
    const pattern = parsePattern(`${'*a'.repeat(200)}b`, 'saturnn');
    expect(match(pattern, 'a'.repeat(1024))).toBeNull();
    expect(match(parsePattern('*', 'saturnn'), 'a'.repeat(1025))).toBeNull();
  });

  test.each([
    ['', 'expected 1 to 1024 characters'],
    ['a//b', 'it has an empty part between two "/"'],
    ['a**/b', '** must be a whole part of the name'],
    ['**/a/**', 'it has ** twice'],
  ])('%s is refused', (text, reason) => {
    expect(() => parsePattern(text, 'saturnn')).toThrow(
      expect.objectContaining({ code: 'ERR_DATA', message: expect.stringContaining(reason) }),
    );
  });
});

describe('without a map', () => {
  const namesOf = (names: string[]) => {
    const weights = names.map((name) => ({ name, shape: [2] }));
    const natural = new PyTorchNames(weights);
    return Object.fromEntries(names.map((name) => [name, natural.placesOf(name, [2]).map((place) => place.name)]));
  };

  test('a layer has the name of the module', () => {
    expect(namesOf(['a/b/weight', 'a/b/bias', 'w', 'gate/scale'])).toEqual({
      'a/b/weight': ['a.b.weight'],
      'a/b/bias': ['a.b.bias'],
      w: ['w'],
      'gate/scale': ['gate.scale'],
    });
  });

  test('a batch normalisation has the words of PyTorch', () => {
    expect(namesOf(['bn/scale', 'bn/shift', 'bn/runningMean', 'bn/runningVariance'])).toEqual({
      'bn/scale': ['bn.weight'],
      'bn/shift': ['bn.bias'],
      'bn/runningMean': ['bn.running_mean'],
      'bn/runningVariance': ['bn.running_var'],
    });
  });

  test('a network may be one layer', () => {
    expect(namesOf(['weight', 'scale', 'runningMean'])).toEqual({
      weight: ['conv.weight', '0.weight', 'weight'],
      scale: ['bn.weight', '1.weight'],
      runningMean: ['bn.running_mean', '1.running_mean'],
    });
  });

  test('a convolution and its normalisation have two', () => {
    expect(namesOf(['l/conv1/weight', 'l/conv1/scale', 'l/conv1/runningMean'])).toEqual({
      'l/conv1/weight': ['l.conv1.conv.weight', 'l.conv1.0.weight', 'l.conv1.weight'],
      'l/conv1/scale': ['l.conv1.bn.weight', 'l.conv1.1.weight', 'l.bn1.weight'],
      'l/conv1/runningMean': ['l.conv1.bn.running_mean', 'l.conv1.1.running_mean', 'l.bn1.running_mean'],
    });
  });
});

describe('fitting', () => {
  const tensor = (shape: number[], dtype: 'F32' | 'F16' | 'I64' | 'I8' = 'F32') => ({ shape, dtype });
  const reportOf = (weights: Weight[], tensors: Record<string, ReturnType<typeof tensor>>, map?: WeightMap) =>
    fitWeights(weights, new Map(Object.entries(tensors)), map).report;
  const conv = { name: 'conv1/weight', shape: [8, 3, 3, 4] };
  const bias = { name: 'conv1/bias', shape: [8] };

  test('takes names that DataParallel and torch.compile() have changed', () => {
    const tensors = {
      '_orig_mod.module.conv1.weight': tensor([8, 4, 3, 3]),
      '_orig_mod.module.conv1.bias': tensor([8]),
    };
    const { fitted, missing } = reportOf([conv, bias], tensors);
    expect(missing).toEqual([]);
    expect(fitted.map(({ from }) => from)).toEqual(Object.keys(tensors));
  });

  test('takes rules in their order, then natural names; a rule may leave out', () => {
    const rules: WeightRule[] = [
      { saturnn: 'conv*/weight', pytorch: 'old.*.kernel' },
      { saturnn: 'conv*/weight', pytorch: 'features.*.kernel', layout: 'same' },
      { saturnn: null, pytorch: 'head.**' },
      { saturnn: 'extra', pytorch: null },
    ];
    const tensors = {
      'features.1.kernel': tensor([8, 3, 3, 4]),
      'conv1.bias': tensor([8], 'F16'),
      'head.a.b': tensor([3]),
      unused: tensor([1]),
    };
    const report = reportOf([conv, bias, { name: 'extra', shape: [2] }], tensors, rules);
    expect(report).toMatchObject({ misfitting: [], leftOut: ['unused'], ignored: ['head.a.b'] });
    expect(report.missing).toEqual([{ name: 'extra', shape: [2], expected: [], nearest: null }]);
    expect(report.fitted).toMatchObject([
      { from: 'features.1.kernel', reordered: false },
      { from: 'conv1.bias', dtype: 'F16' },
    ]);
  });

  test('takes functions', () => {
    const seen: unknown[] = [];
    const map: WeightMap = (name, shape) => {
      seen.push([name, shape]);
      if (name === 'conv1/bias') return undefined;
      return { name: 'k', layout: 'same' };
    };
    const report = reportOf([conv, bias], { k: tensor([8, 3, 3, 4]), 'conv1.bias': tensor([8]) }, map);
    expect(report.fitted.map(({ from }) => from)).toEqual(['k', 'conv1.bias']);
    expect(seen).toEqual([
      ['conv1/weight', [8, 3, 3, 4]],
      ['conv1/bias', [8]],
    ]);
    expect(reportOf([bias], {}, () => null).missing[0]!.expected).toEqual([]);
    expect(() => reportOf([bias], {}, (() => 7) as never)).toThrow(/result of The result of map\(\)|result/);
    expect(() => reportOf([bias], {}, (() => ({ name: 'a', layout: 'oihw' })) as never)).toThrow(
      /"convolution", "transposed", "same" or "flattened CxHxW" for layout/,
    );
  });

  test('names what has another shape or dtype, and what is nearest', () => {
    const report = reportOf([conv, bias, { name: 'fc/weight', shape: [5, 8] }, { name: 'fc/bias', shape: [5] }], {
      'conv1.weight': tensor([8, 3, 3, 4]),
      'conv_1.weight': tensor([8, 4, 3, 3]),
      'conv1.bias': tensor([8], 'I8'),
      'f.weight': tensor([5, 8]),
      'head.bias': tensor([6]),
    });
    expect(report.misfitting).toEqual([
      {
        ...conv,
        from: 'conv1.weight',
        dtype: 'F32',
        expectedShape: [8, 4, 3, 3],
        receivedShape: [8, 3, 3, 4],
        nearest: 'conv_1.weight',
      },
      { ...bias, from: 'conv1.bias', dtype: 'I8', expectedShape: [8], receivedShape: [8], nearest: null },
    ]);
    expect(report.missing).toEqual([
      { name: 'fc/weight', shape: [5, 8], expected: ['fc.weight'], nearest: 'f.weight' },
      { name: 'fc/bias', shape: [5], expected: ['fc.bias'], nearest: 'head.bias' },
    ]);
    expect(report.leftOut).toEqual(['conv_1.weight', 'f.weight', 'head.bias']);
  });

  test('shapes may differ in dimensions of 1', () => {
    const report = reportOf([{ name: 'fc/weight', shape: [5, 8] }], { 'fc.weight': tensor([5, 8, 1, 1]) });
    expect(report.fitted).toMatchObject([{ reshaped: true, reordered: false, fromShape: [5, 8, 1, 1] }]);
  });

  test('gives one tensor to one weight', () => {
    const map = () => 'shared';
    const report = reportOf([bias, { name: 'b', shape: [8] }], { shared: tensor([8]) }, map);
    expect(report.fitted.map(({ name }) => name)).toEqual(['conv1/bias']);
    expect(report.missing).toMatchObject([{ name: 'b', expected: ['shared', 'b'] }]);
  });

  test('ends soon for a file with many tensors', () => {
    const many = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [`part.${index}.weights`, tensor([8])]),
    );
    const weights = Array.from({ length: 200 }, (_, index) => ({ name: `part/${index}/weight`, shape: [8] }));
    expect(reportOf(weights, many).missing).toHaveLength(200);
  });
});

describe('layouts', () => {
  const counted = (count: number) => Float32Array.from({ length: count }, (_, index) => index);

  test('a convolution', () => {
    const order = orderOf('convolution', [2, 3, 4, 5])!;
    expect(order.shape).toEqual([2, 5, 3, 4]);
    const theirs = reorder(counted(120), order, false);
    // [o, i, h, w] in PyTorch is [o, h, w, i] in saturnn.
    for (const [o, i, h, w] of [
      [0, 0, 0, 0],
      [1, 4, 2, 3],
      [0, 3, 1, 2],
    ] as const)
      expect(theirs[((o * 5 + i) * 3 + h) * 4 + w]).toBe(((o * 3 + h) * 4 + w) * 5 + i);
    expect(reorder(theirs, order, true)).toEqual(counted(120));
  });

  test('a linear layer behind a flattened image', () => {
    const order = orderOf('flattened 5x3x4', [2, 60])!;
    expect(order.shape).toEqual([2, 60]);
    const theirs = reorder(counted(120), order, false);
    // Input (c H + h) W + w in PyTorch is input (h W + w) C + c in saturnn.
    for (const [o, c, h, w] of [
      [0, 0, 0, 0],
      [1, 4, 2, 3],
      [1, 2, 0, 3],
    ] as const)
      expect(theirs[o * 60 + (c * 3 + h) * 4 + w]).toBe(o * 60 + (h * 4 + w) * 5 + c);
    expect(orderOf('flattened 5x3x4', [2, 61])).toBeNull();
  });

  test('a transposed matrix', () => {
    const order = orderOf('transposed', [2, 3])!;
    expect(order.shape).toEqual([3, 2]);
    expect([...reorder(counted(6), order, false)]).toEqual([0, 3, 1, 4, 2, 5]);
    expect(orderOf('transposed', [2, 3, 4])).toBeNull();
    expect(orderOf('convolution', [2, 3])).toBeNull();
  });
});

describe('a file with a map', () => {
  test('is read', () => {
    const file = join(folder, 'map.json');
    const rules = [{ saturnn: 'a/*', pytorch: 'b.*', layout: 'flattened 2x3x4' }];
    writeFileSync(file, JSON.stringify({ rules }));
    expect(readWeightMap(file)).toEqual(rules);
    expect(() => readWeightMap(join(folder, 'none'))).toThrow(/Cannot read .*none: ENOENT/);
  });

  test('is the one in the documentation', () => {
    const page = readFileSync(join(__dirname, '../../docs/weights.md'), 'utf8');
    const [, json = ''] = /```json\n([\s\S]*?)```/.exec(page)!;
    const rules = parseWeightMap(json, 'docs/weights.md');
    const names = new PyTorchNames([], rules);
    expect(names.placesOf('blocks/2/conv1/weight', [1])[0]).toEqual({ name: 'layer2.conv1.weight' });
    expect(names.placesOf('classifier/weight', [1])[0]).toEqual({ name: 'fc.weight', layout: 'flattened 64x7x7' });
  });

  test.each([
    ['[', /map.json is not a map of weights: .*JSON/],
    ['[]', /an object \{ rules \}/],
    ['{"rules": [{"from": "a"}]}', /an array of rules|has no option "from"|rule/],
    ['{"rules": [{"saturnn": "a*/b", "pytorch": "c"}]}', /the same stars in both patterns of rule 0/],
    ['{"rules": [{"saturnn": "a/*/**", "pytorch": "**.*"}]}', /the same stars in both patterns of rule 0/],
    ['{"rules": [{"saturnn": null, "pytorch": null}]}', /a pattern for saturnn or pytorch for rule 0/],
    ['{"rules": [{"saturnn": "a//b", "pytorch": "c"}]}', /empty part/],
    ['{"rules": [{"saturnn": "a", "pytorch": "b", "layout": "flattened 0x1x1"}]}', /flattened CxHxW/],
    ['{"rules": {}}', /rules/],
    [`{"rules": ${'['.repeat(500)}`, /nested more than 200/],
  ])('that is wrong is refused: %s', (text, message) => {
    expect(() => parseWeightMap(text, 'map.json')).toThrow(
      expect.objectContaining({ code: 'ERR_DATA', message: expect.stringMatching(message) }),
    );
  });
});
