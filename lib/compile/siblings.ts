import { dimension } from '../ops/op';
import { blockChannels } from '../runtime/layout';
import type { Node, Tensor } from '../tensor/tensor';
import type { Graph } from './graph';
import { isPointwiseConvolution, isPointwiseDgrad, isPointwiseWgrad } from './pointwise';
import { attributesKey, SharedTensors } from './sharedTensors';

/** In a plan with blocked images, images with at most this many channels stay plain (kMaxPixelChannels in layout.cc). */
const mostPixelChannels = 4;

/** The backward passes of a group of sibling convolutions, which can become one wgrad and one dgrad. */
export interface GradientFamily {
  /** The gradients with respect to the convolutions' results. Only the nodes in `wgrads` and `dgrads` read them. */
  readonly dys: readonly Tensor[];
  /** The wgrad of each convolution, in the order of `dys`; empty if no weight needs a gradient. */
  readonly wgrads: readonly Node[];
  /** The dgrad of each convolution, in the order of `dys`, all terms of one sum; empty if the image needs no gradient. */
  readonly dgrads: readonly Node[];
}

/** Finds 1x1 convolutions that read one image and can become one convolution, and their gradients likewise. */
export class Siblings {
  readonly #readers: ReadonlyMap<Tensor, readonly Node[]>;
  readonly #results: ReadonlySet<Tensor>;
  readonly #positions: ReadonlyMap<Node, number>;
  readonly #tensors = new SharedTensors();

  constructor(readonly graph: Graph) {
    this.#readers = graph.readers();
    this.#results = graph.results();
    this.#positions = new Map(graph.nodes.map((node, index) => [node, index]));
  }

  /**
   * Returns groups of convolutions, each in execution order. All their readers can read slices. Their weights are sources, not
   * results of nodes, because the weights of the last must exist before the first runs.
   */
  convolutions(): readonly (readonly Node[])[] {
    const joinable = this.graph.nodes.filter((node) => {
      const [y] = node.outputs;
      const [, ...weights] = node.inputs;
      if (!y || !isPointwiseConvolution(node) || this.#results.has(y)) return false;
      return (
        weights.every((tensor) => !tensor || tensor.node.source) &&
        this.#readersOf(y).every((reader) => reader.op.readsSlices)
      );
    });
    const key = ({ inputs: [x, , bias], attributes, outputs: [y] }: Node) =>
      [this.#id(x), attributesKey(attributes), bias ? 'bias' : '', this.#kind(y)].join('; ');
    return groups(joinable, key).filter((group) => keepsBlocks(group.map(({ outputs: [y] }) => y)));
  }

  /** Returns the families of gradients that only wgrads and dgrads of siblings read, and whose producers can write slices. */
  gradients(): readonly GradientFamily[] {
    const keys = new Map<Tensor, string>();
    const members = new Map<Tensor, { wgrad: Node | undefined; dgrad: Node | undefined }>();
    for (const dy of this.#readers.keys()) {
      if (!dy.image || dy.node.source || !dy.node.op.writesSlices || this.#results.has(dy)) continue;
      const readers = this.#readersOf(dy);
      const wgrads = readers.filter((node) => isPointwiseWgrad(node) && node.inputs[1] === dy);
      const dgrads = readers.filter((node) => isPointwiseDgrad(node) && this.#sumOf(node) !== null);
      const [[wgrad], [dgrad]] = [wgrads, dgrads];
      if (wgrads.length > 1 || dgrads.length > 1 || wgrads.length + dgrads.length !== readers.length) continue;
      members.set(dy, { wgrad, dgrad });
      keys.set(dy, [this.#wgradKey(wgrad), this.#dgradKey(dgrad), this.#kind(dy)].join('; '));
    }
    // The backward pass is made in reverse order, so this is the order of the convolutions.
    const dys = [...keys.keys()].sort((a, b) => b.node.order - a.node.order);
    return groups(dys, (dy) => keys.get(dy) as string)
      .filter(keepsBlocks)
      .map((family) => ({
        dys: family,
        wgrads: family.flatMap((dy) => members.get(dy)?.wgrad ?? []),
        dgrads: family.flatMap((dy) => members.get(dy)?.dgrad ?? []),
      }))
      .filter(({ wgrads }) => this.#readLate(wgrads));
  }

  /** Returns the node of a group that runs last. */
  last(group: readonly Node[]): Node | undefined {
    return group.reduce<Node | undefined>(
      (latest, node) => (latest && this.#positionOf(latest) > this.#positionOf(node) ? latest : node),
      undefined,
    );
  }

  /** Returns the sum that a dgrad is a term of; null if anything else reads it, or nothing does. */
  #sumOf({ outputs: [dx] }: Node): Node | null {
    const readers = dx ? this.#readersOf(dx) : [];
    const [sum] = readers;
    return dx && sum?.op.sums && readers.length === 1 && !this.#results.has(dx) ? sum : null;
  }

  /** Returns whether all readers of the group's results run after its last node, so that one node there can replace the group. */
  #readLate(group: readonly Node[]): boolean {
    const last = this.last(group);
    const readers = group.flatMap(({ outputs }) => outputs.flatMap((tensor) => this.#readersOf(tensor)));
    return !last || readers.every((reader) => this.#positionOf(reader) > this.#positionOf(last));
  }

  #wgradKey(wgrad: Node | undefined): string {
    return wgrad ? `${this.#id(wgrad.inputs[0])}, ${attributesKey(wgrad.attributes)}` : '';
  }

  #dgradKey(dgrad: Node | undefined): string {
    const sum = dgrad && this.#sumOf(dgrad);
    return sum ? `${this.#id(sum.outputs[0])}, ${attributesKey(dgrad.attributes)}` : '';
  }

  /**
   * Returns a key of the properties that all parts of a joined image must share: dtype, and whether its channels fill whole
   * blocks.
   */
  #kind(tensor: Tensor | undefined): string {
    return tensor ? `${tensor.dtype}, ${dimension(tensor.shape, 3) % blockChannels === 0}` : '';
  }

  #readersOf(tensor: Tensor): readonly Node[] {
    return this.#readers.get(tensor) ?? [];
  }

  #positionOf(node: Node): number {
    return this.#positions.get(node) ?? -1;
  }

  #id(tensor: Tensor | null | undefined): number {
    return tensor ? this.#tensors.id(tensor) : -1;
  }
}

/** Returns the groups of two or more items with one key, in their order. */
function groups<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const all = new Map<string, T[]>();
  for (const item of items) {
    const own = key(item);
    const group = all.get(own);
    if (group) group.push(item);
    else all.set(own, [item]);
  }
  return [...all.values()].filter(({ length }) => length > 1);
}

/**
 * Returns false if merging would cost the plan its blocked layout: images narrow enough to stay plain would become one that is
 * too wide for that.
 */
function keepsBlocks(parts: readonly (Tensor | undefined)[]): boolean {
  const channels = parts.map((tensor) => (tensor ? dimension(tensor.shape, 3) : 0));
  const total = channels.reduce((sum, count) => sum + count, 0);
  return total <= mostPixelChannels || channels.some((count) => count > mostPixelChannels);
}
