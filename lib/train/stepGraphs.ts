/** The graphs of a training run. They share one State, and nothing else. */

import { Graph } from '../compile/graph';
import { withAveragedWeights } from '../compile/withAveragedWeights';
import type { Statistics } from '../data/statistics';
import { type ForwardContext, inference, TrainingContext } from '../layers/context';
import type { Model } from '../models/model';
import { countCorrect, softmaxCrossEntropy } from '../ops/classification';
import { augment } from '../ops/data';
import type { Optimizer } from '../optim/optimizer';
import type { State } from '../tensor/state';
import { constant, input, type Tensor } from '../tensor/tensor';

export interface StepGraphOptions {
  model: Model;
  state: State;
  /** Of the training images; both plans use them. */
  statistics: Statistics;
  /** Of the images that rows are taken from: [count, height, width, channels]. */
  images: readonly number[];
  batch: number;
}

/** Inputs: images, indices, labels. */
function forward(
  { model, state, statistics, images, batch }: StepGraphOptions,
  context: ForwardContext,
  labelSmoothing = 0,
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
  const logits = model.forward(batchOfImages, context);
  const { loss, probabilities } = softmaxCrossEntropy(logits, labels, { labelSmoothing, name: 'loss' });
  return { logits, labels, loss, probabilities };
}

/**
 * One whole step: crop and mirror, forward, loss, backward, optimizer. Inputs: images, indices, labels, learningRate.
 * Outputs: loss, correct and gradientNorm, [1] each. With label smoothing the loss is the smoothed one.
 */
export function trainGraph(
  options: StepGraphOptions,
  optimizer: Optimizer,
  { labelSmoothing = 0 }: { labelSmoothing?: number } = {},
): Graph {
  const context = new TrainingContext(options.state.counter);
  const { loss, logits, labels } = forward(options, context, labelSmoothing);
  const learningRate: Tensor = input('learningRate', [1]);
  const { updates, gate, skip = null, gradientNorm } = optimizer.update({ state: options.state, loss, learningRate });
  return Graph.from({
    outputs: { loss, correct: countCorrect(logits, labels), gradientNorm },
    updates: [...updates, ...context.updates(skip ?? gate)],
    gate,
    skip,
  });
}

export interface InferenceOptions {
  /** Compute with the average of the weights that the optimizer keeps (ema). Default false. */
  averaged?: boolean;
}

/** Inputs: images, indices, labels. Outputs: loss, correct, and correct5 (among the five best guesses), [1] each. */
export function evaluationGraph(options: StepGraphOptions, { averaged = false }: InferenceOptions = {}): Graph {
  const { loss, logits, labels } = forward(options, inference);
  const correct = countCorrect(logits, labels);
  const correct5 = countCorrect(logits, labels, { k: 5 });
  const graph = Graph.from({ outputs: { loss, correct, correct5 } });
  return averaged ? withAveragedWeights(graph, options.state) : graph;
}

/** Inputs: images, indices, labels (which change nothing). Outputs: logits and probabilities, [batch, classes] each. */
export function predictionGraph(options: StepGraphOptions, { averaged = false }: InferenceOptions = {}): Graph {
  const { logits, probabilities } = forward(options, inference);
  const graph = Graph.from({ outputs: { logits, probabilities } });
  return averaged ? withAveragedWeights(graph, options.state) : graph;
}
