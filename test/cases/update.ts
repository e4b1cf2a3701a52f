/** The end of a training step: gradients into one vector, the finite check, and the gated writes. */
import { activate, leakyTanh } from '../../lib/ops/activation';
import { type AdamAttributes, adamUpdate } from '../../lib/ops/adam';
import { adjustLossScale } from '../../lib/ops/adjustLossScale';
import { advance } from '../../lib/ops/advance';
import { assign } from '../../lib/ops/assign';
import { averageWeights } from '../../lib/ops/averageWeights';
import { clipFactor } from '../../lib/ops/clipFactor';
import { finiteCheck } from '../../lib/ops/finiteCheck';
import { joinRows, packGradients } from '../../lib/ops/pack';
import { rows } from '../../lib/ops/rows';
import { sgdUpdate } from '../../lib/ops/sgd';
import { trustRatios } from '../../lib/ops/trustRatios';
import { unscale } from '../../lib/ops/unscale';
import type { Segments, UpdateInputs } from '../../lib/ops/update';
import { State } from '../../lib/state';
import { constant, type Node, Parameter, StateBuffer, stateTensor, type Tensor } from '../../lib/tensor';
import { all, type Fill, gaussian, mapped, scaled, withNaN } from './fills';
import { type Builder, type Case, graphCase, stateCase } from './problem';

interface StateSize {
  readonly slots: number;
  /** Of the last dimension of the largest parameter. */
  readonly size: number;
}

const summary = (counts: readonly number[]) => (counts.length > 3 ? `${counts.length} x ${counts[0]}` : counts.join());

