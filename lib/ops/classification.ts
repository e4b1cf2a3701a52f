import { SaturnnError } from '../errors';
import { custom, type Field, integer, optional, text } from '../options/field';
import { apply, type Op, type Tensor, tensorField } from '../tensor/tensor';
import { dimension, expectShape, expectTensor, first, opOptions } from './op';

/** Checks logits [N, K] and labels i32 [N], and returns the logits. @throws ERR_SHAPE */
function expectClassification(op: string, logits: Tensor | null | undefined, labels: Tensor | null | undefined) {
  const scores = expectTensor(op, 'logits', logits, { rank: 2 });
  expectShape(op, 'labels', expectTensor(op, 'labels', labels, { dtype: 'i32' }), [dimension(scores.shape, 0)]);
  return scores;
}

/** Checks the optional weights f32 [N] of the rows of these logits. @throws ERR_SHAPE */
function expectWeights(op: string, weights: Tensor | null | undefined, { shape }: Tensor): void {
  if (weights) expectShape(op, 'weights', expectTensor(op, 'weights', weights, {}), [dimension(shape, 0)]);
}

/** Checks the optional target probabilities f32 [N, K] of these logits. @throws ERR_SHAPE */
function expectTargets(op: string, targets: Tensor | null | undefined, { shape }: Tensor): void {
  if (targets) expectShape(op, 'targets', expectTensor(op, 'targets', targets, {}), shape);
}

/** Accepts a label smoothing: from 0 to below 1, also after rounding to f32, in which kernels compute. */
export const labelSmoothingField: Field<number> = custom(
  'a number from 0 to below 1',
  (value) => typeof value === 'number' && Math.fround(value) >= 0 && Math.fround(value) < 1,
  { least: 0, most: 1, open: 'most' },
);

/**
 * loss = the mean over the batch of -log softmax(logits)[label]; with label smoothing e, (1 - e) times that, plus e times
 * the mean of -log softmax(logits) over rows and classes. logits [N, K], labels i32 [N], weights [N] and targets [N, K], which are
 * optional -> loss [1], probabilities [N, K]. With targets, -log softmax(logits) times the target, summed over the classes, takes
 * the place of that of the label. The loss of each row is multiplied by its weight before the mean. Rows with a negative label (-1: padding of a last batch) do not count; a label of K or more makes the loss NaN.
 */
