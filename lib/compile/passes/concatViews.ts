import { dimension } from '../../ops/op';
import type { Node, Tensor } from '../../tensor/tensor';
import type { Graph, Placement } from '../graph';

/**
 * Removes the copies of concatenation and slicing: the inputs of a concatenation, or of the gradient arena, are written to their
 * place inside of it by the kernels that make them, and a slice is read in its place. Channel slices are only used between
 * kernels that can address them (Op.readsSlices, Op.writesSlices; convolutions cannot). A part of a flat buffer is an ordinary
 * tensor for every kernel. Inputs that cannot be placed are copied by the kernel that gathers them.
 */
export function concatViews(graph: Graph): Graph {
  const readers = graph.readers();
  const results = graph.results();
  const placements = new Map<Tensor, Placement>(graph.memory.placements);
  // A tensor that an earlier pass lets a kernel overwrite must not share its buffer.
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

/** Returns the first channel or element of a view within the tensor that it is a part of. */
function offsetInView({ op, attributes }: Node, x: Tensor): number {
  if (op.isView === 'elements') return (attributes.firstRow ?? 0) * (x.size / dimension(x.shape, 0));
  return attributes.channelOffset ?? 0;
}

/** Returns the first channel or element of each input within the output of a gathering node. */
function offsets(node: Node): number[] {
  let next = 0;
  return node.inputs.map((tensor, index) => {
    if (node.op.gathers === 'elements') return node.attributes[`offset${index}`] ?? 0;
    const offset = next;
    next += tensor ? dimension(tensor.shape, 3) : 0;
    return offset;
  });
}
