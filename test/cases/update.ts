/** The end of a training step: gradients into one vector, the finite check, and the gated writes. */
import { activate, leakyTanh } from '../../lib/ops/activation';
import { advance } from '../../lib/ops/advance';
import { assign } from '../../lib/ops/assign';
import { finiteCheck } from '../../lib/ops/finiteCheck';
import { packGradients } from '../../lib/ops/pack';
import { sgdUpdate } from '../../lib/ops/sgd';
import { State } from '../../lib/state';
import { Parameter } from '../../lib/tensor';
import { all, type Fill, gaussian, scaled, withNaN } from './fills';
import { type Builder, type Case, graphCase, stateCase } from './problem';

/** A State whose parameters do not fill their places, decayed ones and others. */
function makeState(): State {
  const make = (name: string, shape: readonly number[], decay: boolean) =>
    new Parameter({ name, shape, decay, initialize: () => new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  return new State([
    make('a', [7, 3], true),
    make('b', [33], false),
    make('c', [2, 3, 3, 5], true),
    make('d', [1], false),
  ]);
}

function arenasOf(b: Builder, state: State, fill: Fill = gaussian) {
  return {
    parameters: fill(b.random, state.size),
    optimizer: scaled(0.1)(b.random, state.size),
    buffers: Int32Array.from({ length: 16 }, (_, i) => (i < 2 ? b.random.integer(1000) : 0)),
  };
}

function sgdCase(name: string, gate: number, attributes: { momentum: number; weightDecay: number }, fill?: Fill): Case {
  return stateCase(`sgd ${name}`, ['sgd', 'advance'], (b) => {
    const state = makeState();
    const flag = b.i32('gate', [gate]);
    const inputs = {
      gate: flag,
      parameters: state.vector('parameters'),
      momentum: state.vector('optimizer'),
      gradient: b.plain('gradient', [state.size], fill),
      learningRate: b.plain('learningRate', [1], all(0.05)),
    };
    const step = sgdUpdate(inputs, { ...attributes, decayed: state.decayed });
    return { state, arenas: arenasOf(b, state), updates: [step, advance(flag, state.counter)], gate: flag };
  });
}

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
  sgdCase('with momentum and weight decay', 0, { momentum: 0.9, weightDecay: 0.1 }),
  sgdCase('without either', 0, { momentum: 0, weightDecay: 0 }),
  sgdCase('of a NaN', 0, { momentum: 0.9, weightDecay: 1e-4 }, withNaN()),
  sgdCase('behind a closed gate', 1, { momentum: 0.9, weightDecay: 0.1 }, withNaN()),
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
