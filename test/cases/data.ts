/** Cases of tensors that are packed into a flat buffer and taken out of it. */
import { activate } from '../../lib/ops/activation';
import { leakyTanh } from '../../lib/ops/activations';
import { copy, joinRows, packGradients, rows } from '../../lib/ops/data';
import { finiteCheck } from '../../lib/ops/scaling';
import type { Tensor } from '../../lib/tensor/tensor';
import { withNaN } from './fills';
import { type Case, type GradientProblems, graphCase, makeState, stateCase } from './problem';

const summary = (counts: readonly number[]) => (counts.length > 3 ? `${counts.length} x ${counts[0]}` : counts.join());

export const dataCases: readonly Case[] = [
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
    // More parts than one launch of the GPU's kernel takes.
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
];

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const dataGradients: GradientProblems = {
  copy: (b) => copy(b.plain('x', [2, 2, 2, 7]), { image: true }),
};
