/**
 * Layer-sequential unit-variance initialisation (Mishkin and Matas, "All you need is a good init", arXiv:1511.06422):
 * orthonormal weights, then, layer by layer in forward order, weights divided by the standard deviation of what the layer
 * computes for a batch, before its activation, until that has variance 1.
 */
import { compile, type Plan } from '../compile/compile';
import { Graph } from '../compile/graph';
import type { ImageSource } from '../data/source';
import type { StatisticsOptions } from '../data/statistics';
import { checkInteger, checkNumber, checkOptions, invalid, SaturnnError } from '../errors';
import { orthonormal } from '../layers/initializers';
import type { Model } from '../models/model';
import { conv2dOp } from '../ops/convolution';
import { linearOp } from '../ops/linear';
import { moments } from '../ops/normalization';
import { Philox, streams } from '../random';
import { type Device, deviceOf } from '../runtime/device';
import { Parameter, State } from '../tensor/state';
import { input, type Node, sizeOf, type Tensor } from '../tensor/tensor';
import { batchOfImages } from './lsuvBatch';

export interface LsuvOptions {
  model: Model;
  /** Holds the model's parameters; its weights are overwritten. Biases stay: they should be what they begin with, 0. */
  state: State;
  /** What the statistics are of: normalised images as the model reads them, one after the other, ... */
  images?: Float32Array;
  /** ... or a data set, from which `batch` images are drawn, cropped at the centre, and normalised by its statistics. */
  dataset?: ImageSource;
  /** How the pixels of `dataset` are normalised; default: by mean and deviation per channel. */
  statistics?: StatisticsOptions;
  /** Where the State lives. Default "auto". */
  device?: Device | string;
  /** Images that are drawn from `dataset`; default 64. */
  batch?: number;
  /** Of |variance - 1|; default 0.02. */
  tolerance?: number;
  /** Divisions per layer, at most; default 20. */
  maxIterations?: number;
  /** Of the orthonormal weights and the batch; default: the State's. */
  seed?: number;
}

/** What was done to a layer. */
export interface LsuvLayer {
  readonly name: string;
  /** How often its weights were divided. */
  readonly iterations: number;
  /** Variance of its pre-activation with orthonormal weights, the layers before it being done. */
  readonly before: number;
  /** The same at the end. */
  readonly after: number;
}

/** A convolution or linear layer, while it is worked on. */
interface ScaledLayer {
  readonly weight: Parameter;
  /** Makes the pre-activation. */
  readonly node: Node;
  /** Layers on the longest way to it. */
  readonly depth: number;
  values: Float32Array;
  iterations: number;
  before: number;
  after: number;
}

/**
 * Initialises the weights of every convolution and linear layer of a model, however it is built: they are found in the graph
 * of its forward pass (in inference). A layer that is used twice is scaled for its first use.
 * @returns the layers in the order in which they were done
 * @throws ERR_LSUV naming a layer whose variance cannot be made 1: it is 0 or not finite, or `maxIterations` were not
 * enough. Weights are then as far as they came. ERR_INVALID_ARGUMENT
 */
export async function lsuv(options: LsuvOptions): Promise<LsuvLayer[]> {
  checkOptions('{ model, state, images or dataset }', options);
  const { model, state, tolerance = 0.02, maxIterations = 20 } = options;
  if (!(state instanceof State)) throw invalid('state', 'a State', state);
  checkNumber('tolerance', tolerance, 1e-5, 1);
  checkInteger('maxIterations', maxIterations, 1);
  const seed = checkInteger('seed', options.seed ?? state.seed, 0, 2 ** 31 - 1);
  const device = deviceOf(options.device);
  const images = await imagesFor({ ...options, device }, seed);
  const levels = levelsOf(model, images.length / sizeOf(model.inputShape));
  const layers = levels.flat();
  await state.on(device);
  await initialize(layers, state, seed);
  for (const [index, level] of levels.entries()) {
    // Scaling the next level needs what this one's last measurement says of it anyway: so each level costs one run.
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
  { model, images, dataset, statistics, batch = 64, device }: LsuvOptions,
  seed: number,
): Promise<Float32Array> {
  if ((images === undefined) === (dataset === undefined)) {
    throw invalid('lsuv()', 'one of images and dataset', images === undefined ? 'none' : 'both');
  }
  if (dataset) return batchOfImages({ dataset, statistics, inputShape: model.inputShape, batch, seed, device });
  const size = sizeOf(model.inputShape);
  if (!(images instanceof Float32Array)) throw invalid('images', 'a Float32Array', images);
  if (images.length === 0 || images.length % size !== 0) {
    throw invalid('images', `a multiple of ${size} elements, [${model.inputShape}] each`, images.length);
  }
  return Promise.resolve(images);
}

/** All layers with weights, by depth: those of one level do not depend on each other. */
function levelsOf(model: Model, batch: number): ScaledLayer[][] {
  const logits = model.forward(input('images', [batch, ...model.inputShape]));
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

/** Divides the weights of those layers whose last measurement is not near enough. @returns whether there were any */
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
