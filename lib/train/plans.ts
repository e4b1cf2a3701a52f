/** The two graphs of a training run. They share one State, and nothing else. */
import type { Dataset, Statistics } from '../data/dataset';
import { Graph } from '../graph/graph';
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
  /** The images that rows are taken from. */
  dataset: Dataset;
  batch: number;
}

/** Inputs: images (resident), indices, labels. Outputs: loss and correct, [1] each. */
function forward({ model, state, statistics, dataset, batch }: PlanOptions, random: boolean) {
  const { count, height, width, channels } = dataset;
  const labels = input('labels', [batch], { dtype: 'i32' });
  const batchOfImages = augment(
    {
      images: input('images', [count, height, width, channels], { dtype: 'u8' }),
      indices: input('indices', [batch], { dtype: 'i32' }),
      counter: state.counter,
      mean: constant(statistics.mean),
      inverseDeviation: constant(statistics.deviation.map((deviation) => 1 / deviation)),
    },
    { size: [model.inputShape[0], model.inputShape[1]], random },
  );
  const logits = model.forward(batchOfImages);
  const { loss } = softmaxCrossEntropy(logits, labels, { name: 'loss' });
  return { loss, correct: countCorrect(logits, labels) };
}

/** One whole step: crop and mirror, forward, loss, backward, optimizer. Also has input learningRate and output gradientNorm. */
export function trainGraph(options: PlanOptions, optimizer: Optimizer): Graph {
  const { loss, correct } = forward(options, true);
  const learningRate: Tensor = input('learningRate', [1]);
  const { updates, gate, gradientNorm } = optimizer.update({ state: options.state, loss, learningRate });
  return Graph.from({ outputs: { loss, correct, gradientNorm }, updates, gate });
}

export function evaluationGraph(options: PlanOptions): Graph {
  return Graph.from({ outputs: forward(options, false) });
}
