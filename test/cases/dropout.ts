/** Cases of dropout for tensors of every kind and rank, in early and late steps, and of its gradient. */
import { gradient } from '../../lib/compile/gradient';
import { activate } from '../../lib/ops/activation';
import { tanh } from '../../lib/ops/activations';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { dropout } from '../../lib/ops/dropout';
import { linear } from '../../lib/ops/linear';
import type { Tensor } from '../../lib/tensor/tensor';
import { type Fill, gaussian, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

const tensor = (b: Builder, name: string, shape: readonly number[], fill: Fill = gaussian) =>
  shape.length === 4 ? b.f32(name, shape, fill) : b.plain(name, shape, fill);

const dropoutCase = (shape: readonly number[], rate: number, counter?: readonly [number, number], fill?: Fill) =>
  graphCase(
    `dropout ${rate} of [${shape}]${counter ? ', late step' : ''}${fill ? ', a NaN' : ''}`,
    ['dropout'],
    (b) => {
      const state = b.i32('counter', counter ?? [b.random.integer(2 ** 31), b.random.integer(1000)]);
      const stream = b.random.integer(2 ** 31) * (b.random.integer(2) ? 1 : -1);
      return { y: dropout(tensor(b, 'x', shape, fill), state, { rate, stream }) };
    },
  );

export const dropoutCases: readonly Case[] = [
  ...[
    [3, 5, 4, 16],
    [2, 19, 17, 48],
    [1, 40, 40, 32],
    [2, 5, 7, 20],
    [1, 2, 3, 7],
    [5, 1, 1, 33],
    [7, 100],
    [3, 33],
    [50],
  ].map((shape) => dropoutCase(shape, 0.3)),
  ...[0, 0.5, 0.999].map((rate) => dropoutCase([2, 5, 4, 32], rate)),
  dropoutCase([4, 64], 0.25, [2147483647, 100000]),
  dropoutCase([2, 4, 4, 16], 0.5, undefined, withNaN()),
  graphCase('dropout and its gradient', ['dropout'], (b) => {
    const x = activate(b.plain('x', [6, 40]), tanh());
    const y = dropout(x, b.i32('counter', [3, 4]), { rate: 0.5, stream: 17 });
    const { loss } = softmaxCrossEntropy(linear(y, b.plain('head', [5, 40])), b.labels('labels', 6, 5));
    const [dx] = gradient(loss, [x]);
    return { loss, y, dx: dx as Tensor };
  }),
];

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const dropoutGradients: GradientProblems = {
  dropout: (b) => dropout(b.f32('x', [2, 3, 2, 5]), b.i32('counter', [7, 8]), { rate: 0.4, stream: 3 }),
};
