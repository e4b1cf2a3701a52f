import { copyOp } from '../../ops/data';
import { first } from '../../ops/op';
import type { DType } from '../../runtime/native';
import { makeNode, type Tensor } from '../../tensor/tensor';
import type { Graph } from '../graph';
import { rewriteGraph } from '../rewrite';
import { SharedTensors } from '../sharedTensors';

/** Index of the weights among the inputs of each op that takes half weights. */
const weightOf: Readonly<Record<string, number>> = { conv2d: 1, conv2dDgrad: 1, conv2dDgradActivation: 1 };

/**
 * Lets convolutions of half images read a half copy of their weights, made once for the forward and the backward pass. Without
 * this pass each kernel makes its own copy, in scratch memory. For backends whose kernels take half weights; it runs after the
 * passes that join weights and before those that decide about memory.
 */
export function halveWeights(graph: Graph, half: DType): Graph {
  const shared = new SharedTensors();
  const halved = (weight: Tensor): Tensor =>
    shared.get('half', [weight], () => {
      const conversion = { ...weight.node, op: copyOp, attributes: { image: 0 }, inputs: [weight], source: null };
      return first(makeNode(conversion, [{ dtype: half, shape: weight.shape, image: false }]).outputs);
    });
  return rewriteGraph(graph, (node, inputs) => {
    const index = weightOf[node.op.name];
    if (index === undefined || inputs[0]?.dtype !== half) return null;
    const remade = inputs.map((tensor, position) => (tensor && position === index ? halved(tensor) : tensor));
    return makeNode({ ...node, inputs: remade }, node.outputs).outputs;
  });
}
