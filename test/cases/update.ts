/** Cases of the gated writes that end a training step, and of the rates of LARS. */
import { activate } from '../../lib/ops/activation';
import { leakyTanh } from '../../lib/ops/activations';
import {
  type AdamAttributes,
  accumulate,
  adamUpdate,
  advance,
  assign,
  averageWeights,
  checkUpdate,
  type Segments,
  sgdUpdate,
  trustRatios,
  type UpdateInputs,
} from '../../lib/ops/update';
import type { State } from '../../lib/tensor/state';
import { constant, type Node, type Tensor } from '../../lib/tensor/tensor';
import { all, type Fill, gaussian, mapped, scaled, withNaN, withOne } from './fills';
import { type Builder, type Case, graphCase, makeState, type StateSize, stateCase } from './problem';

function arenasOf(b: Builder, state: State, fill: Fill = gaussian) {
  return {
    parameters: fill(b.random, state.size),
    optimizer: scaled(0.1)(b.random, state.size * state.optimizerSlots),
    buffers: Int32Array.from({ length: 16 }, (_, i) => (i < 2 ? b.random.integer(1000) : 0)),
  };
}

const decays = { momentum: 0.9, weightDecay: 0.1 };

interface UpdateCase {
  readonly gate?: number;
  /** Values of the gradient. */
  readonly fill?: Fill;
  /** Values of the parameters. */
  readonly weights?: Fill;
  /** Factor on the gradient. */
  readonly scale?: number;
  /** Whether rates and decays differ by segment. */
  readonly table?: boolean;
  /** Steps that are done already. Default: drawn. */
  readonly steps?: number;
}

/** Makes segments with any ends, one of them empty, whose random rates and decays may be 0. */
function makeTable(b: Builder, { size }: State): Segments {
  const ends = Int32Array.of(1, 20, 20, 47, 100, size);
  return {
    ends: constant(ends),
    rates: b.plain(
      'rates',
      [ends.length],
      mapped(gaussian, (x) => (x > 1 ? 0 : Math.abs(x))),
    ),
    decays: b.plain(
      'decays',
      [ends.length],
      mapped(gaussian, (x) => (x > 0 ? 0.1 * x : 0)),
    ),
  };
}

/** Makes a case of one update with these options, which also counts the step. */
function updateCase(
  name: string,
  op: string,
  { gate = 0, fill, weights, scale, table = false, steps, ...state }: UpdateCase & Partial<StateSize>,
  make: (inputs: UpdateInputs & { counter: Tensor }, state: State, slots: readonly Tensor[]) => Node,
): Case {
  return stateCase(`${op} ${name}`, [op, 'advance'], (b) => {
    const owner = makeState({ slots: 3, ...state });
    const flag = b.i32('gate', [gate]);
    const inputs = {
      gate: flag,
      parameters: owner.vector('parameters'),
      gradient: b.plain('gradient', [owner.size], fill),
      learningRate: b.plain('learningRate', [1], all(0.05)),
      scale: scale === undefined ? null : b.plain('scale', [1], all(scale)),
      segments: table ? makeTable(b, owner) : null,
      counter: owner.counter,
    };
    const slots = [0, 1, 2].map((slot) => owner.vector('optimizer', slot));
    const updates = [make(inputs, owner, slots), advance(flag, owner.counter)];
    const arenas = arenasOf(b, owner, weights);
    // Second moments are not negative.
    arenas.optimizer.forEach((value, i) => {
      if (i >= owner.size) arenas.optimizer[i] = Math.abs(value);
    });
    if (steps !== undefined) arenas.buffers[1] = steps;
    return { state: owner, arenas, updates, gate: flag };
  });
}

const sgdCase = (
  name: string,
  attributes: { momentum: number; weightDecay: number; nesterov?: boolean },
  how: UpdateCase = {},
) =>
  updateCase(name, 'sgd', how, (inputs, { decayed }, [momentum]) =>
    sgdUpdate({ ...inputs, momentum: momentum as Tensor }, { ...attributes, decayed }),
  );

const adamCase = (name: string, attributes: Partial<AdamAttributes>, how: UpdateCase & Partial<StateSize> = {}) =>
  updateCase(name, 'adam', how, (inputs, { decayed }, slots) => {
    const [firstMoment, secondMoment] = slots as [Tensor, Tensor];
    const defaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, decoupled: false, decayed };
    return adamUpdate({ ...inputs, firstMoment, secondMoment }, { ...defaults, ...attributes });
  });

const averageCase = (name: string, decay: number, how: UpdateCase) =>
  updateCase(name, 'averageWeights', how, ({ gate, parameters, counter }, _, [average]) =>
    averageWeights({ gate, parameters, counter, average: average as Tensor }, decay),
  );

