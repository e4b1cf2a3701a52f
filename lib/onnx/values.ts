/** The values of a network's tensors in an ONNX graph, in the orders in which nodes need them. */
import { Philox } from '../random';
import type { TypedArray } from '../runtime/native';
import { Parameter, StateBuffer } from '../tensor/state';
import type { Tensor } from '../tensor/tensor';
import { orderOf, reorder } from '../weights/layout';
import type { OnnxGraph } from './builder';

/** The orders of the dimensions of images: saturnn's [N, H, W, C] and that of ONNX, [N, C, H, W]. */
export const toOnnx = [0, 3, 1, 2] as const;
const toSaturnn = [0, 2, 3, 1] as const;

/**
 * Knows the names of tensors in the graph. Images are [N, C, H, W] there, and everything else is as in saturnn. Weights of convolutions
 * are [O, I, H, W], the same reordering.
 */
export class OnnxValues {
  readonly #names = new Map<Tensor, string>();
  readonly #reordered = new Map<Tensor, string>();
  readonly #perChannel = new Map<Tensor, string>();

  constructor(readonly graph: OnnxGraph) {}

  /** Says which value a tensor is. */
  set(tensor: Tensor, name: string): void {
    this.#names.set(tensor, name);
  }

  /** Returns the value of a tensor: an image in ONNX's order, anything else as in saturnn. */
  of(tensor: Tensor): string {
    const known = this.#names.get(tensor);
    if (known !== undefined) return known;
    const made = this.graph.constant(tensor.node.name, tensor.shape, valuesOf(tensor));
    this.set(tensor, made);
    return made;
  }

  /** Returns weights of a convolution, [O, H, W, I], as [O, I, H, W]. */
  weights(tensor: Tensor): string {
    return kept(this.#reordered, tensor, () => {
      const order = orderOf('convolution', tensor.shape)!;
      // Computed weights are reordered when the graph runs.
      if (!isFixed(tensor)) return this.reordered(this.of(tensor), tensor.node.name, true);
      const data = reorder(valuesOf(tensor) as Float32Array, order, false);
      return this.graph.constant(tensor.node.name, order.shape, data);
    });
  }

  /** Returns a vector [C] in a shape that is added to, or multiplied with, the channels of `x` in ONNX's order. */
  perChannel(tensor: Tensor, x: Tensor): string {
    if (!x.image) return this.of(tensor);
    return kept(this.#perChannel, tensor, () => {
      const shape = [tensor.size, 1, 1];
      if (isFixed(tensor)) return this.graph.constant(tensor.node.name, shape, valuesOf(tensor));
      const sizes = this.graph.integers(`${tensor.node.name}/shape`, shape);
      return this.graph.node('Reshape', [this.of(tensor), sizes], tensor.node.name);
    });
  }

  /** Adds a node that changes the order of an image's dimensions, to ONNX's or back. */
  reordered(value: string, layer: string, forward: boolean): string {
    return this.graph.node('Transpose', [value], layer, { perm: forward ? toOnnx : toSaturnn });
  }
}

/** Returns what the map has for a tensor, or what `make` makes. */
function kept(map: Map<Tensor, string>, tensor: Tensor, make: () => string): string {
  const known = map.get(tensor);
  if (known !== undefined) return known;
  const made = make();
  map.set(tensor, made);
  return made;
}

/** Whether a tensor's values are in the file. */
const isFixed = (tensor: Tensor): boolean =>
  tensor instanceof Parameter || tensor instanceof StateBuffer || tensor.node.source?.kind === 'constant';

/** Returns the values of a constant, or the first values of a parameter or buffer: those of the model's file. */
function valuesOf(tensor: Tensor): TypedArray {
  if (tensor instanceof Parameter) return tensor.initialize(new Philox(0, 0));
  if (tensor instanceof StateBuffer) return tensor.initialize();
  const { source } = tensor.node;
  if (source?.kind === 'constant') return source.data;
  throw new RangeError(`"${tensor.node.name}" has no values`);
}
