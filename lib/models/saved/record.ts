/** Describes a model's forward passes for a model file. */
import { Graph } from '../../compile/graph';
import { SaturnnError } from '../../errors';
import { inference, TrainingContext } from '../../layers/context';
import { dtypeOf } from '../../runtime/dtypes';
import type { TypedArray } from '../../runtime/native';
import { Parameter, StateBuffer } from '../../tensor/state';
import { input, type Node, type Tensor } from '../../tensor/tensor';
import { forwardOf, type Model } from '../model';
import { type SavedNetwork, type SavedNode, type SavedPass, type SavedReference, savedVersion } from './form';

/** A network as a model file holds it. */
export interface RecordedNetwork {
  readonly network: SavedNetwork;
  /** The constants of its passes, by the names of the tensors of the file that hold them. */
  readonly constants: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: TypedArray }>;
}

/** Two numbers of images, whose graphs are compared: batch normalisation needs two images at least. */
const batches = [2, 3] as const;

const fail = (message: string) => new SaturnnError('ERR_GRAPH', message);

/**
 * Describes a model's forward passes.
 * @throws ERR_GRAPH if no file can hold them: a pass that depends on the number of images otherwise than in its shapes, an op that is
 * not for forward passes, an input of its own, or a part of a State; whatever model.forward() throws
 */
export function recordNetwork(model: Model): RecordedNetwork {
  const { parameters, buffers = [] } = model;
  const constants = new Constants([...parameters, ...buffers]);
  const record = (training: boolean) => {
    const [two, three] = batches.map((batch) => recordPass(model, { training, batch, constants }));
    return joined(two as SavedPass, three as SavedPass);
  };
  const [inferred, trained] = [record(false), record(true)];
  const network: SavedNetwork = {
    version: savedVersion,
    parameters: parameters.map(({ name, shape, decay }) => ({ name, shape, decay })),
    buffers: buffers.map(({ name, shape }) => ({ name, shape })),
    inference: inferred,
    ...(JSON.stringify(trained) !== JSON.stringify(inferred) && { training: trained }),
  };
  return { network, constants: constants.byName };
}

interface PassOptions {
  readonly training: boolean;
  readonly batch: number;
  readonly constants: Constants;
}

function recordPass(model: Model, { training, batch, constants }: PassOptions): SavedPass {
  const images = input('images', [batch, ...model.inputShape]);
  const counter = input('counter', [2], { dtype: 'i32' });
  const context = training ? new TrainingContext(counter) : null;
  const logits = forwardOf(model, images, context ?? inference);
  const remembered = [...(context?.remembered ?? [])];
  const values = Object.fromEntries(remembered.map(([{ name }, value]) => [`value of ${name}`, value]));
  const { nodes } = Graph.from({ outputs: { logits, ...values } });
  const recorder = new Recorder(model, { images, counter }, constants);
  // The images come first, so that a reader finds their shape there.
  recorder.addSource(images.node);
  for (const node of nodes) if (node !== images.node) recorder.add(node);
  const refer = (tensor: Tensor) => recorder.refer(tensor);
  return {
    nodes: recorder.nodes,
    logits: refer(logits),
    remember: remembered.map(([{ name }, value]) => ({ buffer: name, value: refer(value) })),
  };
}

/** Lists the nodes of one pass. */
class Recorder {
  readonly nodes: SavedNode[] = [];
  readonly #indices = new Map<Node, number>();
  readonly #known: ReadonlySet<Tensor>;

  constructor(
    { parameters, buffers = [] }: Model,
    private readonly inputs: { readonly images: Tensor; readonly counter: Tensor },
    private readonly constants: Constants,
  ) {
    this.#known = new Set<Tensor>([...parameters, ...buffers]);
  }

  add(node: Node): void {
    if (node.source) this.addSource(node);
    else this.#push(node, this.#describe(node));
  }

