/** Cases of the mean of a loss of every element, and of its gradient. */
import {
  binaryCrossEntropy,
  elementLossGradientOp,
  mean,
  meanAbsoluteError,
  meanSquaredError,
  type RowOptions,
} from '../../lib/ops/losses';
import { apply, constant, type Tensor } from '../../lib/tensor/tensor';
import { all, coarse, type Fill, gaussian, mapped, saturated, special, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

interface Rows {
  readonly name: string;
  readonly shape: readonly number[];
  readonly fill?: Fill;
  readonly target?: Fill;
  /** Labels by row, of which negative ones mask it; default: there are none. */
  readonly labels?: Readonly<Record<number, number>>;
  readonly weights?: Fill;
}

const rows: readonly Rows[] = [
  { name: '', shape: [3, 7] },
  { name: '', shape: [1, 1] },
  { name: '', shape: [5] },
  { name: ', many rows', shape: [4300, 3], labels: { 0: -1 }, weights: gaussian },
  { name: ', many columns', shape: [2, 3001] },
  { name: ', masked rows', shape: [6, 4], labels: { 0: -1, 4: -2147483648, 5: 2147483647 } },
  { name: ', all rows masked', shape: [2, 5], labels: { 0: -1, 1: -1 } },
  { name: ', weighted', shape: [5, 3], weights: gaussian },
  { name: ', weighted, masked rows', shape: [4, 3], labels: { 1: -1 }, weights: gaussian },
  { name: ', equal numbers', shape: [4, 6], fill: coarse, target: coarse },
  { name: ', targets of 0 and 1, large', shape: [6, 8], fill: saturated, target: mapped(coarse, (t) => +(t > 0)) },
  { name: ', special numbers', shape: [4, 33], fill: special },
  { name: ', a NaN', shape: [3, 5], fill: withNaN() },
  { name: ', a NaN in a target', shape: [3, 5], target: withNaN() },
  { name: ', weight 0, a NaN', shape: [3, 5], fill: withNaN(), weights: all(0) },
];

type Loss = (x: Tensor, t: Tensor, options: RowOptions) => Tensor;
const losses: Readonly<Record<string, Loss>> = {
  mean: (x, _, options) => mean(x, options),
  meanSquaredError,
  meanAbsoluteError,
  binaryCrossEntropy,
};

function lossOf(b: Builder, loss: Loss, { shape, fill, target, labels, weights }: Rows): Tensor {
  const [count = 1] = shape;
  return loss(b.plain('x', shape, fill), b.plain('t', shape, target), {
    ...(labels && { labels: b.labels('labels', count, 3, labels) }),
    ...(weights && { weights: b.plain('weights', [count], weights) }),
  });
}

export const lossesCases: readonly Case[] = rows.flatMap((row) =>
  Object.entries(losses).flatMap(([func, loss]) => [
    graphCase(`${func} [${row.shape}]${row.name}`, ['elementLoss'], (b) => ({ loss: lossOf(b, loss, row) })),
    graphCase(`gradient of ${func} [${row.shape}]${row.name}`, ['elementLossGradient'], (b) => {
      const { inputs, attributes } = lossOf(b, loss, row).node;
      const [x, t, labels, weights] = inputs as readonly [Tensor, Tensor | null, Tensor | null, Tensor | null];
      return {
        dx: apply(elementLossGradientOp, [x, t, b.plain('dloss', [1]), labels, weights], attributes)[0] as Tensor,
      };
    }),
  ]),
);

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const lossesGradients: GradientProblems = {
  'elementLoss, the mean': (b) => mean(b.plain('x', [3, 4]), { labels: b.labels('labels', 3, 2, { 1: -1 }) }),
  'elementLoss, squared': (b) =>
    meanSquaredError(b.plain('x', [3, 4]), constants(12), { weights: constant([2, 0, -1]) }),
  'elementLoss, absolute': (b) => meanAbsoluteError(b.plain('x', [3, 4]), constants(12)),
  'elementLoss, binary cross-entropy': (b) =>
    binaryCrossEntropy(b.plain('x', [3, 4]), constants(12), { labels: b.labels('labels', 3, 2, { 0: -1 }) }),
};

const constants = (count: number): Tensor =>
  constant(
    Float32Array.from({ length: count }, (_, i) => ((7 * i) % count) / count),
    [3, count / 3],
  );
