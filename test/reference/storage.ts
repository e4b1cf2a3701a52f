/**
 * Float64 memory for the tensors of a graph, shared as the passes have decided: a tensor may be a part of another (placements),
 * or take the place of its node's first input (inPlace). If a pass allows a tensor to be overwritten that is still read,
 * interpreting the optimised graph with this memory gives wrong results, without any kernel.
 */
import type { Graph } from '../../lib/compile/graph';
import type { Tensor } from '../../lib/tensor/tensor';
import { at, need, type Values, zeros } from './values';

interface Place {
  readonly root: Tensor;
  /** First channel (images) or first element (everything else) within the root. */
  readonly offset: number;
}

export class Storage {
  readonly #buffers = new Map<Tensor, Values>();

  constructor(readonly graph: Graph) {}

  /** Returns a dense copy of the tensor's present value; NaN where nothing was written. */
  read(tensor: Tensor): Values {
    const { buffer, indices } = this.#locate(tensor);
    return {
      shape: tensor.shape,
      data: indices ? gather(buffer.data, indices) : buffer.data.slice(),
    };
  }

  write(tensor: Tensor, { data }: Values): void {
    const { buffer, indices } = this.#locate(tensor);
    if (!indices) buffer.data.set(data);
    else for (let i = 0; i < data.length; i++) buffer.data[at(indices, i)] = at(data, i);
  }

  #locate(tensor: Tensor): { buffer: Values; indices: Int32Array | null } {
    const { root, offset } = this.#place(tensor);
    if (!this.#buffers.has(root)) {
      const fresh = zeros(root.shape);
      fresh.data.fill(Number.NaN);
      this.#buffers.set(root, fresh);
    }
    const buffer = need(this.#buffers.get(root));
    return { buffer, indices: root.size === tensor.size ? null : partOf(tensor, root, offset) };
  }

  #place(tensor: Tensor): Place {
    const { placements, inPlace } = this.graph.memory;
    const placement = placements.get(tensor);
    if (placement) {
      const { root, offset } = this.#place(placement.base);
      return { root, offset: offset + placement.offset };
    }
    const replaced = tensor.output === 0 && inPlace.has(tensor.node) ? tensor.node.inputs[0] : null;
    return replaced ? this.#place(replaced) : { root: tensor, offset: 0 };
  }
}

function gather(data: Float64Array, indices: Int32Array): Float64Array {
  const gathered = new Float64Array(indices.length);
  for (let i = 0; i < indices.length; i++) gathered[i] = at(data, at(indices, i));
  return gathered;
}

/** Returns the index in the root of each element of a part. */
function partOf(tensor: Tensor, root: Tensor, offset: number): Int32Array {
  const own = tensor.image ? at(tensor.shape, 3) : tensor.size;
  const all = tensor.image ? at(root.shape, 3) : root.size;
  const indices = new Int32Array(tensor.size);
  for (let i = 0; i < indices.length; i++) indices[i] = Math.floor(i / own) * all + offset + (i % own);
  return indices;
}
