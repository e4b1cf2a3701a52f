import { checkInteger, invalid, SaturnnError } from '../errors';
import { apply, type Tensor } from '../tensor/tensor';
import { dimension, expectShape, expectTensor, first, type Op } from './op';

/** Logits and labels of a classification, checked; [batch, classes]. */
export function expectClassification(op: string, logits: Tensor | null | undefined, labels: Tensor | null | undefined) {
  const scores = expectTensor(op, 'logits', logits, { rank: 2 });
  expectShape(op, 'labels', expectTensor(op, 'labels', labels, { dtype: 'i32' }), [dimension(scores.shape, 0)]);
  return scores;
}

/** @throws ERR_INVALID_ARGUMENT */
export function checkLabelSmoothing(value: unknown): number {
  if (typeof value !== 'number' || !(Math.fround(value) >= 0 && Math.fround(value) < 1))
    throw invalid('labelSmoothing', 'a number from 0 to below 1', value);
  return value;
}

/**
 * The mean of -log softmax(logits)[label] over the batch. logits [N, K], labels i32 [N] -> loss [1], probabilities [N, K].
 * With label smoothing e: (1 - e) times that, plus e times the mean of -log softmax(logits) over all classes.
 * A row with label -1 does not count (padding of a last batch); a label of K or more makes the loss NaN.
 */
export const softmaxCrossEntropyOp: Op = {
  name: 'softmaxCrossEntropy',
  attributes: [['labelSmoothing', 'f32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([logits, labels]) {
    const { shape } = expectClassification('softmaxCrossEntropy', logits, labels);
    return [
      { dtype: 'f32', shape: [1], image: false },
      { dtype: 'f32', shape, image: false },
    ];
  },
  gradient(node, [dloss, dprobabilities]) {
    if (dprobabilities) {
      throw new SaturnnError(
        'ERR_GRAPH',
        `[softmaxCrossEntropy] probabilities have no gradient (layer "${node.name}")`,
      );
    }
    const labels = node.inputs[1];
    const probabilities = node.outputs[1];
    const { labelSmoothing } = node.attributes;
    if (!dloss || !labels || !probabilities) return [];
    return [softmaxCrossEntropyGradient(probabilities, labels, dloss, { labelSmoothing, name: node.name })];
  },
};

export interface LossOptions {
  /** 0 to below 1; default 0. */
  labelSmoothing?: number;
  name?: string;
}

/** Gradients flow through `loss` alone; gradient() refuses what depends on `probabilities`. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function softmaxCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  { labelSmoothing = 0, name }: LossOptions = {},
): { loss: Tensor; probabilities: Tensor } {
  const attributes = { labelSmoothing: checkLabelSmoothing(labelSmoothing) };
  const [loss, probabilities] = apply(softmaxCrossEntropyOp, [logits, labels], attributes, name) as [Tensor, Tensor];
  return { loss, probabilities };
}

/**
 * dlogits = (probabilities - (1 - e) onehot(label) - e / K) dloss / (rows that count), with label smoothing e; 0 in rows with
 * label -1. -> [N, K]
 */
export const softmaxCrossEntropyGradientOp: Op = {
  name: 'softmaxCrossEntropyGradient',
  attributes: [['labelSmoothing', 'f32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([probabilities, labels, dloss]) {
    const op = 'softmaxCrossEntropyGradient';
    const { shape } = expectClassification(op, probabilities, labels);
    expectShape(op, 'dloss', expectTensor(op, 'dloss', dloss, {}), [1]);
    return [{ dtype: 'f32', shape, image: false }];
  },
};

export function softmaxCrossEntropyGradient(
  probabilities: Tensor,
  labels: Tensor,
  dloss: Tensor,
  { labelSmoothing = 0, name }: LossOptions = {},
): Tensor {
  return first(apply(softmaxCrossEntropyGradientOp, [probabilities, labels, dloss], { labelSmoothing }, name));
}

/**
 * How many rows have their label among the k largest logits. -> f32 [1]. Of equal logits the one with the smaller index
 * comes first; a row with a NaN, with label -1, or with a label beyond the classes never counts.
 */
export const countCorrectOp: Op = {
  name: 'countCorrect',
  attributes: [['k', 'i32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([logits, labels]) {
    expectClassification('countCorrect', logits, labels);
    return [{ dtype: 'f32', shape: [1], image: false }];
  },
};

export interface CountCorrectOptions {
  /** How many guesses a row has; default 1. With as many as classes, every labelled row counts. */
  k?: number;
  name?: string;
}

/** logits [N, K], labels i32 [N]. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT */
export function countCorrect(logits: Tensor, labels: Tensor, { k = 1, name }: CountCorrectOptions = {}): Tensor {
  checkInteger('k', k, 1, 2 ** 31 - 1);
  return first(apply(countCorrectOp, [logits, labels], { k }, name));
}

export const classificationOps: readonly Op[] = [softmaxCrossEntropyOp, softmaxCrossEntropyGradientOp, countCorrectOp];
