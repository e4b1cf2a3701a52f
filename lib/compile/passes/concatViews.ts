import { dimension } from '../../ops/op';
import type { Node, Tensor } from '../../tensor/tensor';
import type { Graph, Placement } from '../graph';

/**
 * Makes joining and slicing free: what a concatenation or a gradient arena gathers is written into its place by its
 * producer, and a slice is read where it lies. Channel slices only between kernels that can address them (convolutions
 * cannot); a part of a flat buffer is an ordinary tensor for every kernel. What stays is copied by the gathering kernel.
 */
export function concatViews(graph: Graph): Graph {
  const readers = graph.readers();
  const results = graph.results();
  const placements = new Map<Tensor, Placement>(graph.memory.placements);
  // What an earlier pass lets a kernel overwrite must have a buffer that nobody else lies in.
  const overwritten = new Set([...graph.memory.inPlace].map((node) => node.inputs[0]));
  const isFree = (tensor: Tensor) =>
    !tensor.node.source && !placements.has(tensor) && !results.has(tensor) && !overwritten.has(tensor);
  const readAsSlice = (tensor: Tensor) => (readers.get(tensor) ?? []).every((node) => node.op.readsSlices);

  for (const node of graph.nodes) {
    const [output] = node.outputs;
    if (!output) continue;
    if (node.op.isView) {
      const [x] = node.inputs;
      const addressable = node.op.isView === 'elements' || readAsSlice(output);
      if (x && !x.node.source && isFree(output) && addressable) {
        placements.set(output, { base: x, offset: offsetInView(node, x) });
      }
    } else if (node.op.gathers && !overwritten.has(output)) {
      offsets(node).forEach((offset, index) => {
        const tensor = node.inputs[index];
        if (!tensor || !isFree(tensor)) return;
        const addressable = node.op.gathers === 'elements' || (tensor.node.op.writesSlices && readAsSlice(tensor));
        if (addressable) placements.set(tensor, { base: output, offset });
      });
    }
  }
  return graph.withMemory({ placements });
}

/** First channel or element of a view in what it is a part of. */
function offsetInView({ op, attributes }: Node, x: Tensor): number {
  if (op.isView === 'elements') return (attributes.firstRow ?? 0) * (x.size / dimension(x.shape, 0));
  return attributes.channelOffset ?? 0;
}

/** First channel or element of each input in the output of a gathering node. */
function offsets(node: Node): number[] {
  let next = 0;
  return node.inputs.map((tensor, index) => {
    if (node.op.gathers === 'elements') return node.attributes[`offset${index}`] ?? 0;
    const offset = next;
    next += tensor ? dimension(tensor.shape, 3) : 0;
    return offset;
  });
}
