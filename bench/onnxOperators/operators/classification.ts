/** ONNX's softmax and losses: softmaxCrossEntropy(). */
import { mean, multiply, softmaxCrossEntropy } from '../../../lib';
import { axisOf, channelsAre, reshaped, sizeOf } from '../arrange';
import { type Call, type Operators, withoutOp } from '../call';
import type { Values } from '../case';
import { NotClaimed } from '../reasons';

/** The softmax is the second result of the loss, whatever the labels are. */
async function softmax(call: Call): Promise<Values[]> {
  const x = call.floats(0);
  // Until version 12, the axes from `axis` on were one.
  const isOld = call.version < 13;
  const asked = axisOf(call.number('axis', isOld ? 1 : -1), x.shape.length);
  const joined = isOld ? reshaped(x, [sizeOf(x.shape.slice(0, asked)), sizeOf(x.shape.slice(asked))]) : x;
  const { values, back } = channelsAre(isOld ? 1 : asked, joined);
  const classes = values.shape[3]!;
  const rows = values.data.length / classes;
  const logits = call.feed(reshaped(values, [rows, classes]));
  const { probabilities } = softmaxCrossEntropy(logits, call.feedIntegers(new Int32Array(rows)));
  return call.compute([[probabilities, (result) => reshaped(back(reshaped(result, values.shape)), x.shape)]]);
}

/** The labels of rows, and the factor on the loss of each; null: no factors. */
interface Rows {
  readonly labels: Int32Array<ArrayBuffer>;
  readonly weights: Float32Array<ArrayBuffer> | null;
}

/**
 * Returns labels, of which those that do not count are -1, and weights with which a mean over the rows that count is ONNX's: the mean
 * divided by the sum of the classes' weights, or the sum.
 */
function rowsOf(call: Call, given: readonly number[], isSum: boolean): Rows {
  const ignored = call.number('ignore_index', Number.NaN);
  const labels = Int32Array.from(given, (label) => (label === ignored ? -1 : label));
  const classes = call.optional(2)?.data;
  if (!classes && !isSum) return { labels, weights: null };
  const own = Array.from(labels, (label) => (label < 0 ? 0 : (classes?.[label] ?? 1)));
  const counted = labels.filter((label) => label >= 0).length;
  const divisor = isSum ? 1 : own.reduce((sum, weight) => sum + weight, 0);
  return { labels, weights: Float32Array.from(own, (weight) => (weight * counted) / divisor) };
}

/** -Σ weight x[label], as the mean of the products with -weight at the label and 0 elsewhere. */
async function ofLogProbabilities(call: Call): Promise<Values[]> {
  const reduction = call.text('reduction', 'mean');
  if (reduction === 'none') throw new NotClaimed('reduction');
  const { values } = channelsAre(1, call.floats(0));
  const classes = values.shape[3]!;
  const rows = values.data.length / classes;
  const { labels, weights } = rowsOf(call, call.integers(1) ?? [], reduction === 'sum');
  const counted = labels.filter((label) => label >= 0).length;
  const targets = new Float32Array(values.data.length);
  labels.forEach((label, row) => {
    if (label >= 0) targets[row * classes + label] = -(weights?.[row] ?? 1) / counted;
  });
  const x = call.feed(reshaped(values, [rows, classes]));
  const sum = multiply(mean(multiply(x, call.feed({ shape: [rows, classes], data: targets }))), targets.length);
  return call.compute([[sum, (result) => reshaped(result, [])]]);
}

async function loss(call: Call): Promise<Values[]> {
  call.giveAtMost(2);
  if (call.node.outputs.length > 1) throw new NotClaimed('logarithm');
  const reduction = call.text('reduction', 'mean');
  if (reduction === 'none') throw new NotClaimed('reduction');
  const { values } = channelsAre(1, call.floats(0));
  const classes = values.shape[3]!;
  const logits = call.feed(reshaped(values, [values.data.length / classes, classes]));
  const { labels, weights } = rowsOf(call, call.integers(1) ?? [], reduction === 'sum');
  const options = weights ? { weights: call.feed({ shape: [weights.length], data: weights }) } : {};
  const result = softmaxCrossEntropy(logits, call.feedIntegers(labels), options);
  return call.compute([[result.loss, (mean) => reshaped(mean, [])]]);
}

/** The softmax and losses. */
export const classificationOperators: Operators = {
  Softmax: softmax,
  SoftmaxCrossEntropyLoss: loss,
  LogSoftmax: withoutOp('logarithm'),
  NegativeLogLikelihoodLoss: ofLogProbabilities,
};
