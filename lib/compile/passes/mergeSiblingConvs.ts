import { addOp, concatOp, sliceOp } from '../../ops/channels';
import { joinRows, rows } from '../../ops/data';
import { dimension, first } from '../../ops/op';
import { makeNode, type Node, type Tensor } from '../../tensor/tensor';
import { decidesAboutMemory, type Graph } from '../graph';
import { rewriteGraph } from '../rewrite';
import { SharedTensors } from '../sharedTensors';
import { type GradientFamily, Siblings } from '../siblings';

/**
 * Merges 1x1 convolutions that read one image into one convolution, whose result holds theirs as slices: the image is read
 * once, and one large matrix product is faster than several small ones. The activations read the slices in place, and each
 * writes its result where it is needed, dense or in a concatenation. In the backward pass the activations' gradients write
 * slices of one image; one wgrad makes the gradients of all weights from it, and one dgrad replaces a sum of several (the sum
 * disappears, or has fewer terms). Weights are joined by a copy, which is small compared with the images. Convolutions stay
 * apart if their result must be dense, for another convolution or as an output. A graph with decisions about memory is
 * returned unchanged.
 */
export function mergeSiblingConvs(graph: Graph): Graph {
  return decidesAboutMemory(graph) ? graph : new Merging(graph).run();
}

type Inputs = readonly (Tensor | null)[];

class Merging {
  readonly #siblings: Siblings;
  readonly #shared = new SharedTensors();
  readonly #convolutions = new Map<Node, readonly Node[]>();
  readonly #wgrads = new Map<Node, readonly Node[]>();
  readonly #dgrads = new Map<Tensor, GradientFamily>();
  /** The merged convolution of each group. */
  readonly #merged = new Map<readonly Node[], Tensor>();
  /** The slices of all merged convolutions. */
  readonly #parts = new Set<Tensor>();
  /** The rewritten inputs of each wgrad that was reached so far. */
  readonly #inputs = new Map<Node, Inputs>();