interface CheckCase extends UpdateCase {
  /** Value of the skip flag; absent: none. */
  readonly skip?: number;
  /** Values of the first slot. */
  readonly slot?: Fill;
  readonly learningRate?: number;
  readonly size?: number;
}

/** Makes a case of the check before an update: its flag is compared. */
const checkCase = (rule: 'sgd' | 'adam', name: string, how: CheckCase = {}): Case =>
  graphCase(`${rule}Check ${name}`, [`${rule}Check`], (b) => {
    const {
      gate = 0,
      fill,
      weights,
      scale,
      table = false,
      steps = 3,
      skip,
      slot,
      learningRate = 0.05,
      size = 200,
    } = how;
    const vector = (label: string, values?: Fill) => b.plain(label, [size], values);
    const inputs = {
      gate: b.i32('gate', [gate]),
      parameters: vector('parameters', weights),
      gradient: vector('gradient', fill),
      learningRate: b.plain('learningRate', [1], all(learningRate)),
      scale: scale === undefined ? null : b.plain('scale', [1], all(scale)),
      segments: table ? makeTable(b, { size } as State) : null,
    };
    const flag = skip === undefined ? null : b.i32('skip', [skip]);
    const first = vector('first', slot);
    if (rule === 'sgd')
      return { flag: checkUpdate(sgdUpdate({ ...inputs, momentum: first }, { ...decays, decayed: 50 }), flag) };
    const rest = { secondMoment: vector('second', mapped(gaussian, Math.abs)), counter: b.i32('counter', [0, steps]) };
    const rates = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, decoupled: false, decayed: 50 };
    return { flag: checkUpdate(adamUpdate({ ...inputs, ...rest, firstMoment: first }, rates), flag) };
  });

/** Cases of both checks. Values are clearly below the bound of 2^126 = 8.5e37, or clearly above. */
const checkCases = (['sgd', 'adam'] as const).flatMap((rule) => [
  checkCase(rule, 'of an update as usual'),
  checkCase(rule, 'by segments, scaled', { table: true, scale: 0.3 }),
  checkCase(rule, 'of many parameters', { size: 100_003 }),
  checkCase(rule, 'of one large weight', { weights: withOne(1e36), size: 2000 }),
  checkCase(rule, 'of a weight beyond the bound', { weights: withOne(-2e38), size: 100_003 }),
  checkCase(rule, 'of a weight beyond the bound, in a step to be skipped', { weights: withOne(2e38), skip: 1 }),
  checkCase(rule, 'of a weight beyond the bound, in a step not to be skipped', { weights: withOne(2e38), skip: 0 }),
  checkCase(rule, 'of a slot beyond the bound', { slot: withOne(3e38), learningRate: 0 }),
  checkCase(rule, 'of a NaN', { fill: withNaN() }),
  checkCase(rule, 'of an infinite slot', { slot: withOne(Number.POSITIVE_INFINITY) }),
  checkCase(rule, 'behind a closed gate', { gate: 1 }),
  checkCase(rule, 'behind a closed gate, in a step to be skipped', { gate: 1, skip: 1 }),
]);

/** Makes a case with one segment per parameter; the biases, which come last, have no trust ratio. */
const trustCase = (name: string, { fill, weights, scale }: UpdateCase, decay = 0.1, size = 5): Case =>
  graphCase(`trustRatios ${name}`, ['trustRatios'], (b) => {
    const lengths = [16, 32, size, 64, 16, 16];
    const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length, 0));
    const total = ends.at(-1) as number;
    const segments = {
      ends: b.i32('ends', ends),
      rates: b.plain('rates', [ends.length], mapped(gaussian, Math.abs)),
      decays: b.plain('decays', [ends.length], all(decay)),
    };
    const parameters = b.plain('parameters', [total], weights);
    const gradient = b.plain('gradient', [total], fill);
    const factor = scale === undefined ? null : b.plain('scale', [1], all(scale));
    const ratios = trustRatios(
      { parameters, gradient, scale: factor, segments },
      { trust: 0.02, trusted: ends[3] as number },
    );
    return { ratios };
  });

/** Makes a case of the sum of gradients; the old sum of the first part must not matter. */
const accumulateCase = (name: string, adds: number, size: number, sum?: Fill): Case =>
  graphCase(`accumulate ${name}`, ['accumulate'], (b) => ({
    total: accumulate(b.i32('adds', [adds]), b.plain('sum', [size], sum), b.plain('gradient', [size])),
  }));

