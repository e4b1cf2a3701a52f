import { invalid, SaturnnError } from '../errors';
import { type Node, Tensor } from '../tensor/tensor';

/** Where a tensor lies inside another: first channel of an image, first element of a flat buffer. */
export interface Placement {
  readonly base: Tensor;
  readonly offset: number;
}

/** What passes have decided about memory. Empty in a plain graph: every tensor then has a buffer of its own. */
export interface Memory {
  readonly placements: ReadonlyMap<Tensor, Placement>;
  /** Nodes whose output 0 replaces their input 0. */
  readonly inPlace: ReadonlySet<Node>;
  /** Optional outputs that no kernel writes. */
  readonly absent: ReadonlySet<Tensor>;
}

export interface GraphRoots {
  /** What a run returns, by name. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Nodes that write state: run last, in the order in which they were made. */
  readonly updates?: readonly Node[];
  /** i32 [1]: nothing is written in a step where this is not 0. */
  readonly gate?: Tensor | null;
  /**
   * i32 [1]: what the updates are behind, where that is not the gate itself: a step that skips them for its own reasons does
   * not end the run, but one whose gate is closed closes this too.
   */
  readonly skip?: Tensor | null;
}

/** Everything that one step computes, in execution order. Immutable; passes make new graphs. */
export class Graph {
  private constructor(
    readonly nodes: readonly Node[],
    readonly outputs: Readonly<Record<string, Tensor>>,
    readonly updates: readonly Node[],
    readonly gate: Tensor | null,
    readonly skip: Tensor | null,
    readonly memory: Memory,
  ) {}

  /** The nodes that `roots` need. @throws ERR_GRAPH if `updates` holds a node that writes no state, or nothing is asked for; ERR_INVALID_ARGUMENT */
  static from({ outputs, updates = [], gate = null, skip = null }: GraphRoots, memory: Memory = noMemory): Graph {
    for (const [name, tensor] of Object.entries(outputs)) {
      if (!(tensor instanceof Tensor)) throw invalid(`output "${name}"`, 'a Tensor', tensor);
    }
    for (const node of updates) {
      if (!node.op.writesState) {
        throw new SaturnnError('ERR_GRAPH', `updates: expected nodes that write state but received "${node.op.name}"`);
      }
    }
    const roots = [...Object.values(outputs).map((tensor) => tensor.node), ...updates];
    if (roots.length === 0) throw new SaturnnError('ERR_GRAPH', 'a graph needs at least one output or update');
    for (const flag of [gate, skip]) if (flag) roots.push(flag.node);
    return new Graph(schedule(reachable(roots)), outputs, updates, gate, skip, memory);
  }

  /** The same nodes with other decisions about memory. */
  withMemory(memory: Partial<Memory>): Graph {
    return new Graph(this.nodes, this.outputs, this.updates, this.gate, this.skip, { ...this.memory, ...memory });
  }

  /** Who reads each tensor, once per reading input; graph outputs, gate and skip are not counted. */
  readers(): ReadonlyMap<Tensor, readonly Node[]> {
    const readers = new Map<Tensor, Node[]>();
    for (const node of this.nodes) {
      for (const tensor of node.inputs) {
        if (!tensor) continue;
        const list = readers.get(tensor);
        if (list) list.push(node);
        else readers.set(tensor, [node]);
      }
    }
    return readers;
  }

  /** Tensors that are read after the last node: outputs, gate and skip. */
  results(): ReadonlySet<Tensor> {
    const results = new Set(Object.values(this.outputs));
    for (const flag of [this.gate, this.skip]) if (flag) results.add(flag);
    return results;
  }
}

export const noMemory: Memory = { placements: new Map(), inPlace: new Set(), absent: new Set() };

/** Whether a pass has decided about the memory of some tensor already. */
export function decidesAboutMemory({ memory: { placements, inPlace, absent } }: Graph): boolean {
  return placements.size + inPlace.size + absent.size > 0;
}

/** All nodes from which `roots` are computed, sources included. */
export function reachable(roots: readonly Node[]): Set<Node> {
  const found = new Set<Node>(roots);
  for (const node of found) {
    for (const tensor of node.inputs) if (tensor) found.add(tensor.node);
  }
  return found;
}

/**
 * Topological order; among nodes that are ready, the one made first. Nodes of a backward pass were made in reverse order of
 * the forward pass, so that each activation dies as early as it can. Nodes that write state come after all others:
 * everything else has then read the old values.
 */
export function schedule(nodes: ReadonlySet<Node>): Node[] {
  const waiting = new Map<Node, number>();
  const users = new Map<Node, Node[]>();
  for (const node of nodes) {
    const producers = new Set<Node>();
    for (const tensor of node.inputs) if (tensor) producers.add(tensor.node);
    waiting.set(node, producers.size);
    for (const producer of producers) {
      const list = users.get(producer);
      if (list) list.push(node);
      else users.set(producer, [node]);
    }
  }
  const ready = new Heap([...nodes].filter((node) => waiting.get(node) === 0));
  const ordered: Node[] = [];
  for (let node = ready.pop(); node; node = ready.pop()) {
    ordered.push(node);
    for (const user of users.get(node) ?? []) {
      const left = (waiting.get(user) ?? 0) - 1;
      waiting.set(user, left);
      if (left === 0) ready.push(user);
    }
  }
  return [...ordered.filter((node) => !node.op.writesState), ...ordered.filter((node) => node.op.writesState)];
}

/** A binary heap of nodes, smallest `order` first. */
class Heap {
  readonly #items: Node[] = [];

  constructor(nodes: readonly Node[]) {
    for (const node of nodes) this.push(node);
  }

  push(node: Node): void {
    const items = this.#items;
    items.push(node);
    for (let at = items.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfLess(at, parent)) break;
      at = parent;
    }
  }

  pop(): Node | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last && items.length > 0) {
      items[0] = last;
      for (let at = 0; ; ) {
        const left = 2 * at + 1;
        const right = left + 1;
        const child = right < items.length && this.#less(right, left) ? right : left;
        if (child >= items.length || !this.#swapIfLess(child, at)) break;
        at = child;
      }
    }
    return top;
  }

  #less(a: number, b: number): boolean {
    return (this.#items[a] as Node).order < (this.#items[b] as Node).order;
  }

  #swapIfLess(a: number, b: number): boolean {
    if (!this.#less(a, b)) return false;
    const items = this.#items;
    [items[a], items[b]] = [items[b] as Node, items[a] as Node];
    return true;
  }
}
