/** Makes a model of its description in a model file, by the public functions of the ops. The description may come from anywhere. */
import { invalid, SaturnnError, show } from '../../errors';
import { contextOf, type ForwardContext, inference, TrainingContext, within } from '../../layers/context';
import type { Initializer } from '../../layers/initializers';
import { ops } from '../../ops';
import { nearestName } from '../../options/nearest';
import type { TypedArray } from '../../runtime/native';
import { Parameter, StateBuffer } from '../../tensor/state';
import { constant, input, type Node, type Op, type SavedInputs, sizeOf, type Tensor } from '../../tensor/tensor';
import { classesRange, type Model } from '../model';
import type { SavedNetwork, SavedNode, SavedPass, SavedReference, SavedSize } from './form';

/** The values of a file's tensor. */
export interface SavedValues {
  readonly shape: readonly number[];
  readonly data: unknown;
}

/** The parts of a Model that its description holds. */
export type RebuiltModel = Pick<Model, 'classes' | 'inputShape' | 'parameters' | 'forward'> & {
  readonly buffers: readonly StateBuffer[];
};

/** The ops that a forward pass may hold, by name. */
const knownOps: ReadonlyMap<string, Op> = new Map(ops.filter(({ saved }) => saved).map((op) => [op.name, op]));

const fail = (message: string) => new SaturnnError('ERR_DATA', message);

/**
 * Makes a model whose parameters and buffers begin with the values of a file. Both passes are made once, for two images, so that what
 * is wrong with them is known here.
 * @param network what checkForm() has returned
 * @param tensors the tensors of the file: the first values of parameters and buffers, and constants
 * @param fresh initialisers of the parameters, by name, whose first values are not those of the file. Default: none
 * @throws ERR_DATA naming the node or tensor that is wrong
 */
export function rebuildNetwork(
  network: SavedNetwork,
  tensors: ReadonlyMap<string, SavedValues>,
  fresh: ReadonlyMap<string, Initializer> = new Map(),
): RebuiltModel {
  const { parameters, buffers } = network;
  const used = new Set([...parameters, ...buffers].map(({ name }) => name));
  const own = (shape: readonly number[], name: string) => floatsOf(tensors, name, shape, used);
  const sources: Sources = {
    parameters: parameters.map(({ name, shape, decay }) => {
      const initializer = fresh.get(name);
      if (initializer) return new Parameter({ name, shape, decay, initialize: (random) => initializer(shape, random) });
      own(shape, name);
      // Read when they are asked for, so that the values need not be in memory twice.
      return new Parameter({ name, shape, decay, initialize: () => own(shape, name) });
    }),
    buffers: buffers.map(({ name, shape }) => new StateBuffer({ name, shape, values: own(shape, name) })),
    named: new Map(),
    constants: constantsOf(network, tensors),
  };
  for (const part of [...sources.parameters, ...sources.buffers]) {
    if (sources.named.has(part.name)) throw fail(`its graph has two parameters or buffers ${show(part.name)}`);
    sources.named.set(part.name, part);
  }
  if (parameters.length === 0) throw fail('its graph has no parameters');
  const inputShape = inputShapeOf(network.inference);
  const { inference: inferred, training = inferred } = network;
  const model = { inputShape, parameters: sources.parameters, buffers: sources.buffers };
  const classes = checkPass('inference', inferred, inputShape, sources);
  if (training !== inferred && checkPass('training', training, inputShape, sources) !== classes)
    throw fail('its graph has other classes in training than in inference');
  const forward = (x: Tensor, given?: ForwardContext): Tensor => {
    const context = contextOf(given);
    const pass = training === inferred || !context.training ? inferred : training;
    return within(context, () => new Pass(pass, sources).make(x, context));
  };
  return { ...model, classes, forward };
}

/** The tensors that the nodes of every pass may read beside their inputs. */
interface Sources {
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly StateBuffer[];
  readonly named: Map<string, Parameter | StateBuffer>;
  readonly constants: ReadonlyMap<string, Tensor>;
}

/**
 * Returns the values of a tensor of a file.
 * @param used names of all tensors that the network has, which are not suggested in place of another one
 * @throws ERR_DATA naming the tensor if there is none, with the nearest name, or it has another shape: before anything is allocated,
 * because the sizes in a damaged or hostile file may be huge
 */
