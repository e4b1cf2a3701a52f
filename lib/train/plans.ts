/** The two graphs of a training run. They share one State, and nothing else. */
import type { Statistics } from '../data/statistics';
import { Graph } from '../graph/graph';
import { withAveragedWeights } from '../graph/withAveragedWeights';
import { type ForwardContext, inference, TrainingContext } from '../layers/context';
import type { Model } from '../models/model';
import { augment } from '../ops/augment';
import { countCorrect } from '../ops/countCorrect';
import { softmaxCrossEntropy } from '../ops/softmaxCrossEntropy';
import type { Optimizer } from '../optim/optimizer';
import type { State } from '../state';
import { constant, input, type Tensor } from '../tensor';

export interface PlanOptions {
  model: Model;
  state: State;
  /** Of the training images; both plans use them. */
  statistics: Statistics;
  /** Of the images that rows are taken from: [count, height, width, channels]. */
  images: readonly number[];
  batch: number;
}

/** Inputs: images, indices, labels. Outputs: loss and correct, [1] each. */
function forward(
  { model, state, statistics, images, batch }: PlanOptions,
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
  const { loss } = softmaxCrossEntropy(logits, labels, { labelSmoothing, name: 'loss' });
  return { loss, correct: countCorrect(logits, labels) };
}

/**
 * One whole step: crop and mirror, forward, loss, backward, optimizer. Also has input learningRate and output gradientNorm.
 * With label smoothing the loss that it reports is the smoothed one.
 */
export function trainGraph(
  options: PlanOptions,
  optimizer: Optimizer,
  { labelSmoothing = 0 }: { labelSmoothing?: number } = {},
): Graph {
  const context = new TrainingContext(options.state.counter);
  const { loss, correct } = forward(options, context, labelSmoothing);
  const learningRate: Tensor = input('learningRate', [1]);
  const { updates, gate, gradientNorm } = optimizer.update({ state: options.state, loss, learningRate });
  return Graph.from({
    outputs: { loss, correct, gradientNorm },
    updates: [...updates, ...context.updates(gate)],
    gate,
  });
}

/** @param averaged compute with the average of the weights that the optimizer keeps (ema); default false */
export function evaluationGraph(options: PlanOptions, { averaged = false }: { averaged?: boolean } = {}): Graph {
  const graph = Graph.from({ outputs: forward(options, inference) });
  return averaged ? withAveragedWeights(graph, options.state) : graph;
}
