/** Options of optimizers: groups of parameters, States that do not fit, and values that are refused. */
import { describe, expect, test } from 'vitest';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { Adam } from '../../lib/optim/adam';
import { AdamW } from '../../lib/optim/adamW';
import type { FlatOptimizerOptions } from '../../lib/optim/flatOptimizer';
import { segmentPerParameter, segmentTable } from '../../lib/optim/groups';
import { Lars } from '../../lib/optim/lars';
import type { Optimizer } from '../../lib/optim/optimizer';
import { Sgd } from '../../lib/optim/sgd';
import { Parameter, State } from '../../lib/tensor/state';
import { input, type Tensor } from '../../lib/tensor/tensor';
import { makeTraining } from './support';

const invalid = (text: string | RegExp) =>
  expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(text) });

function makeState(): State {
  const make = (name: string, size: number) =>
    new Parameter({
      name,
      shape: [size],
      decay: name.endsWith('weight'),
      initialize: () => new Float32Array(size),
    });
  return new State([make('a/weight', 20), make('a/bias', 3), make('b/weight', 16), make('b/bias', 1)]);
}

const valuesOf = (tensor: Tensor): number[] => {
  const { source } = tensor.node;
  return source?.kind === 'constant' ? [...source.data] : [];
};

const numbersOf = (table: ReturnType<typeof segmentTable>) =>
  table && { ends: valuesOf(table.ends), rates: valuesOf(table.rates), decays: valuesOf(table.decays) };

describe('groups', () => {
  // First elements in the arena: a/weight 0, b/weight 32, a/bias 48, b/bias 64; it has 80 elements.
  test('without groups there is no table', () => expect(segmentTable(makeState(), [], 0.5)).toBeNull());

  test('segments with the same numbers are one', () => {
    expect(numbersOf(segmentTable(makeState(), [{ match: /bias$/, learningRate: 2 }], 0.5))).toEqual({
      ends: [48, 80],
      rates: [1, 2],
      decays: [0.5, 0],
    });
  });

  test('the first group that matches decides; an explicit weight decay applies to biases too', () => {
    const groups = [
      { match: /^b/g, learningRate: 0.25, weightDecay: 2 },
      { match: ({ shape }: Parameter) => shape[0] === 20, weightDecay: 0 },
      { match: /./, learningRate: 3 },
    ];
    expect(numbersOf(segmentTable(makeState(), groups, 0.5))).toEqual({
      ends: [32, 48, 64, 80],
      rates: [1, 0.25, 3, 0.25],
      decays: [0, 1, 0, 1],
    });
  });

  test('one segment per parameter, for LARS', () => {
    expect(numbersOf(segmentPerParameter(makeState(), [], 0.5))).toEqual({
      ends: [32, 48, 64, 80],
      rates: [1, 1, 1, 1],
      decays: [0.5, 0.5, 0, 0],
    });
  });

  test('a group that matches nothing is refused, also if earlier groups have taken all that it matches', () => {
    const lonely = [{ match: /bais$/, learningRate: 2 }];
    expect(() => segmentTable(makeState(), lonely, 0)).toThrow(invalid(/groups\[0\].match.*"\/bais\$\/"/));
    const late = [{ match: /./ }, { match: /bias/ }];
    expect(() => segmentTable(makeState(), late, 0)).toThrow(invalid(/groups\[1\].match/));
    expect(() => makeTraining(new Lars({ groups: lonely }))).toThrow(invalid(/groups\[0\].match/));
  });

  test.each<[unknown, RegExp]>([
    [[{ match: 3 }], /RegExp.*groups\[0\].match.*3/],
    [[{ match: /b/ }, null], /match.*groups\[1\].*null/],
    [[{ match: /b/, learningRate: -1 }], /groups\[0\].learningRate.*-1/],
    [[{ match: /b/, learningRate: Number.NaN }], /groups\[0\].learningRate.*NaN/],
    [[{ match: /b/, weightDecay: Number.POSITIVE_INFINITY }], /groups\[0\].weightDecay.*Infinity/],
    [{ match: /b/ }, /an array/],
  ])('%j is refused', (groups, message) => {
    expect(() => new Sgd({ groups: groups as never })).toThrow(invalid(message));
  });
});

