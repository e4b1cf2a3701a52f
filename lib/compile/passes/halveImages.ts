import { SaturnnError } from '../../errors';
import { copyOp } from '../../ops/data';
import type { DType } from '../../runtime/native';
import { makeNode, type Node, type Tensor, type TensorSpec } from '../../tensor/tensor';
import { decidesAboutMemory, Graph } from '../graph';

/**
 * Stores images as bf16 or f16: every node whose op can (`halfImages`) is remade to take and give them so. Where an f32 image meets
 * such a node, at the graph's inputs and outputs and around the other ops, a copy converts. What is no image stays f32:
 * weights, biases, their gradients, logits, loss, optimizer. For precisions bf16 and fp16; runs before all other passes.
 * @throws ERR_GRAPH if another pass has decided about memory already
 */
export function halveImages(graph: Graph, half: DType): Graph {
  if (decidesAboutMemory(graph)) {
    throw new SaturnnError('ERR_GRAPH', 'images are halved before the other passes: compile the graph as it was then');
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

  /** What stands for a tensor of the graph, as its node gives it now. */
  readonly #remade = new Map<Tensor, Tensor>();
  /** Of those: their copies in the other dtype. */
  readonly #copies = new Map<Tensor, Tensor>();

  /** The node for the new graph; its inputs' nodes were remade before. */
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

  /** What stands for a tensor, an image in this dtype. */
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
