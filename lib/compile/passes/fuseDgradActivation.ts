import { activationGradientOp } from '../../ops/activation';
import { conv2dDgradActivationOp, conv2dDgradOp, noActivation } from '../../ops/convolution';
import { makeNode, type Tensor } from '../../tensor/tensor';
import type { Graph } from '../graph';
import { rewriteGraph } from '../rewrite';

/**
 * Replaces the dgrad of a convolution, followed by the gradient of the activation before that convolution, by one node: a backend
 * need not write the gradient in between. It does not if another node reads that gradient; if the result is concatenated or y is
 * a slice, because a convolution's operands are dense; or if a pass has decided about the memory of these tensors.
 */
export function fuseDgradActivation(graph: Graph): Graph {
  const readers = graph.readers();
  const results = graph.results();
  const { placements, inPlace } = graph.memory;
  const joined = (tensor: Tensor) => (readers.get(tensor) ?? []).some((node) => node.op.gathers === 'channels');
  return rewriteGraph(graph, (node, inputs) => {
    const [before, activated] = node.inputs;
    const [result] = node.outputs;
    const [between, y] = inputs;
    if (node.op !== activationGradientOp || !before || !activated || !result || !between || !y) return null;
    if (between.node.op !== conv2dDgradOp || readers.get(before)?.length !== 1 || results.has(before)) return null;
    const isDense = !joined(result) && !y.node.op.isView;
    if (!isDense || inPlace.has(node) || [before, activated, result].some((tensor) => placements.has(tensor)))
      return null;
    const made = {
      order: node.order,
      op: conv2dDgradActivationOp,
      attributes: {
        ...between.node.attributes,
        activation: node.attributes.kind ?? noActivation,
        slope: node.attributes.slope ?? 0,
      },
      inputs: [...between.node.inputs, y],
      name: between.node.name,
      source: null,
    };
    return makeNode(made, node.outputs).outputs;
  });
}
