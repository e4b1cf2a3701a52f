/** The two graphs of a training run. They share one State, and nothing else. */
import type { Statistics } from '../data/statistics';
import { Graph } from '../graph/graph';
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

/** Inputs: images, indices, labels. */
function forward({ model, state, statistics, images, batch }: PlanOptions, context: ForwardContext) {
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
  const { loss, probabilities } = softmaxCrossEntropy(logits, labels, { name: 'loss' });
  return { logits, labels, loss, probabilities };
}

/** Inputs: images, indices, labels, learningRate. Outputs: loss, correct and gradientNorm, [1] each. One whole step: crop and mirror, forward, loss, backward, optimizer. */
export function trainGraph(options: PlanOptions, optimizer: Optimizer): Graph {
  const context = new TrainingContext(options.state.counter);
  const { loss, logits, labels } = forward(options, context);
  const learningRate: Tensor = input('learningRate', [1]);
  const { updates, gate, gradientNorm } = optimizer.update({ state: options.state, loss, learningRate });
  return Graph.from({
    outputs: { loss, correct: countCorrect(logits, labels), gradientNorm },
    updates: [...updates, ...context.updates(gate)],
    gate,
  });
}

/** Inputs: images, indices, labels. Outputs: loss and correct, [1] each. */
export function evaluationGraph(options: PlanOptions): Graph {
  const { loss, logits, labels } = forward(options, inference);
  return Graph.from({ outputs: { loss, correct: countCorrect(logits, labels) } });
}

/** Inputs: images, indices, labels (which change nothing). Outputs: logits and probabilities, [batch, classes] each. */
export function predictionGraph(options: PlanOptions): Graph {
  const { logits, probabilities } = forward(options, inference);
  return Graph.from({ outputs: { logits, probabilities } });
}