export const softmaxCrossEntropyOp: Op = {
  name: 'softmaxCrossEntropy',
  attributes: [['labelSmoothing', 'f32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([logits, labels, weights, targets]) {
    const scores = expectClassification('softmaxCrossEntropy', logits, labels);
    expectWeights('softmaxCrossEntropy', weights, scores);
    expectTargets('softmaxCrossEntropy', targets, scores);
    const { shape } = scores;
    return [
      { dtype: 'f32', shape: [1], image: false },
      { dtype: 'f32', shape, image: false },
    ];
  },
  gradient(node, [dloss, dprobabilities], [, , weightsNeeded, targetsNeeded]) {
    const given = weightsNeeded ? 'weights' : targetsNeeded ? 'targets' : null;
    const absent = dprobabilities ? 'probabilities' : given;
    if (absent) {
      throw new SaturnnError('ERR_GRAPH', `[softmaxCrossEntropy] ${absent} have no gradient (layer "${node.name}")`);
    }
    const [, labels, weights, targets] = node.inputs;
    const probabilities = node.outputs[1];
    const { labelSmoothing } = node.attributes;
    if (!dloss || !labels || !probabilities) return [];
    const options = { ...(weights && { weights }), ...(targets && { targets }), labelSmoothing, name: node.name };
    return [softmaxCrossEntropyGradient(probabilities, labels, dloss, options)];
  },
};

/** Options of softmaxCrossEntropy(). */
export interface LossOptions {
  /** Part of the target that is spread evenly over all classes: from 0 to below 1; default 0. */
  labelSmoothing?: number;
  /**
   * A factor f32 [N] on the loss of each row and on its gradient; default: 1 for all. The mean still divides by the number of
   * rows that count, as in Keras; PyTorch divides by the sum of the weights. A negative weight rewards a wrong guess. A weight
   * that is not finite makes the loss so; a weight of 0 does not hide a loss of its row that is not finite. The weights have no
   * gradient.
   */
  weights?: Tensor;
  /**
   * Target probabilities f32 [N, K] (soft labels): the loss of a row is then the sum over its classes of -target log softmax(logits).
   * The labels only say which rows count. The targets of a row should be at least 0 and have the sum 1; neither is checked. They
   * have no gradient. Default: 1 for the label, 0 for the others.
   */
  targets?: Tensor;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const lossOptions = opOptions<LossOptions>('softmaxCrossEntropy', {
  labelSmoothing: optional(labelSmoothingField),
  weights: optional(tensorField),
  targets: optional(tensorField),
  name: optional(text),
});

/**
 * Returns the cross-entropy of softmax(logits) with the labels, or with target probabilities, as a mean over the rows that count: `loss` [1], the mean of
 * -log softmax(logits)[label], and `probabilities` [N, K], softmax(logits). With label smoothing e, the loss is (1 - e) times
 * that mean plus e times the mean of -log softmax(logits) over rows and classes. With weights, the loss of each row is multiplied
 * by its weight, and the mean still divides by the number of rows. Only `loss` has a gradient: gradient() throws ERR_GRAPH for a
 * loss that depends on `probabilities`, or whose weights or targets depend on a parameter.
 * @param logits f32 [N, K]
 * @param labels i32 [N], from 0 to K - 1. Rows with a negative label (-1: padding) do not count; a label of K or more makes
 * the loss NaN
 * @param options label smoothing (default 0), weights of the rows, target probabilities (default: none) and name
 * @throws ERR_SHAPE; ERR_INVALID_ARGUMENT for a label smoothing out of range
 */
export function softmaxCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: LossOptions = {},
): { loss: Tensor; probabilities: Tensor } {
  const { labelSmoothing = 0, weights = null, targets = null, name } = lossOptions.check(options);
  const outputs = apply(softmaxCrossEntropyOp, [logits, labels, weights, targets], { labelSmoothing }, name);
  const [loss, probabilities] = outputs as [Tensor, Tensor];
  return { loss, probabilities };
}

/**
 * dlogits [N, K] = (probabilities - (1 - e) onehot(label) - e / K) dloss / (number of rows that count), with label smoothing
 * e, times the weight of the row; 0 in rows with a negative label, NaN in rows with a label of K or more. With targets t in place of
 * onehot(label), probabilities are multiplied by the sum of the row's (1 - e) t + e / K. probabilities [N, K], labels i32 [N],
 * dloss [1], weights [N] and targets [N, K], which are optional.
 */
const softmaxCrossEntropyGradientOp: Op = {
  name: 'softmaxCrossEntropyGradient',
  attributes: [['labelSmoothing', 'f32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([probabilities, labels, dloss, weights, targets]) {
    const op = 'softmaxCrossEntropyGradient';
    const scores = expectClassification(op, probabilities, labels);
    expectWeights(op, weights, scores);
    expectTargets(op, targets, scores);
    const { shape } = scores;
    expectShape(op, 'dloss', expectTensor(op, 'dloss', dloss, {}), [1]);
    return [{ dtype: 'f32', shape, image: false }];
  },
};

/** Returns dlogits [N, K]. The options are those of the forward node. @throws ERR_SHAPE */
export function softmaxCrossEntropyGradient(
  probabilities: Tensor,
  labels: Tensor,
  dloss: Tensor,
  { labelSmoothing = 0, weights, targets, name }: LossOptions = {},
): Tensor {
  const inputs = [probabilities, labels, dloss, weights ?? null, targets ?? null];
  return first(apply(softmaxCrossEntropyGradientOp, inputs, { labelSmoothing }, name));
}

/**
 * count, f32 [1] = the number of rows whose label is among their k largest logits. Of equal logits, the smaller index comes
 * first. A row with a NaN, or with a label that is no class (-1: padding), never counts. logits [N, K], labels i32 [N].
 */
const countCorrectOp: Op = {
  name: 'countCorrect',
  attributes: [['k', 'i32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([logits, labels]) {
    expectClassification('countCorrect', logits, labels);
    return [{ dtype: 'f32', shape: [1], image: false }];
  },
};

/** Options of countCorrect(). */
export interface CountCorrectOptions {
  /** Number of guesses per row (top-k), at least 1; default 1. */
  k?: number;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const countCorrectOptions = opOptions<CountCorrectOptions>('countCorrect', {
  k: optional(integer(1, 2 ** 31 - 1)),
  name: optional(text),
});

/**
 * Returns the number of rows, f32 [1], whose label is among their k largest logits. Of equal logits, the smaller index comes
 * first.
 * @param logits f32 [N, K]; a row with a NaN never counts
 * @param labels i32 [N]; a row whose label is no class (-1: padding) never counts
 * @param options `k` (default 1) and name
 * @throws ERR_SHAPE; ERR_INVALID_ARGUMENT for k
 */
export function countCorrect(logits: Tensor, labels: Tensor, options: CountCorrectOptions = {}): Tensor {
  const { k = 1, name } = countCorrectOptions.check(options);
  return first(apply(countCorrectOp, [logits, labels], { k }, name));
}

/** All ops of this file. */
export const classificationOps: readonly Op[] = [softmaxCrossEntropyOp, softmaxCrossEntropyGradientOp, countCorrectOp];