export function floatsOf(
  tensors: ReadonlyMap<string, SavedValues>,
  name: string,
  shape: readonly number[],
  used: ReadonlySet<string>,
): Float32Array {
  const tensor = tensors.get(name);
  if (!(tensor?.data instanceof Float32Array)) {
    const nearest = nearestName(
      name,
      [...tensors.keys()].filter((other) => !used.has(other)),
    );
    const hint = nearest === null ? '' : ` (the nearest name that it has is ${show(nearest)})`;
    throw fail(`it has no F32 tensor ${show(name)}${hint}`);
  }
  if (String(tensor.shape) !== String(shape))
    throw fail(`expected shape [${shape}] for ${show(name)} but received [${tensor.shape}]`);
  return tensor.data;
}

function constantsOf(network: SavedNetwork, tensors: ReadonlyMap<string, SavedValues>): ReadonlyMap<string, Tensor> {
  const passes = [network.inference, ...(network.training ? [network.training] : [])];
  const nodes = passes.flatMap(({ nodes }) => nodes).filter(({ op }) => op === 'constant');
  const made = new Map<string, Tensor>();
  for (const { tensor: name = '', shape } of nodes) {
    const values = tensors.get(name);
    if (!values) throw fail(`it has no tensor ${show(name)}, a constant of its graph`);
    if (String(values.shape) !== String(shape))
      throw fail(`expected shape [${shape}] for the constant ${show(name)} but received [${values.shape}]`);
    if (!made.has(name)) made.set(name, constant(values.data as TypedArray, shape as readonly number[]));
  }
  return made;
}

function inputShapeOf({ nodes: [first] }: SavedPass): [number, number, number] {
  const [batch, ...shape] = first?.shape ?? [];
  const isInput = first?.op === 'input' && first.name === 'images' && batch === 'N' && shape.length === 3;
  if (!isInput || shape.includes('N'))
    throw fail('its graph does not begin with the input images [N, height, width, channels]');
  return shape as [number, number, number];
}

/** Makes a pass for two images, checks every node against its description, and returns the number of classes. @throws ERR_DATA */
function checkPass(which: string, pass: SavedPass, inputShape: readonly number[], sources: Sources): number {
  const images = input('images', [checkedBatch, ...inputShape]);
  const context = which === 'training' ? new TrainingContext(input('counter', [2], { dtype: 'i32' })) : inference;
  const maker = new Pass(pass, sources);
  let place = `the ${which} pass`;
  try {
    pass.nodes.forEach((node, index) => {
      place = `node ${index} (${show(node.op)} ${show(node.name ?? node.op)}) of the ${which} pass`;
      checkNode(node, maker.add(node, images, context), maker);
    });
    place = `the result of the ${which} pass`;
    for (const { buffer, value } of pass.remember ?? []) checkRemembered(maker, buffer, value);
    const { shape, dtype } = maker.find(pass.logits);
    const [rows, classes = 0, ...rest] = shape;
    const [least, most] = classesRange;
    const fits = rows === checkedBatch && rest.length === 0 && dtype === 'f32' && classes >= least && classes <= most;
    if (!fits)
      throw fail(`it has shape [${shape}] for ${checkedBatch} images, and should have [N, ${least} to ${most}]`);
    return classes;
  } catch (error) {
    if (!(error instanceof SaturnnError)) throw error;
    throw new SaturnnError('ERR_DATA', `${place} of its graph: ${error.message}`, { cause: error });
  }
}

/** Number of images for which passes are checked: batch normalisation needs two. */
const checkedBatch = 2;

function checkRemembered(maker: Pass, buffer: string, value: SavedReference): void {
  const target = maker.find(buffer);
  const { shape, dtype, image } = maker.find(value);
  if (!(target instanceof StateBuffer)) throw fail(`${show(buffer)}, whose value it sets, is no buffer`);
  if (String(shape) !== String(target.shape) || dtype !== 'f32' || image)
    throw fail(`${show(buffer)} of shape [${target.shape}] cannot be set to a value of shape [${shape}]`);
}

/**
 * Checks that a node that was made is the described one: the functions of the ops have checked inputs and options, but may have made
 * other nodes, for example none for the sum of one tensor.
 */