  addSource(node: Node): void {
    const { source } = node;
    const [tensor] = node.outputs as [Tensor];
    const { shape } = tensor;
    const { images, counter } = this.inputs;
    if (source?.kind === 'constant') {
      const { data } = source;
      this.#push(node, { op: 'constant', dtype: dtypeOf(data), tensor: this.constants.nameOf(data, shape), shape });
    } else if (tensor === images || tensor === counter) this.#push(node, { op: 'input', name: node.name, shape });
    else if (source?.kind === 'input') throw fail(`its forward pass reads an input of its own, "${source.name}"`);
    else if (!this.#known.has(tensor))
      throw fail(`its forward pass reads "${node.name}", which is no parameter or buffer of the model`);
  }

  /** Returns how nodes refer to a tensor. */
  refer(tensor: Tensor): SavedReference {
    if (tensor instanceof Parameter || tensor instanceof StateBuffer) return tensor.name;
    const index = this.#indices.get(tensor.node) as number;
    return tensor.output === 0 ? index : [index, tensor.output];
  }

  #describe(node: Node): SavedNode {
    const { op, name, inputs, outputs } = node;
    if (!op.saved) throw fail(`no file can hold op ${op.name} ("${name}") in a forward pass`);
    const options = op.saved.options(node);
    return {
      op: op.name,
      ...(name !== op.name && { name }),
      inputs: inputs.map((tensor) => tensor && this.refer(tensor)),
      ...(Object.keys(options).length > 0 && { options }),
      shape: (outputs[0] as Tensor).shape,
    };
  }

  #push(node: Node, described: SavedNode): void {
    this.#indices.set(node, this.nodes.length);
    this.nodes.push(described);
  }
}

/** The constants of all passes: equal ones once, because each pass makes them anew. */
class Constants {
  readonly byName = new Map<string, { shape: readonly number[]; data: TypedArray }>();
  readonly #taken: ReadonlySet<string>;

  constructor(named: readonly { readonly name: string }[]) {
    this.#taken = new Set(named.map(({ name }) => name));
  }

  nameOf(data: TypedArray, shape: readonly number[]): string {
    for (const [name, other] of this.byName) {
      if (String(other.shape) === String(shape) && areEqual(other.data, data)) return name;
    }
    let number = this.byName.size;
    while (this.#taken.has(`constant/${number}`)) number++;
    this.byName.set(`constant/${number}`, { shape, data });
    return `constant/${number}`;
  }
}

function areEqual(a: TypedArray, b: TypedArray): boolean {
  const [first, second] = [a, b].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  return dtypeOf(a) === dtypeOf(b) && (first as Buffer).equals(second as Buffer);
}

/** Joins the passes of two numbers of images: sizes that differ as these do are "N". @throws ERR_GRAPH if anything else differs */
function joined(two: SavedPass, three: SavedPass): SavedPass {
  const ends = ({ logits, remember }: SavedPass) => JSON.stringify([logits, remember]);
  if (two.nodes.length !== three.nodes.length || ends(two) !== ends(three))
    throw fail('its forward pass has other nodes for another number of images');
  return { ...two, nodes: two.nodes.map((node, index) => joinedNode(node, three.nodes[index] as SavedNode)) };
}

function joinedNode(two: SavedNode, three: SavedNode): SavedNode {
  const withoutShape = (node: SavedNode) => JSON.stringify({ ...node, shape: null });
  const shape = two.shape.map((size, axis) => {
    const other = three.shape[axis];
    return size === other ? size : size === batches[0] && other === batches[1] ? 'N' : null;
  });
  const isSame = two.shape.length === three.shape.length && withoutShape(two) === withoutShape(three);
  if (!isSame || shape.includes(null)) {
    const { op, name = op } = two;
    throw fail(`its forward pass depends on the number of images in ${op} "${name}"`);
  }
  return { ...two, shape: shape as SavedNode['shape'] };
}
