/**
 * References of softmax cross-entropy, its gradient, and the count of correct rows. logits [N, K], labels [N]. A row with label
 * -1 does not count. A label of K or more is a mistake that must be noticed: it gives NaN. weights [N] are factors on the losses of
 * the rows; the mean divides by the number of rows that count, not by the sum of their weights. targets [N, K] are probabilities in
 * place of the labels, which then only say which rows count.
 */
import { type Attributes, at, type Values, zeros } from './values';

const rowsOf = ({ shape }: Values): number => at(shape, 0);
const row = ({ shape, data }: Values, n: number): Float64Array =>
  data.subarray(n * at(shape, 1), (n + 1) * at(shape, 1));

/** Returns the number of rows that count. */
const countRows = (labels: Values): number => labels.data.filter((label) => label >= 0).length;

/**
 * Returns the target distribution of row n: (1 - smoothing) times that of its label or its target probabilities, plus smoothing spread
 * evenly over all classes.
 */
function targetOf(n: number, labels: Values, targets: Values | null | undefined, classes: number, smoothing: number) {
  const own = targets ? row(targets, n) : Float64Array.from({ length: classes }, (_, k) => +(k === at(labels.data, n)));
  return own.map((share) => (1 - smoothing) * share + smoothing / classes);
}

/** Returns the loss, the mean over rows of -log softmax(logits) weighted by the target, and softmax(logits). */
export function softmaxCrossEntropy(
  logits: Values,
  labels: Values,
  { labelSmoothing = 0 }: Attributes = {},
  weights: Values | null = null,
  targets: Values | null = null,
): Values[] {
  const loss = zeros([1]);
  const probabilities = zeros(logits.shape);
  const count = countRows(labels);
  for (let n = 0; n < rowsOf(logits); n++) {
    const scores = row(logits, n);
    const most = Math.max(...scores);
    const exponentials = scores.map((score) => Math.exp(score - most));
    const sum = exponentials.reduce((total, e) => total + e, 0);
    row(probabilities, n).set(exponentials.map((e) => e / sum));
    const label = at(labels.data, n);
    if (label < 0) continue;
    const target = targetOf(n, labels, targets, scores.length, labelSmoothing);
    // Classes with target 0 have no term, because 0 times infinity is NaN. A label beyond the classes gives NaN (below).
    const lost = (score: number, k: number) => (target[k] === 0 ? 0 : at(target, k) * (most + Math.log(sum) - score));
    const total = scores.reduce((all, score, k) => all + lost(score, k), 0);
    const weighted = weights ? at(weights.data, n) * total : total;
    loss.data[0] = at(loss.data, 0) + (label < scores.length ? weighted : Number.NaN) / count;
  }
  return [loss, probabilities];
}

export function softmaxCrossEntropyGradient(
  probabilities: Values,
  labels: Values,
  dloss: Values,
  { labelSmoothing = 0 }: Attributes,
  weights: Values | null = null,
  targets: Values | null = null,
): Values {
  const dlogits = zeros(probabilities.shape);
  const count = countRows(labels);
  for (let n = 0; n < rowsOf(probabilities); n++) {
    const label = at(labels.data, n);
    if (label < 0) continue;
    const classes = at(probabilities.shape, 1);
    const target = targetOf(n, labels, targets, classes, labelSmoothing);
    // 1, unless the target probabilities have another sum.
    const whole = target.reduce((sum, share) => sum + share, 0);
    const difference = (p: number, k: number) => (label < classes ? p * whole - at(target, k) : Number.NaN);
    const scale = ((weights ? at(weights.data, n) : 1) * at(dloss.data, 0)) / count;
    row(dlogits, n).set(row(probabilities, n).map((p, k) => difference(p, k) * scale));
  }
  return dlogits;
}

/** Counts the rows whose label is among the k largest logits; equal logits are ordered by index. Rows with a NaN do not count. */
export function countCorrect(logits: Values, labels: Values, k: number): Values {
  const correct = zeros([1]);
  for (let n = 0; n < rowsOf(logits); n++) {
    const scores = row(logits, n);
    if (scores.includes(Number.NaN)) continue;
    const order = [...scores.keys()].sort((a, b) => at(scores, b) - at(scores, a) || a - b);
    const place = order.indexOf(at(labels.data, n));
    if (place >= 0 && place < k) correct.data[0] = at(correct.data, 0) + 1;
  }
  return correct;
}

/** Returns the smallest distance, over all rows, between the k-th largest logit and the next. */
export function rankGap(logits: Values, k: number): number {
  let gap = Number.POSITIVE_INFINITY;
  for (let n = 0; n < rowsOf(logits); n++) {
    const sorted = row(logits, n).toSorted().reverse();
    gap = Math.min(gap, (sorted[k - 1] ?? 0) - (sorted[k] ?? Number.NEGATIVE_INFINITY));
  }
  return gap;
}
