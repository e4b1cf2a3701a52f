import { dimension } from '../ops/op';
import { blockChannels } from '../runtime/layout';
import type { Node, Tensor } from '../tensor/tensor';
import type { Graph } from './graph';
import { isPointwiseConvolution, isPointwiseDgrad, isPointwiseWgrad } from './pointwise';
import { attributesKey, SharedTensors } from './sharedTensors';

/** A backend keeps images of so few channels plain beside blocked ones. */
const mostPixelChannels = 4;

/** The gradients that belong to one group of sibling convolutions. */
export interface GradientFamily {
  /** Each read by one of `wgrads` and one of `dgrads`, where these are not empty, and by nobody else. */
  readonly dys: readonly Tensor[];
  /** In the order of `dys`; or none. */
  readonly wgrads: readonly Node[];
  /** In the order of `dys`, all terms of one sum; or none. */
  readonly dgrads: readonly Node[];
}

/** Finds 1x1 convolutions of one image that can become one convolution, and the same of their gradients. */
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
   * Groups of convolutions, each in execution order. Their readers can read slices, and their weights are given, not computed:
   * those of the last must be there before the first is run.
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

  /** Gradients that are read by the backward passes of siblings alone, and written by what can write slices. */
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
    // Gradients are made in the reverse order of the forward pass, so that this is the order of the convolutions.
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

  /** The node of a group that is run last. */
  last(group: readonly Node[]): Node | undefined {
    return group.reduce<Node | undefined>(
      (latest, node) => (latest && this.#positionOf(latest) > this.#positionOf(node) ? latest : node),
      undefined,
    );
  }

  /** The sum that a gradient is a term of, if it is nothing else. */
  #sumOf({ outputs: [dx] }: Node): Node | null {
    const readers = dx ? this.#readersOf(dx) : [];
    const [sum] = readers;
    return dx && sum?.op.sums && readers.length === 1 && !this.#results.has(dx) ? sum : null;
  }

  /** Whether what the group gives is read only after all of it has been run: then all may be run together, at its end. */
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

  /** What all parts of one image must have in common. */
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

/** Two or more of one key, in their order. */
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

/** Whether a plan that could be blocked still can be if these become one: a few images of a few channels make one that cannot. */
function keepsBlocks(parts: readonly (Tensor | undefined)[]): boolean {
  const channels = parts.map((tensor) => (tensor ? dimension(tensor.shape, 3) : 0));
  const total = channels.reduce((sum, count) => sum + count, 0);
  return total <= mostPixelChannels || channels.some((count) => count > mostPixelChannels);
}