describe('invalid numbers are refused by name', () => {
  const kinds: Record<string, (options: FlatOptimizerOptions) => Optimizer> = {
    Sgd: (options) => new Sgd(options),
    Adam: (options) => new Adam(options),
    AdamW: (options) => new AdamW(options),
    Lars: (options) => new Lars(options),
  };
  test.each(Object.entries(kinds))('%s', (_, make) => {
    for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY, '1']) {
      expect(() => make({ weightDecay: value as number })).toThrow(invalid(/weightDecay/));
      expect(() => make({ clipNorm: value as number })).toThrow(invalid(/clipNorm/));
      expect(() => make({ ema: { decay: value as number } })).toThrow(invalid(/ema\.decay/));
    }
    expect(() => make({ clipNorm: 0 })).toThrow(invalid(/clipNorm/));
    expect(() => make({ clipNorm: 1e-60 })).toThrow(invalid(/clipNorm/));
    expect(() => make({ ema: { decay: 1 } })).toThrow(invalid(/ema\.decay/));
    expect(() => make(null as never)).toThrow(invalid(/options/));
  });

  test('of each rule', () => {
    for (const value of [Number.NaN, -0.1, 1.1, Number.POSITIVE_INFINITY]) {
      expect(() => new Sgd({ momentum: value })).toThrow(invalid(/momentum/));
      expect(() => new Lars({ momentum: value })).toThrow(invalid(/momentum/));
      expect(() => new Adam({ beta1: value })).toThrow(invalid(/beta1/));
      expect(() => new AdamW({ beta2: value })).toThrow(invalid(/beta2/));
      expect(() => new Adam({ epsilon: value })).toThrow(invalid(/epsilon/));
    }
    expect(() => new Adam({ epsilon: 0 })).toThrow(invalid(/epsilon/));
    expect(() => new Adam({ beta1: 1 })).toThrow(invalid(/beta1/));
    expect(() => new Lars({ trust: 0 })).toThrow(invalid(/trust/));
    expect(() => new Lars({ trust: Number.NaN })).toThrow(invalid(/trust/));
    expect(() => new Sgd({ nesterov: 1 as never })).toThrow(invalid(/nesterov/));
  });

  test('of label smoothing', () => {
    const logits = input('logits', [2, 3]);
    const labels = input('labels', [2], { dtype: 'i32' });
    for (const labelSmoothing of [Number.NaN, -0.1, 1, 1 - 1e-12, Number.POSITIVE_INFINITY, '0.1' as never])
      expect(() => softmaxCrossEntropy(logits, labels, { labelSmoothing })).toThrow(invalid(/labelSmoothing/));
  });
});

test('a State with too few slots, or with the average elsewhere, is refused', () => {
  const optimizer = new Adam({ ema: { decay: 0.9 } });
  expect(optimizer).toMatchObject({ slots: 3, averageSlot: 2 });
  expect(new Sgd()).toMatchObject({ slots: 1, averageSlot: null });
  const posing = (slots: number, averageSlot: number | null, own: Optimizer = optimizer): Optimizer => ({
    slots,
    averageSlot,
    update: (inputs) => own.update(inputs),
  });
  expect(() => makeTraining(posing(2, null))).toThrow(invalid(/optimizerSlots of at least 3.*2/));
  expect(() => makeTraining(posing(3, null))).toThrow(invalid(/averageSlot 2.*null/));
  expect(() => makeTraining(posing(3, 0))).toThrow(invalid(/averageSlot 2.*0/));
  // In such a State the momentum would begin as a copy of the weights, or the average would not be updated.
  for (const averageSlot of [0, 1]) {
    expect(() => makeTraining(posing(2, averageSlot, new Sgd()))).toThrow(invalid(`averageSlot null.*${averageSlot}`));
  }
});
