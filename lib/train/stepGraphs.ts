/** Makes the three graphs of a training run: a training step, evaluation and prediction. They share one State. */

import { Graph } from '../compile/graph';
import { withAveragedWeights } from '../compile/withAveragedWeights';
import type { Statistics } from '../data/statistics';
import { type ForwardContext, inference, TrainingContext } from '../layers/context';
import { forwardOf, type Model } from '../models/model';
import { countCorrect, softmaxCrossEntropy } from '../ops/classification';
import { augment, packElements } from '../ops/data';
import { finiteCheck } from '../ops/scaling';
import { nodesField, type Optimizer } from '../optim/optimizer';
import { checkArgument } from '../options/options';
import type { State } from '../tensor/state';
import { constant, input, type Tensor } from '../tensor/tensor';

/** Options that all graphs of a training run share. */
export interface StepGraphOptions {
  model: Model;
  state: State;
  /** Pixel statistics of the training set, which normalise all images. */
  statistics: Statistics;
  /** Shape of the input `images`, from which each step takes rows: [count, height, width, channels]. */
  images: readonly number[];
  /** Images per step. */
  batch: number;
}

/** Options of the loss of a training step. */
export interface StepLossOptions {
  /** Part of the target that all classes share. Default 0. */
  labelSmoothing?: number;
  /** Whether the loss of each row is multiplied by its weight, an input `weights` (f32 [batch]). Default false. */
  weighted?: boolean;
}

/**
 * Makes the forward pass. Inputs: images (u8), indices (i32 [batch], rows of images), labels (i32 [batch]). In training,
 * images are cropped and mirrored at random; in inference they are cropped at the centre.
 */
function forward(
  { model, state, statistics, images, batch }: StepGraphOptions,
  context: ForwardContext,
  { labelSmoothing = 0, weighted = false }: StepLossOptions = {},
) {
  const labels = input('labels', [batch], { dtype: 'i32' });
  const batchOfImages = augment(
    {
      images: input('images', images, { dtype: 'u8' }),
      indices: input('indices', [batch], { dtype: 'i32' }),
      counter: state.counter,
      mean: constant(statistics.mean, statistics.meanShape),
      inverseDeviation: constant(statistics.scale),
    },
    { size: [model.inputShape[0], model.inputShape[1]], random: context.training },
  );
  const logits = forwardOf(model, batchOfImages, context);
  const weights = weighted ? input('weights', [batch]) : undefined;
  const { loss, probabilities } = softmaxCrossEntropy(logits, labels, { labelSmoothing, weights, name: 'loss' });
  return { logits, labels, loss, probabilities };
}

/**
 * Makes the graph of a training step: crop and mirror, forward, loss, backward, optimizer. Inputs: images, indices, labels,
 * learningRate [1], and weights [batch] if the loss is weighted. Outputs: loss, correct and gradientNorm, [1] each. The loss is the
 * smoothed and weighted one.
 */
export function trainGraph(options: StepGraphOptions, optimizer: Optimizer, lossOptions?: StepLossOptions): Graph {
  const context = new TrainingContext(options.state.counter);
  const { loss, logits, labels } = forward(options, context, lossOptions);
  const learningRate: Tensor = input('learningRate', [1]);
  const watched = watchedWith(loss, context.values);
  const made = optimizer.update({ state: options.state, loss, learningRate, watched });
  const { updates, gate, skip = null, gradientNorm } = checkArgument('the result of update()', nodesField, made);
  return Graph.from({
    outputs: { loss, correct: countCorrect(logits, labels), gradientNorm },
    updates: [...updates, ...context.updates(skip ?? gate)],
    gate,
    skip,
  });
}

/** Returns a number, f32 [1], that is finite if and only if the loss and all these values are (up to a norm of 3.4e38). */
function watchedWith(loss: Tensor, values: readonly Tensor[]): Tensor {
  return values.length === 0 ? loss : finiteCheck(loss, packElements([loss, ...values])).norm;
}

/** Options of the graphs of evaluation and prediction. */
export interface InferenceOptions {
  /** Compute with the average of the weights that the optimizer keeps (ema). Default false. */
  averaged?: boolean;
}

/**
 * Makes the graph of an evaluation step. Inputs: images, indices, labels. Outputs, [1] each: loss (the mean over the batch),
 * correct (rows whose label is the best guess), correct5 (rows whose label is among the five best guesses). With `rows` also logits
 * and probabilities, [batch, classes] each; the others have the same bits then.
 */
export function evaluationGraph(
  options: StepGraphOptions,
  { averaged = false, rows = false }: InferenceOptions & { rows?: boolean } = {},
): Graph {
  const { loss, logits, labels, probabilities } = forward(options, inference);
  const correct = countCorrect(logits, labels);
  const correct5 = countCorrect(logits, labels, { k: 5 });
  const graph = Graph.from({ outputs: { loss, correct, correct5, ...(rows && { logits, probabilities }) } });
  return averaged ? withAveragedWeights(graph, options.state) : graph;
}

/**
 * Makes the graph of a prediction step. Inputs: images, indices, labels (which have no influence). Outputs: logits and
 * probabilities, [batch, classes] each.
 */
export function predictionGraph(options: StepGraphOptions, { averaged = false }: InferenceOptions = {}): Graph {
  const { logits, probabilities } = forward(options, inference);
  const graph = Graph.from({ outputs: { logits, probabilities } });
  return averaged ? withAveragedWeights(graph, options.state) : graph;
}
