import { activationOp } from '../../ops/activation';
import { conv2dOp, noActivation } from '../../ops/convolution';
import { makeNode, type Tensor } from '../../tensor/tensor';
import type { Graph } from '../graph';
import { rewriteGraph } from '../rewrite';

/**
 * Replaces a convolution followed by bias and activation by one convolution that does all three. It does not if another node, or
 * an output of the graph, needs the pre-activation; nor if the result is concatenated: convolutions write dense tensors only,
 * while the activation kernel writes into the concatenated buffer, which costs no more than a fused convolution and a copy.
 */
export function fuseConvBiasActivation(graph: Graph): Graph {
  const readers = graph.readers();
  const results = graph.results();
  const joined = (tensor: Tensor | undefined) =>
    tensor !== undefined && (readers.get(tensor) ?? []).some((node) => node.op.gathers === 'channels');
  return rewriteGraph(graph, (node, inputs) => {
    const before = node.inputs[0];
    const [x, activationBias = null] = inputs;
    if (node.op !== activationOp || !before || !x || x.node.op !== conv2dOp) return null;
    const { inputs: convInputs, attributes, name } = x.node;
    const [image = null, weight = null, convBias = null] = convInputs;
    if (attributes.activation !== noActivation || (convBias && activationBias)) return null;
    if (readers.get(before)?.length !== 1 || results.has(before) || joined(node.outputs[0])) return null;
    const fused = {
      ...attributes,
      activation: node.attributes.kind ?? noActivation,
      slope: node.attributes.slope ?? 0,
    };
    const made = {
      order: node.order,
      op: conv2dOp,
      attributes: fused,
      inputs: [image, weight, convBias ?? activationBias],
      name,
      source: null,
    };
    return makeNode(made, node.outputs).outputs;
  });
}
