/** Cases of softmax cross-entropy, its gradient, and the count of correct rows. */
import { countCorrect, softmaxCrossEntropy, softmaxCrossEntropyGradient } from '../../lib/ops/classification';
import { constant } from '../../lib/tensor/tensor';
import { all, coarse, type Fill, gaussian, mapped, scaled, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

interface Rows {
  readonly name: string;
  readonly batch: number;
  readonly classes: number;
  readonly fill?: Fill;
  /** Fixed labels by row; the others are drawn. */
  readonly labels?: Readonly<Record<number, number>>;
  readonly labelSmoothing?: number;
  /** How weights of the rows are drawn; default: there are none. */
  readonly weights?: Fill;
  /** How target probabilities are drawn; default: there are none. */
  readonly targets?: Fill;
}

const rows: readonly Rows[] = [
  { name: '', batch: 3, classes: 100 },
  { name: '', batch: 1, classes: 10 },
  { name: '', batch: 64, classes: 7 },
  { name: ', one class', batch: 3, classes: 1 },
  { name: ', large logits', batch: 5, classes: 33, fill: scaled(100) },
  { name: ', equal logits', batch: 4, classes: 16, fill: all(2) },
  { name: ', ties', batch: 16, classes: 5, fill: coarse },
  { name: ', masked rows', batch: 6, classes: 10, labels: { 0: -1, 4: -1 } },
  { name: ', all rows masked', batch: 2, classes: 10, labels: { 0: -1, 1: -1 } },
  { name: ', a label beyond the classes', batch: 3, classes: 10, labels: { 1: 10 } },
  { name: ', a label far beyond the classes', batch: 3, classes: 10, labels: { 2: 2147483647 } },
  { name: ', a NaN', batch: 3, classes: 10, fill: withNaN() },
  { name: ', smoothed', batch: 5, classes: 100, labelSmoothing: 0.1 },
  { name: ', smoothed much', batch: 4, classes: 3, labelSmoothing: 0.9 },
  { name: ', smoothed, one class', batch: 3, classes: 1, labelSmoothing: 0.1 },
  { name: ', smoothed, large logits', batch: 5, classes: 33, fill: scaled(100), labelSmoothing: 0.1 },
  { name: ', smoothed, masked rows', batch: 6, classes: 10, labels: { 0: -1, 4: -1 }, labelSmoothing: 0.2 },
  { name: ', smoothed, all rows masked', batch: 2, classes: 10, labels: { 0: -1, 1: -1 }, labelSmoothing: 0.2 },
  { name: ', smoothed, a label beyond the classes', batch: 3, classes: 10, labels: { 1: 10 }, labelSmoothing: 0.2 },
  { name: ', many rows', batch: 4300, classes: 2, labelSmoothing: 0.1 },
  { name: ', many classes', batch: 3, classes: 2500 },
  { name: ', many classes, a NaN', batch: 3, classes: 2500, fill: withNaN() },
  { name: ', many classes, masked rows', batch: 4, classes: 2048, labels: { 0: -1, 3: 2047 } },
  { name: ', many classes, smoothed', batch: 3, classes: 3000, labels: { 1: -1 }, labelSmoothing: 0.2 },
  { name: ', smoothed, a NaN', batch: 3, classes: 10, fill: withNaN(), labelSmoothing: 0.2 },
];

/** Positive numbers: as weights, and instead of probabilities. */
const positive: Fill = mapped(gaussian, (value) => Math.abs(value) / 10);

/** Losses with weights of the rows; countCorrect has none. */
const weighted: readonly Rows[] = [
  { name: ', weighted', batch: 5, classes: 10, weights: positive },
  { name: ', weights 0 and 1', batch: 9, classes: 4, weights: mapped(coarse, (value) => (value === 0 ? 0 : 1)) },
  { name: ', weights of both signs', batch: 8, classes: 7, weights: gaussian },
  { name: ', weighted, one row', batch: 1, classes: 3, weights: all(2.5) },
  { name: ', weighted, masked rows', batch: 6, classes: 10, labels: { 0: -1, 4: -1 }, weights: positive },
  { name: ', weighted, all rows masked', batch: 2, classes: 10, labels: { 0: -1, 1: -1 }, weights: positive },
  { name: ', weighted, smoothed, many rows', batch: 700, classes: 3, labelSmoothing: 0.1, weights: positive },
  { name: ', weighted, many classes', batch: 3, classes: 2500, weights: positive },
  { name: ', weight 0, a label beyond the classes', batch: 3, classes: 10, labels: { 1: 10 }, weights: all(0) },
  { name: ', weight 0, a NaN', batch: 3, classes: 10, fill: withNaN(), weights: all(0) },
  { name: ', weighted, a NaN weight', batch: 3, classes: 10, weights: withNaN() },
];

/** Target probabilities in place of the labels. Their sums need not be 1; some are 0. */
const soft: readonly Rows[] = [
  { name: ', soft', batch: 5, classes: 10, targets: positive },
  {
    name: ', soft, smoothed, weighted',
    batch: 4,
    classes: 7,
    targets: positive,
    labelSmoothing: 0.2,
    weights: positive,
  },
  { name: ', soft, 0 and 1', batch: 9, classes: 4, targets: mapped(coarse, (value) => (value === 0 ? 0 : 1)) },
  { name: ', soft, masked rows', batch: 6, classes: 10, labels: { 0: -1, 4: -1 }, targets: positive },
  { name: ', soft, a NaN', batch: 3, classes: 10, targets: withNaN(positive) },
  { name: ', soft, one class', batch: 2, classes: 1, targets: all(1) },
  { name: ', soft, many classes', batch: 3, classes: 2500, targets: positive, labelSmoothing: 0.1 },
];

export const classificationCases: readonly Case[] = [...rows, ...weighted, ...soft].flatMap((row) => {
  const { name, batch, classes, fill, labels, labelSmoothing, weights, targets } = row;
  const weightsOf = (b: Builder) => ({
    ...(weights && { weights: b.plain('weights', [batch], weights) }),
    ...(targets && { targets: b.plain('targets', [batch, classes], targets) }),
  });
  const title = `[${batch}, ${classes}]${name}`;
  return [
    graphCase(`softmaxCrossEntropy ${title}`, ['softmaxCrossEntropy'], (b) => ({
      ...softmaxCrossEntropy(b.plain('logits', [batch, classes], fill), b.labels('labels', batch, classes, labels), {
        labelSmoothing,
        ...weightsOf(b),
      }),
    })),
    graphCase(`softmaxCrossEntropyGradient ${title}`, ['softmaxCrossEntropyGradient'], (b) => {
      // The formula of the gradient does not need rows that sum to 1.
      const probabilities = b.plain(
        'probabilities',
        [batch, classes],
        fill === undefined ? positive : mapped(fill, Math.abs),
      );
      const dloss = b.plain('dloss', [1]);
      return {
        dlogits: softmaxCrossEntropyGradient(probabilities, b.labels('labels', batch, classes, labels), dloss, {
          labelSmoothing,
          ...weightsOf(b),
        }),
      };
    }),
    ...(weights || targets ? [] : [1, 5]).map((k) =>
      graphCase(`countCorrect ${title}, top ${k}`, ['countCorrect'], (b) => ({
        count: countCorrect(b.plain('logits', [batch, classes], fill), b.labels('labels', batch, classes, labels), {
          k,
        }),
      })),
    ),
  ];
});

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const classificationGradients: GradientProblems = {
  softmaxCrossEntropy: (b) => softmaxCrossEntropy(b.plain('x', [4, 6]), b.labels('labels', 4, 6, { 1: -1 })).loss,
  'softmaxCrossEntropy, smoothed': (b) =>
    softmaxCrossEntropy(b.plain('x', [4, 6]), b.labels('labels', 4, 6, { 1: -1 }), { labelSmoothing: 0.3 }).loss,
  'softmaxCrossEntropy, weighted': (b) =>
    softmaxCrossEntropy(b.plain('x', [4, 6]), b.labels('labels', 4, 6, { 1: -1 }), {
      weights: constant([0.5, 2, 0, -1.5]),
    }).loss,
  'softmaxCrossEntropy, soft': (b) =>
    softmaxCrossEntropy(b.plain('x', [2, 3]), b.labels('labels', 2, 3), {
      labelSmoothing: 0.3,
      targets: constant([0.5, 0.25, 0.25, 0, 1.5, 0.2], [2, 3]),
    }).loss,
};
