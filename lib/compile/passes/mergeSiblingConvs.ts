import { addOp, concatOp, sliceOp } from '../../ops/channels';
import { joinRows, rows } from '../../ops/data';
import { dimension, first } from '../../ops/op';
import { makeNode, type Node, type Tensor } from '../../tensor/tensor';
import { decidesAboutMemory, type Graph } from '../graph';
import { rewriteGraph } from '../rewrite';
import { SharedTensors } from '../sharedTensors';
import { type GradientFamily, Siblings } from '../siblings';

/**
 * 1x1 convolutions that read one image -> one convolution, whose parts are slices of a dense result: the image is read once,
 * and one large product of matrices is faster than some small ones. Their activations read the slices where they lie and
 * write each to its own place, joined or dense. In the backward pass the activations' gradients write slices of one image, of
 * which one dgrad makes what was a sum of several (the sum is gone, or has fewer terms), and one wgrad all their weights'
 * gradients. Weights are joined by a copy; it is small beside the images. Stops where somebody needs a part dense: another
 * convolution, or the graph's outputs. A graph whose memory has been decided about stays as it is.
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
  /** What each group of convolutions has become, and the slices of it. */
  readonly #merged = new Map<readonly Node[], Tensor>();
  readonly #parts = new Set<Tensor>();
  /** Of wgrads whose group is not complete yet: their inputs as rewritten. */
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

  /** The slice that stands for one convolution; the first of a group makes the convolution itself. */
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
    // Orders are integers: right after the convolution, and before everything else.
    const order = merged.node.order + index / group.length;
    const part = first(makeNode({ ...node, order, op: sliceOp, attributes, inputs: [merged] }, [y]).outputs);
    this.#parts.add(part);
    return part;
  }

  /**
   * What reads a slice, and nothing else that is computed, is run as soon as the convolution has been: a cache may still hold
   * its result, and all of its memory is free thereafter. Null for other nodes.
   */
  #rightAfter(node: Node, inputs: Inputs): readonly Tensor[] | null {
    const [part, ...others] = inputs.filter((tensor) => tensor && !tensor.node.source);
    if (!part || !this.#parts.has(part) || others.length > 0 || node.op.writesState) return null;
    return makeNode({ ...node, order: part.node.order, inputs }, node.outputs).outputs;
  }

  /** One wgrad where the last of a group stood: by then all gradients are there, and nobody has read any result. */
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

  /** A sum in which one dgrad stands for those of each family; or that dgrad, if nothing else is left. */
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
    // As they have been remade, whatever they read.
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

/** A new tensor, run at the time of those that it belongs to. */
const ordered = ({ node }: Tensor, order: number): Tensor => first(makeNode({ ...node, order }, node.outputs).outputs);

const channelsOf = (images: readonly Tensor[]): number =>
  images.reduce((sum, { shape }) => sum + dimension(shape, 3), 0);

/** "3a/1x1" and "3a/3x3r" -> "3a/1x1+3x3r". */
export function joinNames(nodes: readonly Node[]): string {
  const names = nodes.map(({ name }) => name);
  const folder = names[0]?.slice(0, names[0].lastIndexOf('/') + 1) ?? '';
  return names.every((name) => name.startsWith(folder))
    ? folder + names.map((name) => name.slice(folder.length)).join('+')
    : names.join('+');
}
