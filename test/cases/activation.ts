/** Cases of the activations: forward, and backward from the output, with and without bias. */

import {
  activate,
  activationGradient,
  clamp,
  clampGradientOp,
  encodeActivation,
  formatActivation,
} from '../../lib/ops/activation';
import { type Activation, type ActivationKind, activations, leakyTanh } from '../../lib/ops/activations';
import { apply, type Tensor } from '../../lib/tensor/tensor';
import { needsInput, activation as reference } from '../reference/activation';
import { type Fill, gaussian, mapped, saturated, scaled, special, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

/** Every activation of the table, at each of these slopes that its row allows. */
const every: readonly Activation[] = Object.entries(activations).flatMap(([name, { slope }]) => {
  const kind = name as ActivationKind;
  const range = slope;
  if (!range) return [{ kind, slope: 0 }];
  const slopes = [0, 0.1, 0.25, 0.3, 0.5, 1, 2, 10].filter((a) => a >= range.minimum && a <= range.maximum);
  return slopes.map((a) => ({ kind, slope: a }));
});

const shapes: readonly (readonly number[])[] = [
  [3, 5, 4, 16],
  [1, 3, 3, 48],
  [3, 1, 1, 16],
  [1, 2, 3, 20],
  [1, 1, 1, 33],
  [5, 100],
  [2, 3, 5],
  [19],
];

const fills: Readonly<Record<string, Fill>> = {
  '': gaussian,
  ', small values': scaled(1e-3),
  ', tiny values': scaled(1e-12),
  ', deep saturation': saturated,
  ', special values': special,
  ', a NaN': withNaN(),
};

const tensor = (b: Builder, name: string, shape: readonly number[], fill: Fill) =>
  shape.length === 4 ? b.f32(name, shape, fill) : b.plain(name, shape, fill);

function forward(activation: Activation, shape: readonly number[], what: string, fill: Fill): Case {
  return graphCase(`activation ${formatActivation(activation)} [${shape}]${what}`, ['activation'], (b) => ({
    y: activate(tensor(b, 'x', shape, fill), activation),
  }));
}

/** The backward case: its input y holds f32 values that f can reach, namely f(x) of the fill, rounded, or x itself. */
function backward(activation: Activation, shape: readonly number[], what: string, fill: Fill): Case {
  const { kind, slope } = encodeActivation(activation);
  const f = (x: number) => {
    const { data } = reference({ shape: [1], data: Float64Array.of(x) }, null, { kind, slope: Math.fround(slope) });
    return data[0] ?? Number.NaN;
  };
  const name = `activationGradient ${formatActivation(activation)} [${shape}]${what}`;
  return graphCase(name, ['activationGradient'], (b) => {
    const y = tensor(b, 'y', shape, needsInput({ kind, slope }) ? fill : mapped(fill, f));
    return { ...activationGradient(tensor(b, 'dy', shape, gaussian), y, { kind, slope }) };
  });
}

/** Every activation with two shapes; below, every shape with two kinds of activation. */
const pairs = every.flatMap((activation) => [[16], [7]].map(([c]) => ({ activation, shape: [3, 3, 2, c as number] })));
const shapePairs = shapes.flatMap((shape) =>
  every.filter(({ kind }) => kind === 'sigmoid' || kind === 'leakyTanh').map((activation) => ({ activation, shape })),
);

/** Bounds of a clamp: both, one, and none of them, far from most values, and equal. */
const bounds = [{ low: -0.5, high: 1.25 }, { low: 0 }, { high: 6 }, { low: 0.1, high: 0.1 }] as const;

/** A clamp and its gradient of an image or another tensor, in each dtype and layout that its shape allows. */
const clampCases: readonly Case[] = [...shapes, [1, 2, 2, 2064], [2, 1, 3, 261]].flatMap((shape, row) =>
  Object.entries({ '': gaussian, ', special values': special, ', a NaN': withNaN() }).map(([what, fill], column) => {
    const options = bounds[(row + column) % bounds.length]!;
    return graphCase(`clamp ${Object.entries(options)} [${shape}]${what}`, ['clamp', 'clampGradient'], (b) => {
      const y = clamp(tensor(b, 'x', shape, fill), options);
      const saved = clamp(tensor(b, 'z', shape, fill), options);
      const [dx] = apply(clampGradientOp, [tensor(b, 'dy', shape, gaussian), saved], y.node.attributes);
      return { y, dx: dx as Tensor };
    });
  }),
);

export const activationCases: readonly Case[] = [
  ...clampCases,
  ...pairs.flatMap(({ activation, shape }) =>
    Object.entries(fills).flatMap(([what, fill]) => [
      forward(activation, shape, what, fill),
      backward(activation, shape, what, fill),
    ]),
  ),
  ...shapePairs.flatMap(({ activation, shape }) => [
    forward(activation, shape, '', gaussian),
    backward(activation, shape, '', gaussian),
  ]),
  // Images of several chunks, blocked and plain, so that the bias gradient is a sum of partial sums.
  backward(leakyTanh(), [1, 40, 41, 16], '', gaussian),
  backward(leakyTanh(), [1, 61, 53, 7], '', gaussian),
  ...every.flatMap((activation) =>
    [
      [3, 4, 3, 16],
      [3, 4, 3, 20],
      [4, 33],
    ].map((shape) =>
      graphCase(`activation ${formatActivation(activation)} with bias [${shape}]`, ['activation'], (b) => ({
        y: activate(tensor(b, 'x', shape, scaled(2)), activation, { bias: b.plain('bias', shape.slice(-1)) }),
      })),
    ),
  ),
  ...every.map((activation) =>
    graphCase(`activationGradient ${formatActivation(activation)} of a NaN`, ['activationGradient'], (b) => {
      const y = b.f32('y', [3, 3, 3, 16], mapped(gaussian, Math.tanh));
      return { ...activationGradient(b.f32('dy', y.shape, withNaN()), y, encodeActivation(activation)) };
    }),
  ),
];

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const activationGradients: GradientProblems = {
  clamp: (b) => clamp(b.f32('x', [2, 3, 4, 5]), { low: -0.5, high: 0.75 }),
  ...Object.fromEntries(
    Object.entries(activations).flatMap(([kind, { slope }]) =>
      (slope ? [0, 0.1, slope.maximum] : [0]).map((a) => [
        `activation ${kind} ${a}`,
        (b: Builder) => {
          const activation = { kind: kind as ActivationKind, slope: a };
          // Where the derivative needs x + bias, another node adds the bias.
          const options = needsInput(encodeActivation(activation)) ? {} : { bias: b.plain('bias', [5]) };
          return activate(b.f32('x', [2, 3, 4, 5]), activation, options);
        },
      ]),
    ),
  ),
};
