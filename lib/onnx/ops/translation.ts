/** The form of a translation: what a node of saturnn is in ONNX. */
import type { Node, Tensor } from '../../tensor/tensor';
import type { OnnxGraph } from '../builder';
import type { OnnxValues } from '../values';

/** A node that is translated, and the graph that gets the nodes of ONNX for it. */
export interface Translated {
  readonly node: Node;
  readonly graph: OnnxGraph;
  readonly values: OnnxValues;
  /** The bias that a convolution or linear layer adds; null: none. It may come from the activation that follows. */
  readonly bias: Tensor | null;
}

/** Adds the nodes of ONNX for a node, and returns the names of its outputs. */
export type Translation = (translated: Translated) => readonly string[];

/** Returns the first inputs of a node, which its op has checked. */
export const inputsOf = ({ node }: Translated): readonly [Tensor, Tensor, Tensor, Tensor, Tensor] =>
  node.inputs as unknown as readonly [Tensor, Tensor, Tensor, Tensor, Tensor];
