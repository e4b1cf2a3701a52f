import { SaturnnError } from '../../errors';
import { copyOp } from '../../ops/data';
import type { DType } from '../../runtime/native';
import { makeNode, type Node, type Tensor, type TensorSpec } from '../../tensor/tensor';
import { decidesAboutMemory, Graph } from '../graph';

/**
 * Stores images as bf16 or f16: nodes whose op supports it (Op.halfImages) are made anew to read and write them. Copies convert
 * images from and to f32 at the graph's inputs and outputs and around all other ops. Everything else stays f32: weights, biases,
 * their gradients, logits, loss, optimizer. For precisions bf16 and fp16; it runs before all other passes.
 * @throws ERR_GRAPH if a pass has decided about memory already
 */
export function halveImages(graph: Graph, half: DType): Graph {
  if (decidesAboutMemory(graph)) {
    throw new SaturnnError(
      'ERR_GRAPH',
      'halving images must come before passes that decide about memory: compile the graph without those',
    );
  }
  const halving = new Halving(half);
  const nodes = new Map(graph.nodes.map((node) => [node, halving.remake(node)]));
  return Graph.from({
    outputs: Object.fromEntries(
      Object.entries(graph.outputs).map(([name, tensor]) => [name, halving.as('f32', tensor)]),
    ),
    updates: graph.updates.map((node) => nodes.get(node) ?? node),
    gate: graph.gate && halving.as('f32', graph.gate),
    skip: graph.skip && halving.as('f32', graph.skip),
  });
}

const isImage = ({ image, dtype }: TensorSpec): boolean => image && dtype === 'f32';

class Halving {
  constructor(readonly half: DType) {}

  /** For each tensor of the graph, the tensor that its new node makes. */
  readonly #remade = new Map<Tensor, Tensor>();
  /** For each of these, its copy in the other dtype, if there is one. */
  readonly #copies = new Map<Tensor, Tensor>();

  /** Makes the node for the new graph, after the nodes of its inputs. */
  remake(node: Node): Node {
    if (node.op.isSource) return node;
    const dtype = node.op.halfImages ? this.half : 'f32';
    const inputs = node.inputs.map((tensor) => tensor && this.as(dtype, tensor));
    const specs = node.outputs.map(({ shape, image, ...spec }) => ({
      shape,
      image,
      dtype: isImage({ shape, image, ...spec }) ? dtype : spec.dtype,
    }));
    const made = makeNode({ ...node, inputs }, specs);
    node.outputs.forEach((tensor, index) => {
      this.#remade.set(tensor, made.outputs[index] as Tensor);
    });
    return made;
  }

  /** Returns the tensor of the new graph for one of the old; an image in this dtype, by a copy if need be. */
  as(dtype: DType, tensor: Tensor): Tensor {
    const remade = this.#remade.get(tensor) ?? tensor;
    if (!isImage(tensor) || remade.dtype === dtype) return remade;
    const known = this.#copies.get(remade);
    if (known) return known;
    const { shape, node } = remade;
    const conversion = { ...node, op: copyOp, attributes: { image: 1 }, inputs: [remade], source: null };
    const copied = makeNode(conversion, [{ dtype, shape, image: true }]).outputs[0] as Tensor;
    this.#copies.set(remade, copied);
    return copied;
  }
}