export const updateCases: readonly Case[] = [
  sgdCase('with momentum and weight decay', decays),
  sgdCase('without either', { momentum: 0, weightDecay: 0 }),
  sgdCase('of a NaN', { momentum: 0.9, weightDecay: 1e-4 }, { fill: withNaN() }),
  sgdCase('behind a closed gate', decays, { gate: 1, fill: withNaN() }),
  sgdCase('with Nesterov', { ...decays, nesterov: true }),
  sgdCase('with Nesterov, without weight decay', { momentum: 0.9, weightDecay: 0, nesterov: true }),
  sgdCase('with Nesterov, of a NaN', { ...decays, nesterov: true }, { fill: withNaN() }),
  sgdCase('of a scaled gradient', decays, { scale: 0.03 }),
  sgdCase('by segments', decays, { table: true }),
  sgdCase('by segments, scaled, with Nesterov', { ...decays, nesterov: true }, { table: true, scale: 0.5 }),
  sgdCase('by segments, of an infinite weight', decays, { table: true, weights: withOne(Number.POSITIVE_INFINITY) }),
  adamCase('in the first step', {}, { steps: 0 }),
  adamCase('in the second step', {}, { steps: 1 }),
  adamCase('later', {}),
  adamCase('after two billion steps', {}, { steps: 2_000_000_000 }),
  adamCase('without weight decay', { weightDecay: 0 }),
  adamCase('with other betas', { beta1: 0, beta2: 0.9, epsilon: 1e-3 }, { steps: 3 }),
  adamCase('of zeros', { weightDecay: 0 }, { fill: all(0), steps: 0 }),
  adamCase('of a tiny gradient', { weightDecay: 0 }, { fill: scaled(1e-12), steps: 2 }),
  adamCase('of a NaN', {}, { fill: withNaN() }),
  adamCase('behind a closed gate', {}, { gate: 1, fill: withNaN() }),
  adamCase('by segments, scaled', {}, { table: true, scale: 0.3 }),
  adamCase('of many parameters', {}, { size: 2000 }),
  adamCase('decoupled, in the first step', { decoupled: true }, { steps: 0 }),
  adamCase('decoupled', { decoupled: true }),
  adamCase('decoupled, without weight decay', { decoupled: true, weightDecay: 0 }),
  adamCase('decoupled, by segments, scaled', { decoupled: true }, { table: true, scale: 0.3 }),
  adamCase('decoupled, of a NaN weight', { decoupled: true }, { weights: withNaN() }),
  adamCase('decoupled, of an infinite weight', { decoupled: true }, { weights: withOne(Number.NEGATIVE_INFINITY) }),
  ...checkCases,
  checkCase('sgd', 'of a large learning rate', { learningRate: 3e38, fill: all(2), scale: 0.9 }),
  checkCase('adam', 'of a large learning rate', { learningRate: 3e38, fill: all(2) }),
  checkCase('adam', 'of a gradient whose square overflows', { fill: withOne(1e25) }),
  averageCase('in the first step', 0.999, { steps: 0 }),
  averageCase('while the decay grows', 0.999, { steps: 50 }),
  averageCase('with its full decay', 0.999, { steps: 100_000 }),
  averageCase('that forgets everything', 0, {}),
  averageCase('of a NaN', 0.9, { weights: withNaN() }),
  averageCase('behind a closed gate', 0.9, { gate: 1, weights: withNaN() }),
  accumulateCase('of a later part', 1, 37),
  accumulateCase('of a later part, of many parameters', 1, 100_003),
  accumulateCase('of the first part', 0, 100_003),
  accumulateCase('of the first part, after a NaN', 0, 37, withNaN()),
  accumulateCase('of a NaN', 1, 37, withNaN()),
  trustCase('', {}),
  trustCase('of a scaled gradient', { scale: 0.01 }),
  trustCase('without decay', {}, 0),
  trustCase('over many chunks', {}, 0.1, 100_003),
  trustCase('of zero weights', { weights: all(0) }),
  trustCase('of a zero gradient', { fill: all(0) }),
  trustCase('of a zero gradient, without decay', { fill: all(0) }, 0),
  trustCase('of a NaN gradient', { fill: withNaN() }),
  trustCase('of a NaN weight', { weights: withNaN() }),
  trustCase('of weights whose squares f32 does not hold', { weights: scaled(1e25), fill: scaled(1e-25) }),
  ...[null, 0, 1].map((gate) =>
    stateCase(`assign, gate ${gate}`, ['assign'], (b) => {
      const state = makeState();
      const flag = gate === null ? null : b.i32('gate', [gate]);
      const value = activate(state.vector('parameters'), leakyTanh());
      const updates = [
        assign(state.vector('optimizer'), value, { gate: flag }),
        assign(state.counter, b.i32('counter', [3, 4]), { gate: flag }),
      ];
      return { state, arenas: arenasOf(b, state, withNaN()), updates, gate: flag };
    }),
  ),
];
