import { invalid, SaturnnError } from '../errors';
import type { NodeDescription, PlanDescription, TensorDescription } from '../runtime/native';
import { Parameter, StateBuffer } from '../tensor/state';
import type { ArenaOwner, Node, Tensor } from '../tensor/tensor';
import type { Graph } from './graph';

/** A graph in the form that the native side compiles, with what TypeScript needs to know about it. */
export interface Lowered {
  /** The plan for the native side. */
  readonly description: PlanDescription;
  /** The State whose tensors the plan reads or writes; null: none. */
  readonly state: ArenaOwner | null;
  /** The graph's nodes in the order of description.nodes. */
  readonly nodes: readonly Node[];
  /** The input tensors in the order of description.inputs. */
  readonly inputs: readonly Tensor[];
}

/** The options of a plan that lowering only passes on. */
export type LowerOptions = Pick<PlanDescription, 'options' | 'replay' | 'poison'>;

/**
 * Returns the description of a graph for the native side: tensors and nodes as flat lists that refer to each other by index.
 * @throws ERR_GRAPH for a graph with tensors of two States or of none, two inputs of one name, or two sets of gradients in
 * one State
 */
export function lower(graph: Graph, options: LowerOptions): Lowered {
  return new Lowering(graph, options).run();
}

class Lowering {
  readonly #tensors: TensorDescription[] = [];
  readonly #ids = new Map<Tensor, number>();
  readonly #inputs: Tensor[] = [];
  #state: ArenaOwner | null = null;
  #computesGradients = false;

  constructor(
    readonly graph: Graph,
    readonly options: LowerOptions,
  ) {}

  run(): Lowered {
    const nodes = this.graph.nodes.filter((node) => !node.op.isSource);
    const described = nodes.map((node) => this.#describeNode(node));
    const outputs = Object.entries(this.graph.outputs).map(([name, tensor]) => ({ name, tensor: this.#id(tensor) }));
    const flag = (tensor: Tensor | null) => (tensor ? this.#id(tensor) : -1);
    const inputs = this.#inputs.map((tensor) => ({ name: inputName(tensor), tensor: this.#id(tensor) }));
    const description: PlanDescription = {
      tensors: this.#tensors,
      nodes: described,
      inputs,
      outputs,
      gate: flag(this.graph.gate),
      skip: flag(this.graph.skip),
      ...this.options,
    };
    return { description, state: this.#state, nodes, inputs: this.#inputs };
  }

  #describeNode(node: Node): NodeDescription {
    const { absent, inPlace } = this.graph.memory;
    return {
      op: node.op.name,
      name: node.name,
      attributes: encodeAttributes(node),
      inputs: node.inputs.map((tensor) => (tensor ? this.#id(tensor) : -1)),
      outputs: node.outputs.map((tensor) => (absent.has(tensor) ? -1 : this.#id(tensor))),
      inPlace: node.outputs.map((_, index) => (index === 0 && inPlace.has(node) ? 0 : -1)),
      writes: [...(node.op.writesState ?? [])],
    };
  }

  #id(tensor: Tensor): number {
    const known = this.#ids.get(tensor);
    if (known !== undefined) return known;
    const id = this.#tensors.length;
    this.#ids.set(tensor, id);
    const description: TensorDescription = { dtype: tensor.dtype, shape: [...tensor.shape], image: tensor.image };
    this.#tensors.push(description);
    const placement = this.graph.memory.placements.get(tensor);
    if (placement) {
      description.base = this.#id(placement.base);
      description.offset = placement.offset;
    } else if (tensor.output === 0) {
      this.#place(tensor, description);
    }
    return id;
  }

  #place(tensor: Tensor, description: TensorDescription): void {
    const { source } = tensor.node;
    if (tensor instanceof Parameter || tensor instanceof StateBuffer) {
      const { arena, byteOffset } = this.#bind(tensor.state, tensor.name).placeOf(tensor);
      description.arena = arena;
      description.byteOffset = byteOffset;
    } else if (source?.kind === 'state') {
      this.#bind(source.state, tensor.node.name);
      if (tensor.node.inputs.length > 0) this.#claimGradients();
      description.arena = source.arena;
      description.byteOffset = source.byteOffset;
    } else if (source?.kind === 'constant') {
      description.data = source.data;
    } else if (source?.kind === 'input') {
      const twin = this.#inputs.find((other) => inputName(other) === source.name);
      if (twin) {
        const remedy = 'give each another name, or use one input() in both places';
        throw new SaturnnError('ERR_GRAPH', `two inputs of the graph are called "${source.name}": ${remedy}`);
      }
      this.#inputs.push(tensor);
    }
  }

  /** Checks that the graph packs gradients once: a State has one gradient arena, so a second set would overwrite the first. */
  #claimGradients(): void {
    if (this.#computesGradients) {
      throw new SaturnnError(
        'ERR_GRAPH',
        'a graph may compute the gradients of its State only once (one optimizer update)',
      );
    }
    this.#computesGradients = true;
  }

  #bind<Owner extends ArenaOwner>(state: Owner | null, name: string): Owner {
    if (!state) {
      throw new SaturnnError(
        'ERR_GRAPH',
        `"${name}" belongs to no State: make one with new State(parameters, { buffers })`,
      );
    }
    if (this.#state && this.#state !== state) {
      throw new SaturnnError('ERR_GRAPH', `"${name}" belongs to another State than the rest of this graph`);
    }
    this.#state = state;
    return state;
  }
}

function inputName(tensor: Tensor): string {
  return tensor.node.source?.kind === 'input' ? tensor.node.source.name : tensor.node.name;
}

/**
 * Returns a node's attribute struct (native/shared/backend.h): four bytes a field, little endian.
 * @throws ERR_GRAPH, ERR_INVALID_ARGUMENT
 */
function encodeAttributes(node: Node): Uint8Array {
  if (node.op.encode) return node.op.encode(node);
  const { attributes: fields } = node.op;
  const view = new DataView(new ArrayBuffer(fields.length * 4));
  fields.forEach(([name, type], index) => {
    const value = node.attributes[name];
    if (value === undefined) throw new SaturnnError('ERR_GRAPH', `[${node.op.name}] attribute ${name} is missing`);
    if (type === 'i32') {
      // DataView would silently take the low 32 bits of a larger number.
      if (value !== (value | 0)) throw invalid(`${name} of [${node.op.name}]`, 'a 32-bit integer', value);
      view.setInt32(index * 4, value, true);
    } else view.setFloat32(index * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}
