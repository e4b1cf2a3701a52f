import { invalid } from '../errors';
import { isArray, isCallback } from '../options/values';
import { Parameter, type StateBuffer } from '../tensor/state';
import { isTensor, type Tensor } from '../tensor/tensor';
import { contextOf, type ForwardContext } from './context';
import { type Initializer, zeros } from './initializers';

/**
 * A part of a network: its parameters, and a forward pass that computes one tensor from another. A layer is symbolic: the values
 * of its parameters live in a State.
 */
export interface Layer {
  /** The parameters that the layer uses, each listed once. */
  readonly parameters: readonly Parameter[];
  /** Other values that it keeps from step to step, such as running statistics. Absent: none. */
  readonly buffers?: readonly StateBuffer[];
  /**
   * Adds the layer's ops to the graph of x and returns their output. Each class documents the shapes.
   * @param context default: that of the model's forward pass that is under way, so that a model need not hand it on. Outside of
   * one, a layer that differs between training and inference (batch normalisation, dropout, rrelu) needs it
   * @throws ERR_SHAPE if x has the wrong shape; ERR_INVALID_ARGUMENT if the layer needs a context and there is none
   */
  forward(x: Tensor, context?: ForwardContext): Tensor;
}

/** A layer without parameters, as a plain function: `(x) => maxPool(x, { kernel: 2, stride: 2 })`. */
export type LayerFunction = (x: Tensor, context: ForwardContext) => Tensor;

/** Whether a value is an array of Parameters or StateBuffers, without a hole. */
export function areNamed(values: unknown): boolean {
  if (!isArray(values)) return false;
  // Not every(), which walks through holes, of which there may be 2^32.
  for (const value of values) if (!isTensor(value) || typeof (value as Parameter).name !== 'string') return false;
  return true;
}

/** Returns a layer as it is, and a function as a layer without parameters. @throws ERR_INVALID_ARGUMENT for anything else */
export function asLayer(layer: Layer | LayerFunction): Layer {
  if (isCallback(layer)) return { parameters: [], forward: (x, context) => layer(x, contextOf(context)) };
  if (!isCallback(layer?.forward) || !areNamed(layer.parameters) || !areNamed(layer.buffers ?? [])) {
    throw invalid('layers', 'layers and functions of a tensor', layer);
  }
  return layer;
}

/** Returns layers and functions as layers. @throws ERR_INVALID_ARGUMENT unless it is an array of them */
export function asLayers(argument: string, layers: readonly (Layer | LayerFunction)[]): Layer[] {
  if (!isArray(layers)) throw invalid(argument, 'an array of layers', layers);
  return Array.from(layers, asLayer);
}

/** Returns the parameters of all `layers`, each once, even if a layer occurs twice. */
export function parametersOf(layers: readonly Layer[]): readonly Parameter[] {
  return [...new Set(layers.flatMap((layer) => layer.parameters))];
}

/** Returns the buffers of all `layers`, each once, even if a layer occurs twice. */
export function buffersOf(layers: readonly Layer[]): readonly StateBuffer[] {
  return [...new Set(layers.flatMap((layer) => layer.buffers ?? []))];
}

/**
 * Makes NAME/weight of `shape` (outputs first), with weight decay, and NAME/bias [outputs], which begins at 0 and has no weight
 * decay.
 */
export function weightAndBias(name: string, shape: readonly number[], initializer: Initializer) {
  const outputs = shape.slice(0, 1);
  const weight = new Parameter({
    name: `${name}/weight`,
    shape,
    decay: true,
    initialize: (random) => initializer(shape, random),
  });
  const bias = new Parameter({
    name: `${name}/bias`,
    shape: outputs,
    decay: false,
    initialize: (random) => zeros(outputs, random),
  });
  return { weight, bias };
}
