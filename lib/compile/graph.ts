import { markCopy } from '../copies';
import { invalid, SaturnnError } from '../errors';
import { arrayOf, instance, optional, orNull, record } from '../options/field';
import { Options } from '../options/options';
import { isArray } from '../options/values';
import { type Node, Tensor, tensorField } from '../tensor/tensor';

/** The place of a tensor inside of another tensor. */
export interface Placement {
  /** The tensor that contains it, which may have a placement itself. */
  readonly base: Tensor;
  /** First channel within `base` if that is an image, else first element. */
  readonly offset: number;
}

/** The decisions that passes have made about memory. With none, every tensor has a buffer of its own. */
export interface Memory {
  /** Tensors that lie inside of others. */
  readonly placements: ReadonlyMap<Tensor, Placement>;
  /** Nodes whose output 0 overwrites the buffer of their input 0. */
  readonly inPlace: ReadonlySet<Node>;
  /** Optional outputs (Op.optionalOutputs) that kernels do not compute. */
  readonly absent: ReadonlySet<Tensor>;
}

/** The tensors and nodes that a graph is made for. */
export interface GraphRoots {
  /** Tensors whose values a run returns, by name. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Nodes that write state (assign(), Optimizer.update()). They run last, in the order in which they were made. */
  readonly updates?: readonly Node[];
  /** i32 [1]: a step in which it is not 0 (the gate is closed) writes nothing, and the run ends there. Default: no gate. */
  readonly gate?: Tensor | null;
  /**
   * i32 [1], if the weights have a gate of their own: a step in which it is not 0 does not change them, but the run goes on (loss
   * scaling). Once `gate` is closed, the plan closes this too. Default: none.
   */
  readonly skip?: Tensor | null;
}

/** Accepts a node of a graph. */
const nodeField = instance<Node>(
  'a node, which an optimizer or assign() makes,',
  ({ op, inputs }) => typeof op === 'object' && op !== null && isArray(inputs),
);

const graphRoots = new Options<GraphRoots>(
  'Graph.from()',
  {
    outputs: record('an object of Tensors by name'),
    updates: optional(arrayOf(nodeField, 'an array of nodes')),
    gate: optional(orNull(tensorField)),
    skip: optional(orNull(tensorField)),
  },
  { argument: 'roots' },
);

/** All nodes of one step, in execution order. Immutable: passes make new graphs. Made by Graph.from(). */
export class Graph {
  private constructor(
    /** All nodes that outputs, updates, gate and skip depend on, in execution order; those that write state come last. */
    readonly nodes: readonly Node[],
    /** Tensors whose values a run returns, by name. */
    readonly outputs: Readonly<Record<string, Tensor>>,
    /** Nodes that write state. */
    readonly updates: readonly Node[],
    /** i32 [1]: a step in which it is not 0 writes nothing, and the run ends there. null: no gate. */
    readonly gate: Tensor | null,
    /** i32 [1]: a step in which it is not 0 does not change the weights, and the run goes on. null: none. */
    readonly skip: Tensor | null,
    /** Decisions about memory. @internal */
    readonly memory: Memory,
  ) {}

  /**
   * Returns the graph of all nodes that the outputs, updates, gate and skip depend on.
   * @param roots `outputs`: tensors by name, may be {}; `updates`: nodes that write state, default none; `gate`, `skip`: i32 [1],
   * default none
   * @throws ERR_GRAPH if a node in `updates` writes no state, or there is neither an output nor an update;
   * ERR_INVALID_ARGUMENT for an output that is not a Tensor
   */
  static from(roots: GraphRoots): Graph;
  /** Makes a graph with decisions about memory. @throws as without them @internal */
  static from(roots: GraphRoots, memory: Memory): Graph;
  static from(given: GraphRoots, memory: Memory = noMemory): Graph {
    // A Graph has the members of roots, and more.
    const roots = given instanceof Graph ? given : graphRoots.check(given);
    const { outputs, updates = [], gate = null, skip = null } = roots;
    for (const [name, tensor] of Object.entries(outputs)) {
      if (!(tensor instanceof Tensor)) throw invalid(`output "${name}"`, 'a Tensor', tensor);
    }
    for (const node of updates) {
      if (!node.op.writesState) {
        throw new SaturnnError(
          'ERR_GRAPH',
          `Expected nodes that write state for updates but received "${node.op.name}"`,
        );
      }
    }
    const last = [...Object.values(outputs).map((tensor) => tensor.node), ...updates];
    if (last.length === 0) throw new SaturnnError('ERR_GRAPH', 'a graph needs at least one output or update');
    for (const flag of [gate, skip]) if (flag) last.push(flag.node);
    return new Graph(schedule(reachable(last)), outputs, updates, gate, skip, memory);
  }

  /** Returns a graph of the same nodes, with the given decisions about memory in place of its own. @internal */
  withMemory(memory: Partial<Memory>): Graph {
    return new Graph(this.nodes, this.outputs, this.updates, this.gate, this.skip, { ...this.memory, ...memory });
  }

  /**
   * Returns the nodes that read each tensor; a node is listed once for each input that is this tensor. Tensors that no node reads
   * have no entry, even if they are outputs, gate or skip: see results().
   */
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

  /** Returns the tensors that are read after the nodes have run: outputs, gate and skip. */
  results(): ReadonlySet<Tensor> {
    const results = new Set(Object.values(this.outputs));
    for (const flag of [this.gate, this.skip]) if (flag) results.add(flag);
    return results;
  }
}

markCopy(Graph);

/** No decisions: every tensor has a buffer of its own. */
const noMemory: Memory = { placements: new Map(), inPlace: new Set(), absent: new Set() };

/** Returns whether a pass has made a decision about memory already. */
export function decidesAboutMemory({ memory: { placements, inPlace, absent } }: Graph): boolean {
  return placements.size + inPlace.size + absent.size > 0;
}

/** Returns `roots` and all nodes that they depend on, sources included. */
export function reachable(roots: readonly Node[]): Set<Node> {
  const found = new Set<Node>(roots);
  for (const node of found) {
    for (const tensor of node.inputs) if (tensor) found.add(tensor.node);
  }
  return found;
}

/**
 * Returns the nodes in topological order; of those that are ready, the smallest `order` comes first. Since gradient() makes the
 * backward pass in reverse order, the memory of each activation is free as early as possible. Nodes that write state come after
 * all others, which have then read the old values.
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

/** Accepts a Graph. */
export const graphField = instance<Graph>('a Graph', (value) => value instanceof Graph);
