import { invalid } from '../errors';
import { type Initializer, zeros } from '../initial/initializers';
import { Parameter, type StateBuffer, type Tensor } from '../tensor/tensor';
import { type ForwardContext, inference } from './context';

/** A part of a network: parameters, and how they make one tensor from another. Composes ops; holds no values. */
export interface Layer {
  /** Each once, however often the layer uses it. */
  readonly parameters: readonly Parameter[];
  /** What else it remembers from step to step. Absent: nothing. */
  readonly buffers?: readonly StateBuffer[];
  /**
   * Adds its ops to the graph that x is of; the class says of which shape x is, and what comes out.
   * @param context default: inference
   */
  forward(x: Tensor, context?: ForwardContext): Tensor;
}

/** A layer without parameters, as a plain function: `(x) => maxPool(x, { kernel: 2, stride: 2 })`. */
export type LayerFunction = (x: Tensor, context: ForwardContext) => Tensor;

/** @throws ERR_INVALID_ARGUMENT */
export function asLayer(layer: Layer | LayerFunction): Layer {
  if (typeof layer === 'function') return { parameters: [], forward: (x, context = inference) => layer(x, context) };
  if (typeof layer?.forward !== 'function' || !Array.isArray(layer.parameters)) {
    throw invalid('layers', 'layers and functions of a tensor', layer);
  }
  return layer;
}

/** Those of all `layers`, each once: a layer that is used twice shares its parameters with itself. */
export function parametersOf(layers: readonly Layer[]): readonly Parameter[] {
  return [...new Set(layers.flatMap((layer) => layer.parameters))];
}

/** The same of what they remember. */
export function buffersOf(layers: readonly Layer[]): readonly StateBuffer[] {
  return [...new Set(layers.flatMap((layer) => layer.buffers ?? []))];
}

/** Weights of this shape, outputs first, which decay, and biases, one per output, which begin at 0 and do not. */
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
