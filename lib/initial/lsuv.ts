/**
 * Layer-sequential unit-variance initialisation (Mishkin and Matas, "All you need is a good init", arXiv:1511.06422): weights
 * begin orthonormal; then, layer by layer in forward order, they are divided by the standard deviation of the layer's
 * pre-activation for a batch, until its variance is 1.
 */

import { types } from 'node:util';
import { compile, type Plan } from '../compile/compile';
import { Graph } from '../compile/graph';
import { type ImageSource, sourceField } from '../data/source';
import { type StatisticsOptions, statisticsField } from '../data/statistics';
import { invalid, SaturnnError } from '../errors';
import { inference } from '../layers/context';
import { orthonormal } from '../layers/initializers';
import { forwardOf, type Model, modelField } from '../models/model';
import { conv2dOp } from '../ops/convolution';
import { linearOp } from '../ops/linear';
import { moments } from '../ops/normalization';
import { custom, integer, number, optional } from '../options/field';
import { Options } from '../options/options';
import { Philox, seedRange, streams } from '../random';
import { type Device, deviceField, deviceOf } from '../runtime/device';
import { copyOf } from '../runtime/dtypes';
import { Parameter, type State, stateField } from '../tensor/state';
import { input, type Node, sizeOf, type Tensor } from '../tensor/tensor';
import { batchOfImages } from './lsuvBatch';

/** Options of lsuv(): a model, its State, and exactly one of `images` and `dataset`. */
export interface LsuvOptions {
  /** The model whose convolutions and linear layers are initialised. */
  model: Model;
  /** The State of the model's parameters, whose weights are overwritten. Biases stay as they are; they should still be 0. */
  state: State;
  /** The batch that variances are measured on: normalised images, [count, height, width, channels] of the model's input. */
  images?: Float32Array | Float64Array;
  /** A data set instead, from which `batch` images are drawn, cropped at the centre and normalised by its statistics. */
  dataset?: ImageSource;
  /** Normalisation of the pixels of `dataset`. Default: by mean and standard deviation per channel. */
  statistics?: StatisticsOptions;
  /** The device of the State. Default "auto". */
  device?: Device | string;
  /** The number of images to draw from `dataset`, 1 to its size, default 64. With `images`, their number, which must be given. */
  batch?: number;
  /** Largest accepted |variance - 1|: 1e-5 to 1, default 0.02. */
  tolerance?: number;
  /** Largest number of divisions of a layer's weights: at least 1, default 20. */
  maxIterations?: number;
  /** Seed of the orthonormal weights and of the drawn batch: 0 to 2^31 - 1. Default: the State's seed. */
  seed?: number;
}

const lsuvOptions = new Options<LsuvOptions>('lsuv()', {
  model: modelField,
  state: stateField,
  images: optional(custom('a Float32Array', (images) => types.isFloat32Array(images) || types.isFloat64Array(images))),
  dataset: optional(sourceField),
  statistics: optional(statisticsField),
  device: optional(deviceField),
  batch: optional(integer(1)),
  tolerance: optional(number([1e-5, 1])),
  maxIterations: optional(integer(1)),
  seed: optional(integer(...seedRange)),
});

/** A layer in the result of lsuv(): the divisions of its weights, and the variance before and after them. */
export interface LsuvLayer {
  /** Name of the layer. */
  readonly name: string;
  /** The number of times that its weights were divided. */
  readonly iterations: number;
  /** Variance of its pre-activation with orthonormal weights, when the layers before it were finished. */
  readonly before: number;
  /** Variance of its pre-activation at the end. */
  readonly after: number;
}

/** A convolution or linear layer that is being scaled. */
interface ScaledLayer {
  readonly weight: Parameter;
  /** The node that computes the pre-activation. */
  readonly node: Node;
  /** Layers with weights on the longest path to the pre-activation, this one included. */
  readonly depth: number;
  values: Float32Array;
  iterations: number;
  before: number;
  after: number;
}

/**
 * Initialises the weights of every convolution and linear layer so that all pre-activations have variance 1 (layer-sequential
 * unit-variance initialisation, arXiv:1511.06422). Weights begin orthonormal and are divided by the measured standard deviation,
 * layer by layer in forward order. The layers are found in the graph of the forward pass in inference, so any model will do. A
 * layer that is used twice is scaled for its first use.
 * @returns the layers in the order in which they were scaled
 * @throws ERR_LSUV, with the layer, if its variance is 0 or not finite, or `maxIterations` divisions do not reach the tolerance
 * (the weights are then partly scaled); ERR_INVALID_ARGUMENT
 */
export async function lsuv(given: LsuvOptions): Promise<LsuvLayer[]> {
  const options = lsuvOptions.check(given);
  const { model, state, tolerance = 0.02, maxIterations = 20 } = options;
  const { seed = state.seed } = options;
  const device = deviceOf(options.device);
  const images = await imagesFor({ ...options, device }, seed);
  const levels = levelsOf(model, images.length / sizeOf(model.inputShape));
  const layers = levels.flat();
  await state.on(device);
  await initialize(layers, state, seed);
  for (const [index, level] of levels.entries()) {
    // Each run measures the next level too. The last one of this level is then also the first of the next, which saves a run.
    const next = levels[index + 1] ?? [];
    const plan = await compile(variancesOf([...level, ...next]), { device, autotune: false });
    try {
      do await measure(plan, images, [...level, ...next]);
      while (await adjust(level, { state, tolerance, maxIterations }));
    } finally {
      plan.dispose();
    }
    await adjust(next, { state, tolerance, maxIterations });
  }
  return layers.map(({ weight, node, iterations, before, after }) => {
    return { name: node.name || weight.name, iterations, before, after };
  });
}