  constructor(readonly graph: Graph) {
    this.#siblings = new Siblings(graph);
    for (const group of this.#siblings.convolutions()) for (const node of group) this.#convolutions.set(node, group);
    for (const family of this.#siblings.gradients()) {
      for (const node of family.wgrads) this.#wgrads.set(node, family.wgrads);
      for (const node of family.dgrads) this.#dgrads.set(first(node.outputs), family);
    }
  }

  run(): Graph {
    return rewriteGraph(this.graph, (node, inputs) => {
      const convolutions = this.#convolutions.get(node);
      if (convolutions) return [this.#partOf(convolutions, node, inputs)];
      const wgrads = this.#wgrads.get(node);
      if (wgrads) return this.#mergeWgrads(wgrads, node, inputs);
      const terms = node.op.sums ? this.#mergeTerms(node, inputs) : null;
      return terms ?? this.#rightAfter(node, inputs);
    });
  }

  /** Returns the slice that replaces one convolution; for the first of a group, makes the merged convolution too. */
  #partOf(group: readonly Node[], node: Node, [x = null]: Inputs): Tensor {
    const y = first(node.outputs);
    let merged = this.#merged.get(group);
    if (!merged) {
      const [, weights, biases] = [0, 1, 2].map((index) => group.flatMap((member) => member.inputs[index] ?? []));
      const bias = biases?.length ? this.#joined(biases, group) : null;
      const inputs = [x, this.#joined(weights ?? [], group), bias];
      const shape = [...y.shape.slice(0, 3), channelsOf(group.map(({ outputs }) => first(outputs)))];
      merged = first(makeNode({ ...node, inputs, name: joinNames(group) }, [{ ...y, shape }]).outputs);
      this.#merged.set(group, merged);
    }
    const index = group.indexOf(node);
    const before = group.slice(0, index).map(({ outputs }) => first(outputs));
    const attributes = { channelOffset: channelsOf(before), channels: channelsOf([y]) };
    // Orders of other nodes are integers, so the slices come right after the convolution.
    const order = merged.node.order + index / group.length;
    const part = first(makeNode({ ...node, order, op: sliceOp, attributes, inputs: [merged] }, [y]).outputs);
    this.#parts.add(part);
    return part;
  }

  /**
   * Makes a node whose only computed input is a slice run right after the convolution: the slice may still be in a cache, and the
   * convolution's memory is free early. Returns null for other nodes.
   */
  #rightAfter(node: Node, inputs: Inputs): readonly Tensor[] | null {
    const [part, ...others] = inputs.filter((tensor) => tensor && !tensor.node.source);
    if (!part || !this.#parts.has(part) || others.length > 0 || node.op.writesState) return null;
    return makeNode({ ...node, order: part.node.order, inputs }, node.outputs).outputs;
  }

  /**
   * Makes one wgrad in place of the last of a group: all gradients exist by then, and no result has been read. Null for the
   * others.
   */
  #mergeWgrads(group: readonly Node[], node: Node, inputs: Inputs): ReadonlyMap<Tensor, Tensor> | null {
    this.#inputs.set(node, inputs);
    if (node !== this.#siblings.last(group)) return null;
    const dy = this.#gathered(
      group.flatMap((member) => this.#inputs.get(member)?.[1] ?? []),
      group,
    );
    const channels = dimension(dy.shape, 3);
    const specs = node.outputs.map((tensor) => ({ ...tensor, shape: [channels, ...tensor.shape.slice(1)] }));
    const merged = makeNode({ ...node, inputs: [inputs[0] ?? null, dy], name: joinNames(group) }, specs);
    const parts = new Map<Tensor, Tensor>();
    let firstRow = 0;
    for (const member of group) {
      const count = dimension(first(member.outputs).shape, 0);
      member.outputs.forEach((tensor, index) => {
        const part = rows(merged.outputs[index] as Tensor, { firstRow, count, name: member.name });
        parts.set(tensor, ordered(part, node.order));
      });
      firstRow += count;
    }
    return parts;
  }

  /**
   * Makes a sum in which one dgrad replaces those of each family, or returns that dgrad if it is the only term. Null for
   * other sums.
   */
  #mergeTerms(node: Node, inputs: Inputs): readonly Tensor[] | null {
    const families = new Set(node.inputs.flatMap((tensor) => (tensor && this.#dgrads.get(tensor)) ?? []));
    if (families.size === 0) return null;
    const others = inputs.filter((_, index) => !this.#dgrads.has(node.inputs[index] as Tensor));
    const terms = [...others, ...[...families].map((family) => this.#mergedDgrad(family, node, inputs))];
    const [only] = terms;
    if (terms.length === 1 && only) return [only];
    return makeNode({ ...node, op: addOp, inputs: terms }, node.outputs).outputs;
  }

  #mergedDgrad({ dgrads }: GradientFamily, sum: Node, inputs: Inputs): Tensor {
    // The dgrads of the new graph: earlier steps may have replaced their inputs.
    const remade = dgrads.flatMap(({ outputs: [dx] }) => inputs[sum.inputs.indexOf(dx as Tensor)]?.node ?? []);
    const dy = this.#gathered(
      remade.flatMap((node) => node.inputs[0] ?? []),
      dgrads,
    );
    const weight = this.#joined(
      remade.flatMap((node) => node.inputs[1] ?? []),
      dgrads,
    );
    const [model] = dgrads as readonly [Node];
    const made = { ...model, order: sum.order, inputs: [dy, weight], name: joinNames(dgrads) };
    return first(makeNode(made, [first(sum.outputs)]).outputs);
  }

  #joined(tensors: readonly Tensor[], group: readonly Node[]): Tensor {
    const order = Math.min(...group.map((node) => node.order));
    return this.#shared.get('rows', tensors, () => ordered(joinRows(tensors, joinNames(group)), order));
  }

  #gathered(dys: readonly Tensor[], group: readonly Node[]): Tensor {
    return this.#shared.get('channels', dys, () => {
      const [dy] = dys as readonly [Tensor];
      const shape = [...dy.shape.slice(0, 3), channelsOf(dys)];
      const order = Math.max(...dys.map(({ node }) => node.order));
      const node = { order, op: concatOp, attributes: {}, inputs: dys, name: joinNames(group), source: null };
      return first(makeNode(node, [{ ...dy, shape }]).outputs);
    });
  }
}

/** Makes the node of a new tensor again, with another order. */
const ordered = ({ node }: Tensor, order: number): Tensor => first(makeNode({ ...node, order }, node.outputs).outputs);

const channelsOf = (images: readonly Tensor[]): number =>
  images.reduce((sum, { shape }) => sum + dimension(shape, 3), 0);

/** Returns one name for several nodes: "3a/1x1" and "3a/3x3r" give "3a/1x1+3x3r". */
function joinNames(nodes: readonly Node[]): string {
  const names = nodes.map(({ name }) => name);
  const folder = names[0]?.slice(0, names[0].lastIndexOf('/') + 1) ?? '';
  return names.every((name) => name.startsWith(folder))
    ? folder + names.map((name) => name.slice(folder.length)).join('+')
    : names.join('+');
}