/** A State whose parameters do not fill their places, decayed ones and others. */
function makeState({ slots = 1, size = 5 }: Partial<StateSize> = {}): State {
  const make = (name: string, shape: readonly number[], decay: boolean) =>
    new Parameter({ name, shape, decay, initialize: () => new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  const parameters = [
    make('a', [7, 3], true),
    make('b', [33], false),
    make('c', [2, 3, 3, size], true),
    make('d', [1], false),
  ];
  return new State(parameters, { optimizerSlots: slots });
}

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
  /** Of the gradient. */
  readonly fill?: Fill;
  /** Of the parameters. */
  readonly weights?: Fill;
  /** A factor on the gradient. */
  readonly scale?: number;
  /** Rates and decays by segment. */
  readonly table?: boolean;
  /** Steps done; default: drawn. */
  readonly steps?: number;
}

/** Segments that begin and end anywhere, one of them empty, one without decay, one that stands still. */
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

/** One step with everything that `how` asks for, and the step counted. */
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

/** Every parameter a segment; biases, which come last, without trust. */
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

const clipCase = (name: string, norm: number): Case =>
  graphCase(`clipFactor ${name}`, ['clipFactor'], (b) => ({
    factor: clipFactor(b.plain('norm', [1], all(norm)), 2.5),
  }));

const unscaleCase = (name: string, [loss, norm, scale, limit]: [number, number, number, number | null]): Case =>
  graphCase(`unscale ${name}`, ['unscale'], (b) => {
    const overflow = b.i32('overflow', [Number.isFinite(loss) && Number.isFinite(norm) ? 0 : 1]);
    const number = (label: string, value: number) => b.plain(label, [1], all(value));
    return {
      ...unscale(
        { loss: number('loss', loss), overflow, norm: number('norm', norm), scale: number('scale', scale) },
        limit,
      ),
    };
  });

const adjustCase = (name: string, [overflow, scale, steps]: [number, number, number], gate = 0): Case =>
  stateCase(`adjustLossScale ${name}`, ['adjustLossScale'], (b) => {
    const buffers = ['scale', 'steps'].map((label) => new StateBuffer({ name: label, shape: [1] }));
    const initialize = () => new Float32Array(1);
    const state = new State([new Parameter({ name: 'a', shape: [1], decay: false, initialize })], { buffers });
    const values = new Float32Array(48);
    const [first, second] = buffers.map((buffer, index) => {
      const byteOffset = state.byteOffsetOf(buffer);
      values[byteOffset / 4] = [scale, steps][index] as number;
      return stateTensor(state, 'buffers', byteOffset, { dtype: 'f32', shape: [1], image: false }, buffer.name);
    }) as [Tensor, Tensor];
    const flag = b.i32('gate', [gate]);
    const inputs = { gate: flag, overflow: b.i32('overflow', [overflow]), scale: first, steps: second };
    return { state, arenas: { buffers: values }, updates: [adjustLossScale(inputs, 10)], gate: flag };
  });

const finiteCase = (name: string, size: number, fill: Fill, loss: number): Case =>
  graphCase(`finiteCheck ${name} [${size}]`, ['finiteCheck'], (b) => ({
    ...finiteCheck(b.plain('loss', [1], all(loss)), b.plain('gradient', [size], fill)),
  }));

const withOne =
  (value: number): Fill =>
  (random, size) => {
    const values = gaussian(random, size);
    values[random.integer(size)] = value;
    return values;
  };

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
  averageCase('in the first step', 0.999, { steps: 0 }),
  averageCase('while the decay grows', 0.999, { steps: 50 }),
  averageCase('with its full decay', 0.999, { steps: 100_000 }),
  averageCase('that forgets everything', 0, {}),
  averageCase('of a NaN', 0.9, { weights: withNaN() }),
  averageCase('behind a closed gate', 0.9, { gate: 1, weights: withNaN() }),
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
  unscaleCase('without a limit', [2.3, 5000, 1024, null]),
  unscaleCase('of a norm below the limit', [2.3, 5000, 1024, 7]),
  unscaleCase('of a norm above the limit', [2.3, 5000, 1024, 2.5]),
  unscaleCase('after an overflow', [2.3, Number.POSITIVE_INFINITY, 1024, null]),
  unscaleCase('after an overflow, clipped', [2.3, Number.NaN, 1024, 2]),
  unscaleCase('after an overflow at the smallest scale', [2.3, Number.POSITIVE_INFINITY, 1, null]),
  unscaleCase('of a loss that is not finite', [Number.NaN, 3, 1024, null]),
  adjustCase('counts', [0, 1024, 3]),
  adjustCase('doubles', [0, 1024, 9]),
  adjustCase('doubles no further', [0, 2 ** 24, 9]),
  adjustCase('halves', [1, 1024, 9]),
  adjustCase('halves no further', [1, 1, 2]),
  adjustCase('of NaN', [1, Number.NaN, 9]),
  adjustCase('of NaN that would grow', [0, Number.NaN, 9]),
  adjustCase('behind a closed gate', [1, 1024, 2], 1),
  clipCase('of a norm above the limit', 7.3),
  clipCase('of a norm below the limit', 1.2),
  clipCase('of zero', 0),
  clipCase('of infinity', Number.POSITIVE_INFINITY),
  clipCase('of NaN', Number.NaN),
  stateCase('pack of inputs', ['pack'], (b) => {
    const state = makeState();
    const flat = packGradients(
      state,
      state.parameters.map(({ name, shape }) => b.plain(name, shape, withNaN())),
    );
    return { state, arenas: {}, updates: [], gate: null, outputs: { flat } };
  }),
  stateCase('pack of gradients that are computed in their places', ['pack'], (b) => {
    const state = makeState();
    const gradients = state.parameters.map(({ name, shape }) => {
      const source = b.plain(name, shape);
      return shape.length === 1 ? activate(source, leakyTanh()) : source;
    });
    const flat = packGradients(state, gradients);
    const outputs = { flat, ...finiteCheck(b.plain('loss', [1]), flat) };
    return { state, arenas: {}, updates: [], gate: null, outputs };
  }),
  ...[
    [3, 5, 1],
    [16, 32, 16],
    // More than one launch of a GPU's kernel takes.
    Array.from({ length: 70 }, () => 4),
  ].map((counts) =>
    graphCase(`weights and vectors of ${summary(counts)} rows, joined and taken apart`, ['pack', 'rows'], (b) => {
      const joined = (row: readonly number[]) =>
        joinRows(counts.map((count, i) => b.plain(`x${i}-${row.length}`, [count, ...row], withNaN())));
      const [weights, vector] = [joined([1, 1, 7]), joined([])];
      const parts = (x: Tensor) => {
        let firstRow = 0;
        return counts.map((count) => {
          const part = rows(x, { firstRow, count });
          firstRow += count;
          return part;
        });
      };
      const results = [weights, vector, ...parts(weights), ...parts(vector).map((x) => activate(x, leakyTanh()))];
      return Object.fromEntries(results.map((tensor, i) => [`y${i}`, tensor]));
    }),
  ),
  ...[1, 7, 33, 1000, 40000].map((size) => finiteCase('', size, gaussian, 1)),
  finiteCase('whose squares f32 does not hold', 1000, scaled(1e25), 1),
  finiteCase('of a tiny gradient', 1000, scaled(1e-18), 1),
  finiteCase('of zeros', 100, all(0), 1),
  finiteCase('of a NaN', 1000, withOne(Number.NaN), 1),
  finiteCase('of an infinity', 1000, withOne(Number.NEGATIVE_INFINITY), 1),
  finiteCase('with a loss of NaN', 100, gaussian, Number.NaN),
  finiteCase('with an infinite loss', 100, gaussian, Number.POSITIVE_INFINITY),
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