function imagesFor(
  { model, images, dataset, statistics, batch, device }: LsuvOptions,
  seed: number,
): Promise<Float32Array> {
  if ((images === undefined) === (dataset === undefined)) {
    throw invalid('lsuv()', 'one of images and dataset', images === undefined ? 'none' : 'both');
  }
  if (dataset)
    return batchOfImages({ dataset, statistics, inputShape: model.inputShape, batch: batch ?? 64, seed, device });
  const size = sizeOf(model.inputShape);
  // The length alone would take one large image for several small ones.
  if (batch === undefined) throw invalid('batch', 'the number of images in the array', batch);
  if (images?.length !== batch * size) {
    throw invalid(
      'images',
      `${batch * size} elements (${batch} images of ${model.inputShape.join('x')})`,
      images?.length,
    );
  }
  return Promise.resolve(copyOf(images, 'images') as Float32Array); // it is read in many runs
}

/** Groups the layers with weights by depth. Layers of one level do not depend on each other. */
function levelsOf(model: Model, batch: number): ScaledLayer[][] {
  const logits = forwardOf(model, input('images', [batch, ...model.inputShape]), inference);
  const depths = new Map<Node, number>();
  const layers = new Map<Parameter, ScaledLayer>();
  for (const node of Graph.from({ outputs: { logits } }).nodes) {
    const before = Math.max(0, ...node.inputs.map((tensor) => (tensor && depths.get(tensor.node)) ?? 0));
    const weight = weightOf(node);
    const depth = before + (weight ? 1 : 0);
    depths.set(node, depth);
    const known = weight && layers.get(weight);
    if (!weight || (known && known.depth <= depth)) continue;
    const nothing = { values: new Float32Array(), iterations: 0, before: Number.NaN, after: Number.NaN };
    layers.set(weight, { weight, node, depth, ...nothing });
  }
  if (layers.size === 0) throw invalid('model', 'a model with convolutions or linear layers', model.name);
  const deepest = Math.max(...depths.values());
  const levels = Array.from({ length: deepest }, (_, index) =>
    [...layers.values()].filter(({ depth }) => depth === 1 + index),
  );
  return levels.filter((level) => level.length > 0);
}

function weightOf(node: Node): Parameter | null {
  const weight = node.op === conv2dOp || node.op === linearOp ? node.inputs[1] : null;
  return weight instanceof Parameter ? weight : null;
}

async function initialize(layers: readonly ScaledLayer[], state: State, seed: number): Promise<void> {
  const draw = orthonormal();
  for (const [index, layer] of layers.entries()) {
    if (layer.weight.state !== state) {
      throw invalid('state', `the State of the model's "${layer.weight.name}"`, 'another');
    }
    layer.values = draw(layer.weight.shape, new Philox(seed, streams.lsuv, 1 + index));
    await state.write(layer.weight, layer.values);
  }
}

function variancesOf(layers: readonly ScaledLayer[]): Graph {
  const outputs = layers.map(({ node }, index) => [String(index), moments(node.outputs[0] as Tensor)]);
  return Graph.from({ outputs: Object.fromEntries(outputs) });
}

async function measure(plan: Plan, images: Float32Array, layers: readonly ScaledLayer[]): Promise<void> {
  const { outputs } = await plan.run({ images });
  layers.forEach((layer, index) => {
    layer.after = outputs[String(index)]?.[1] ?? Number.NaN;
    if (layer.iterations === 0) layer.before = layer.after;
  });
}

interface Aim {
  readonly state: State;
  readonly tolerance: number;
  readonly maxIterations: number;
}

/** Divides the weights of the layers whose last measured variance is not within the tolerance. @returns whether there were any */
async function adjust(layers: readonly ScaledLayer[], { state, tolerance, maxIterations }: Aim): Promise<boolean> {
  const far = layers.filter(({ after }) => !(Math.abs(after - 1) <= tolerance));
  for (const layer of far) {
    const { node, weight, iterations, after } = layer;
    const found = `the pre-activation of layer "${node.name}" (${weight.name}) has variance ${after}`;
    if (!(after > 0 && after < Number.POSITIVE_INFINITY)) {
      throw new SaturnnError('ERR_LSUV', `LSUV cannot scale weights: ${found}`);
    }
    if (iterations >= maxIterations) {
      const expected = `Expected 1 ± ${tolerance} after at most ${maxIterations} iterations`;
      throw new SaturnnError('ERR_LSUV', `LSUV does not converge: ${found}. ${expected}`);
    }
    const deviation = Math.sqrt(after);
    layer.values = layer.values.map((value) => value / deviation);
    layer.iterations++;
    await state.write(weight, layer.values);
  }
  return far.length > 0;
}