function checkNode(described: SavedNode, made: Tensor, maker: Pass): void {
  const { op, inputs = [], options = {}, shape } = described;
  const { node } = made;
  if (!node.source) checkOp({ op, inputs, options }, node, maker);
  const expected = shape.map((size: SavedSize) => (size === 'N' ? checkedBatch : size));
  if (String(expected) !== String(made.shape))
    throw fail(`it says shape [${shape}], but for ${checkedBatch} images it has [${made.shape}]`);
  if (sizeOf(made.shape) > 2 ** 31 - 1) throw fail(`its shape [${shape}] has 2^31 elements or more`);
}

function checkOp(
  { op, inputs, options }: Required<Pick<SavedNode, 'op' | 'inputs' | 'options'>>,
  node: Node,
  maker: Pass,
): void {
  const has = node.op.saved?.options(node) ?? {};
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(has, name));
  if (unknown !== undefined) throw fail(`it has an option ${show(unknown)}, which ${op} does not have`);
  const isSame =
    inputs.length === node.inputs.length && inputs.every((one, at) => maker.findOrNull(one) === node.inputs[at]);
  if (node.op.name !== op || !isSame) throw fail(`${show(op)} does not take these ${inputs.length} inputs`);
}

/** Makes the nodes of one pass. */
class Pass {
  readonly #made: Tensor[] = [];

  constructor(
    private readonly pass: SavedPass,
    private readonly sources: Sources,
  ) {}

  /** Makes all nodes, and returns the logits. */
  make(images: Tensor, context: ForwardContext): Tensor {
    for (const node of this.pass.nodes) this.add(node, images, context);
    for (const { buffer, value } of this.pass.remember ?? [])
      context.remember(this.find(buffer) as StateBuffer, () => this.find(value));
    return this.find(this.pass.logits);
  }

  /** Makes the next node, and returns its output 0. */
  add(node: SavedNode, images: Tensor, context: ForwardContext): Tensor {
    const made = this.#make(node, images, context);
    this.#made.push(made);
    return made;
  }

  #make(
    { op: name, name: layer = name, inputs = [], options = {}, tensor = '' }: SavedNode,
    images: Tensor,
    context: ForwardContext,
  ) {
    if (name === 'input') return layer === 'images' ? images : counterOf(layer, context);
    if (name === 'constant') return this.sources.constants.get(tensor) as Tensor;
    const op = knownOps.get(name);
    if (!op?.saved) throw unknownOp(name);
    const read = inputs.map((reference) => this.findOrNull(reference));
    return op.saved.make(read as unknown as SavedInputs, options, layer);
  }

  /** Returns the tensor to which a reference refers; null for null. @throws ERR_DATA if there is none */
  findOrNull(reference: SavedReference): Tensor | null {
    return reference === null ? null : this.find(reference);
  }

  /** Returns the tensor to which a reference refers. @throws ERR_DATA if there is none */
  find(reference: SavedReference): Tensor {
    if (typeof reference === 'string') {
      const named = this.sources.named.get(reference);
      if (named) return named;
      const nearest = nearestName(reference, [...this.sources.named.keys()]);
      throw fail(
        `it reads ${show(reference)}, which is no parameter or buffer${nearest === null ? '' : `: did you mean ${show(nearest)}?`}`,
      );
    }
    const [node, output] = typeof reference === 'object' ? (reference ?? [-1, 0]) : [reference, 0];
    const tensor = output === 0 ? this.#made[node] : this.#made[node]?.node.outputs[output];
    if (!tensor) throw fail(`it reads ${JSON.stringify(reference)}, which is no output of a node before it`);
    return tensor;
  }
}

function counterOf(name: string, { counter }: ForwardContext): Tensor {
  if (name !== 'counter') throw fail(`an input is images or counter, not ${show(name)}`);
  if (!counter) throw invalid('context.counter', 'the counter of a State, which this model needs in training', counter);
  return counter;
}

function unknownOp(name: string): SaturnnError {
  const known = [...knownOps.keys()];
  const nearest = nearestName(name, known);
  const advice = nearest === null ? `it knows ${known.join(', ')}` : `did you mean ${show(nearest)}?`;
  return fail(`this version of saturnn has no op ${show(name)} for forward passes: ${advice}`);
}
