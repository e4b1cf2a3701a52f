import { SaturnnError } from '../errors';
import { optional, text } from '../options/field';
import { apply, type Op, type Tensor, tensorField } from '../tensor/tensor';
import { dimension, expectShape, expectTensor, first, opOptions, shapeError } from './op';

/** The losses of an element, in the order of LossKind (native/shared/losses.h). */
const kinds = ['itself', 'squared', 'absolute', 'binaryCrossEntropy'] as const;

/** Checks predictions [N] or [N, K], targets of their shape, and what is optional per row. @returns the shape @throws ERR_SHAPE */
function checkRows(
  op: string,
  { prediction, target, labels, weights }: Readonly<Record<string, Tensor | null | undefined>>,
  kind: number,
): readonly number[] {
  const { shape } = expectTensor(op, 'prediction', prediction, {});
  if (shape.length > 2) throw shapeError(op, 'prediction', 'shape [N] or [N, K]', [...shape]);
  if (target || kinds[kind] !== 'itself') expectShape(op, 'target', expectTensor(op, 'target', target, {}), shape);
  const rows = [dimension(shape, 0)];
  if (labels) expectShape(op, 'labels', expectTensor(op, 'labels', labels, { dtype: 'i32' }), rows);
  if (weights) expectShape(op, 'weights', expectTensor(op, 'weights', weights, {}), rows);
  return shape;
}

/**
 * loss = the mean of w_n l(x_nk, t_nk) over the rows n that count and over their columns k, where l is, by attribute `kind`: x itself,
 * (x - t)^2, |x - t|, or max(x, 0) - x t + log(1 + e^-|x|). prediction x [N] or [N, K], target t of that shape (absent for x itself),
 * labels i32 [N] and weights w [N], which are optional -> loss [1]. Rows with a negative label do not count.
 */
export const elementLossOp: Op = {
  name: 'elementLoss',
  attributes: [['kind', 'i32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([prediction, target, labels, weights], { kind = 0 }) {
    checkRows('elementLoss', { prediction, target, labels, weights }, kind);
    return [{ dtype: 'f32', shape: [1], image: false }];
  },
  gradient({ inputs, attributes, name }, [dloss], [, targetNeeded, , weightsNeeded]) {
    const [prediction, target = null, labels = null, weights = null] = inputs;
    const absent = targetNeeded ? 'target' : weightsNeeded ? 'weights' : null;
    if (absent) throw new SaturnnError('ERR_GRAPH', `[elementLoss] ${absent} has no gradient (layer "${name}")`);
    if (!dloss || !prediction) return [];
    return apply(elementLossGradientOp, [prediction, target, dloss, labels, weights], attributes, name);
  },
};

/**
 * dprediction = dloss w_n l'(x_nk, t_nk) / (number of elements of the rows that count); 0 in rows with a negative label. The inputs are
 * those of elementLoss, with dloss [1] in the third place.
 */
export const elementLossGradientOp: Op = {
  name: 'elementLossGradient',
  attributes: [['kind', 'i32']],
  readsSlices: false,
  writesSlices: false,
  inferShape([prediction, target, dloss, labels, weights], { kind = 0 }) {
    const shape = checkRows('elementLossGradient', { prediction, target, labels, weights }, kind);
    expectShape('elementLossGradient', 'dloss', expectTensor('elementLossGradient', 'dloss', dloss, {}), [1]);
    return [{ dtype: 'f32', shape, image: false }];
  },
};

/** Options of mean(), meanSquaredError(), meanAbsoluteError() and binaryCrossEntropy(). */
export interface RowOptions {
  /** i32 [N]: rows with a negative label (-1: they only fill up a batch) do not count. Default: all rows count. */
  labels?: Tensor;
  /**
   * A factor f32 [N] on the loss of each row and on its gradient; default: 1 for all. The mean still divides by the number of elements
   * of the rows that count. A weight of 0 does not hide a loss that is not finite. The weights have no gradient.
   */
  weights?: Tensor;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const rowFields = { labels: optional(tensorField), weights: optional(tensorField), name: optional(text) };
const optionsOf = Object.fromEntries(
  ['mean', 'meanSquaredError', 'meanAbsoluteError', 'binaryCrossEntropy'].map((name) => [
    name,
    opOptions<RowOptions>(name, rowFields),
  ]),
);

function meanOf(
  func: string,
  kind: (typeof kinds)[number],
  [prediction, target]: readonly [Tensor, Tensor | null],
  options: RowOptions,
): Tensor {
  const { labels = null, weights = null, name } = optionsOf[func]!.check(options);
  return first(apply(elementLossOp, [prediction, target, labels, weights], { kind: kinds.indexOf(kind) }, name));
}

/**
 * Returns the mean of all elements, [1]: with labels, over the rows that count. With weights, the elements of a row are multiplied by
 * its weight before. It turns the losses of elements or rows, made of other ops, into the loss of a training.
 * @param x f32 [N] or [N, K]
 * @param options labels, weights and name
 * @throws ERR_SHAPE; ERR_INVALID_ARGUMENT for the options
 */
export function mean(x: Tensor, options: RowOptions = {}): Tensor {
  return meanOf('mean', 'itself', [x, null], options);
}

/**
 * Returns the mean of (prediction - target)^2 over all elements, [1]: with labels, over the rows that count. With weights, the squares
 * of a row are multiplied by its weight before. Only the prediction has a gradient.
 * @param prediction f32 [N] or [N, K]
 * @param target f32 of the same shape
 * @param options labels, weights and name
 * @throws ERR_SHAPE; ERR_INVALID_ARGUMENT for the options
 */
export function meanSquaredError(prediction: Tensor, target: Tensor, options: RowOptions = {}): Tensor {
  return meanOf('meanSquaredError', 'squared', [prediction, target], options);
}

/**
 * Returns the mean of |prediction - target| over all elements, [1]: with labels, over the rows that count. With weights, the distances
 * of a row are multiplied by its weight before. Only the prediction has a gradient, which is 0 where both are equal.
 * @param prediction f32 [N] or [N, K]
 * @param target f32 of the same shape
 * @param options labels, weights and name
 * @throws ERR_SHAPE; ERR_INVALID_ARGUMENT for the options
 */
export function meanAbsoluteError(prediction: Tensor, target: Tensor, options: RowOptions = {}): Tensor {
  return meanOf('meanAbsoluteError', 'absolute', [prediction, target], options);
}

/**
 * Returns the mean of -t log p - (1 - t) log(1 - p) over all elements, [1], where p = 1 / (1 + e^-logit) and t is the target: the loss
 * of several labels per image. It is computed as max(x, 0) - x t + log(1 + e^-|x|) of the logit x, which is finite for all finite x.
 * With labels, it is the mean over the rows that count. With weights, the losses of a row are multiplied by its weight before. Only
 * the logits have a gradient, p - t.
 * @param logits f32 [N] or [N, K]
 * @param target f32 of the same shape: 1 if the label applies, 0 if not, or a probability
 * @param options labels, weights and name
 * @throws ERR_SHAPE; ERR_INVALID_ARGUMENT for the options
 */
export function binaryCrossEntropy(logits: Tensor, target: Tensor, options: RowOptions = {}): Tensor {
  return meanOf('binaryCrossEntropy', 'binaryCrossEntropy', [logits, target], options);
}

/** All ops of this file. */
export const lossesOps: readonly Op[] = [elementLossOp, elementLossGradientOp];
