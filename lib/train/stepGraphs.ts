/** Makes the three graphs of a training run: a training step, evaluation and prediction. They share one State. */

import { Graph } from '../compile/graph';
import { withAveragedWeights } from '../compile/withAveragedWeights';
import { withFrozenStatistics } from '../compile/withFrozenStatistics';
import type { AugmentationTable } from '../data/augmentation/augmenter';
import type { Statistics } from '../data/statistics';
import { type ForwardContext, inference, TrainingContext } from '../layers/context';
import { forwardOf, type Model } from '../models/model';
import { add } from '../ops/channels';
import { countCorrect, softmaxCrossEntropy } from '../ops/classification';
import { packElements } from '../ops/data';
import { finiteCheck } from '../ops/scaling';
import { nodesField, type Optimizer } from '../optim/optimizer';
import { checkArgument } from '../options/options';
import type { State, StateBuffer } from '../tensor/state';
import { input, type Tensor } from '../tensor/tensor';
import { partTensors } from './accumulation/graph';
import { augmentedBatch } from './augmentedBatch';
import { type ResolvedLoss, usualLoss } from './loss/loss';
import { stepLoss } from './loss/lossGraph';

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
  /** Buffers that a training step leaves as they are. Default: none. */
  frozen?: ReadonlySet<StateBuffer>;
  /** The tables of augmentation that a training step has as inputs. Evaluation and prediction have none. Default: none. */
  tables?: readonly AugmentationTable[];
  /** Whether a training step is a part of an update (TrainerOptions.accumulate). Default false. */
  parts?: boolean;
  /** The loss of training and evaluation. Default: softmax cross-entropy with the labels. */
  loss?: ResolvedLoss;
}

/** Options of the loss of a training step. */
export interface StepLossOptions {
  /** Part of the target that all classes share. Default 0. */
  labelSmoothing?: number;
  /** Whether the loss of each row is multiplied by its weight, an input `weights` (f32 [batch]). Default false. */
  weighted?: boolean;
}

/**
 * Makes the forward pass and the loss. Inputs: images (u8), indices (i32 [batch], rows of images), labels (i32 [batch]), targets (f32
 * [batch, outputs]) if the loss reads them, and the tables of augmentation. Without tables, images are cropped at the centre.
 * @param change changes the logits before the loss is made of them. Default: they stay
 */
function forward(
  { model, tables = [], loss = usualLoss, ...options }: StepGraphOptions,
  context: ForwardContext,
  { labelSmoothing = 0, weighted = false }: StepLossOptions = {},
  change = (logits: Tensor): Tensor => logits,
) {
  const [height, width] = model.inputShape;
  const { batch } = options;
  const labels = input('labels', [batch], { dtype: 'i32' });
  const logits = change(forwardOf(model, augmentedBatch({ ...options, size: [height, width], tables }), context));
  const isMixed = tables.includes('mixes');
  const weights = weighted || isMixed ? input('weights', [batch]) : null;
  const own = stepLoss(loss, { outputs: logits, labels, weights, labelSmoothing });
  if (!isMixed) return { logits, labels, ...own };
  return { logits, labels, ...own, loss: add(own.loss, partnersLoss(logits, batch, labelSmoothing)) };
}

/** Makes the part of the loss that belongs to the images with which others are mixed. Inputs: partnerLabels, partnerWeights. */
function partnersLoss(logits: Tensor, batch: number, labelSmoothing: number): Tensor {
  const labels = input('partnerLabels', [batch], { dtype: 'i32' });
  const weights = input('partnerWeights', [batch]);
  return softmaxCrossEntropy(logits, labels, { labelSmoothing, weights, name: 'partners loss' }).loss;
}

/**
 * Makes the graph of a training step: augmentation, forward, loss, backward, optimizer. Inputs: images, indices, labels,
 * learningRate [1], the tables of augmentation, weights [batch] if the loss is weighted or images are mixed, partnerLabels and
 * partnerWeights [batch] if they are mixed, and targets [batch, outputs] if the loss reads them; and those of partTensors() if steps are
 * parts of updates. Outputs, [1] each: loss, gradientNorm, and correct or what else the network is measured by. The loss is the smoothed
 * and weighted one.
 */
export function trainGraph(options: StepGraphOptions, optimizer: Optimizer, lossOptions?: StepLossOptions): Graph {
  const parts = options.parts ? partTensors() : null;
  const counter = parts?.counter ?? options.state.counter;
  const asked = new TrainingContext(counter);
  const context = new TrainingContext(counter);
  const { loss, measured } = forward(options, asked, lossOptions, (all) => {
    const { y, remembered } = withFrozenStatistics({ y: all, remembered: asked.remembered }, options.frozen ?? none);
    for (const [buffer, value] of remembered) context.remember(buffer, () => value);
    return y;
  });
  const learningRate: Tensor = input('learningRate', [1]);
  const watched = watchedWith(loss, context.values);
  const made = optimizer.update({
    ...{ state: options.state, loss, learningRate, watched },
    ...(parts && { parts: { adds: parts.adds, waits: parts.waits } }),
  });
  const { updates, gate, skip = null, gradientNorm } = checkArgument('the result of update()', nodesField, made);
  return Graph.from({
    outputs: { loss, ...measured, gradientNorm },
    updates: [...updates, ...context.updates(skip ?? gate)],
    gate,
    skip,
  });
}

const none: ReadonlySet<StateBuffer> = new Set();

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
 * Makes the graph of an evaluation step. Inputs: images, indices, labels, and targets if the loss reads them. Outputs, [1] each: loss
 * (the mean over the batch), correct (rows whose label is the best guess), correct5 (rows whose label is among the five best guesses),
 * or what else the network is measured by. With `rows` also logits and, of networks that compute classes, probabilities, [batch,
 * classes] each; the others have the same bits then.
 */
export function evaluationGraph(
  options: StepGraphOptions,
  { averaged = false, rows = false }: InferenceOptions & { rows?: boolean } = {},
): Graph {
  const { loss, logits, labels, probabilities, measured } = forward({ ...options, tables: [] }, inference);
  const outputs = {
    ...{ loss, ...measured },
    ...('correct' in measured && { correct5: countCorrect(logits, labels, { k: 5 }) }),
    ...(rows && { logits, ...(probabilities && { probabilities }) }),
  };
  const graph = Graph.from({ outputs });
  return averaged ? withAveragedWeights(graph, options.state) : graph;
}

/**
 * Makes the graph of a prediction step. Inputs: images, indices, labels (which have no influence). Outputs: logits and
 * probabilities, [batch, classes] each.
 */
export function predictionGraph(options: StepGraphOptions, { averaged = false }: InferenceOptions = {}): Graph {
  const { logits, probabilities } = forward({ ...options, tables: [], loss: usualLoss }, inference);
  const graph = Graph.from({ outputs: { logits, probabilities: probabilities as Tensor } });
  return averaged ? withAveragedWeights(graph, options.state) : graph;
}
