/** Makes the graphs that look into a network: those of the prediction, with more outputs. */
import { gradientFrom } from '../../compile/gradient';
import { Graph } from '../../compile/graph';
import { withAveragedWeights } from '../../compile/withAveragedWeights';
import { layersOf } from '../../models/inspect';
import { activate } from '../../ops/activation';
import { relu } from '../../ops/activations';
import { augmentOp } from '../../ops/augmentation';
import { affine } from '../../ops/channels';
import { conv2d } from '../../ops/convolution';
import { globalAveragePool } from '../../ops/pooling';
import { blockChannels } from '../../runtime/layout';
import { constant, input, type Tensor } from '../../tensor/tensor';
import type { Look } from '../predict/plans';
import { type InferenceOptions, predictionGraph, type StepGraphOptions } from '../stepGraphs';

/** Returns the name of the output with the values of a layer: names of layers may be anything. */
export const outputName = (index: number): string => `layer ${index}`;

/** The prediction, with the outputs of these layers beside it: `layer 0`, `layer 1` and so on. */
export const activationsLook = (layers: readonly string[]): Look => ({
  key: JSON.stringify(['activations', ...layers]),
  graph: looking(({ logits, probabilities }, outputOf) => ({
    ...{ logits, probabilities },
    ...Object.fromEntries(layers.map((name, index) => [outputName(index), outputOf(name)])),
  })),
});

/**
 * Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) of a layer whose output A is an image [N, h, w, C]. Input `seed` [N, classes]: 1 for
 * the class to explain, else 0. Output `map` [N, h, w, 16], 16 times the same map: relu of the sum over k of weight_k A_k, where weight_k
 * is the mean over the pixels of the gradient of the class's logit with respect to A_k, for each image.
 */
export const gradCamLook = (layer: string): Look => ({
  key: JSON.stringify(['gradCam', layer]),
  // Gradients of a logit are small: as halves, many would be 0.
  inFloats: true,
  graph: looking(({ logits, probabilities }, outputOf) => {
    const image = outputOf(layer);
    const seed = input('seed', logits.shape);
    const [gradient] = gradientFrom(logits, seed, [image]) as [Tensor];
    const weighted = affine(image, { scale: globalAveragePool(gradient) });
    const channels = image.shape[3] as number;
    // As many channels as the CPU has in a block: an image of one channel would keep the whole plan from its blocked layout.
    const ones = constant(new Float32Array(blockChannels * channels).fill(1), [blockChannels, 1, 1, channels]);
    return { probabilities, map: activate(conv2d(weighted, ones), relu()) };
  }),
});

/** The outputs of the prediction. */
interface PredictionOutputs {
  readonly logits: Tensor;
  readonly probabilities: Tensor;
}

/** Makes a graph of the prediction's outputs, and of those of its layers by name. */
function looking(make: (prediction: PredictionOutputs, outputOf: (layer: string) => Tensor) => Record<string, Tensor>) {
  return (options: StepGraphOptions, { averaged = false }: InferenceOptions): Graph => {
    // Before averages take the place of the weights: layers are told apart by their parameters.
    const { logits, probabilities } = predictionGraph(options).outputs as Record<string, Tensor>;
    const layers = outputsOfLayers(logits as Tensor);
    const outputOf = (name: string) => layers.get(name) as Tensor;
    const prediction = { logits: logits as Tensor, probabilities: probabilities as Tensor };
    const graph = Graph.from({ outputs: make(prediction, outputOf) });
    return averaged ? withAveragedWeights(graph, options.state) : graph;
  };
}

/** Returns the output of each layer between the images and the logits, by the name that inspectModel() has for it. */
function outputsOfLayers(logits: Tensor): ReadonlyMap<string, Tensor> {
  const { nodes } = Graph.from({ outputs: { logits } });
  const layers = layersOf(nodes.filter(({ source, op }) => !source && op !== augmentOp));
  return new Map(layers.map(({ name, nodes: own }) => [name, own.at(-1)!.outputs[0] as Tensor]));
}
