/** The head of a network: the layer whose outputs are the classes. */
import { Graph } from '../compile/graph';
import { type ForwardContext, inference, TrainingContext } from '../layers/context';
import { activationOp } from '../ops/activation';
import { conv2dOp } from '../ops/convolution';
import { linearOp } from '../ops/linear';
import { Parameter } from '../tensor/state';
import { input, type Node, type Tensor } from '../tensor/tensor';
import { forwardOf, type Model } from './model';

/** Ops that have a class in every channel of their result if they have one in every channel of their first input. */
const keepsClasses: ReadonlySet<string> = new Set([
  ...['activation', 'add', 'averagePool', 'clamp', 'copy', 'dropout', 'globalAveragePool', 'globalMaxPool', 'maxPool'],
  ...['randomizedRelu', 'upsample'],
]);

/**
 * Returns the parameters of a network's head: weights and biases of the last linear layers or convolutions before the logits, between
 * which there are only sums, activations, pooling and dropout.
 * @throws Error that says why, if the network has no head that could have another number of classes
 */
export function headOf(model: Model): ReadonlySet<Parameter> {
  const counter = input('counter', [2], { dtype: 'i32' });
  const [inferred, trained] = [inference, new TrainingContext(counter)].map((context) => headIn(model, context));
  const names = (head: ReadonlySet<Parameter>) => [...head].map(({ name }) => name).sort();
  if (String(names(inferred!)) !== String(names(trained!)))
    throw new Error(
      `its last layer is another in training (${names(trained!)}) than in inference (${names(inferred!)})`,
    );
  return inferred!;
}

function headIn(model: Model, context: ForwardContext): ReadonlySet<Parameter> {
  const logits = forwardOf(model, input('images', [2, ...model.inputShape]), context);
  const readers = Graph.from({ outputs: { logits } }).readers();
  const head = new Set<Parameter>();
  /** The nodes from the head to the logits, with the tensors that they may read. It grows while it is walked through. */
  const nodes = new Map<Node, ReturnType<typeof partsOf>>([[logits.node, partsOf(logits.node)]]);
  for (const [node, { values, parameters }] of nodes) {
    for (const { node: before } of values) if (!nodes.has(before)) nodes.set(before, partsOf(before));
    for (const parameter of parameters) head.add(checkPart(parameter, node, model));
  }
  const reads = (node: Node, tensor: Tensor): boolean => {
    const { values = [], parameters = [] } = nodes.get(node) ?? {};
    return values.includes(tensor) || parameters.includes(tensor);
  };
  for (const tensor of [...head, ...[...nodes.keys()].flatMap(({ outputs }) => outputs)]) {
    const other = readers.get(tensor)?.find((reader) => !reads(reader, tensor));
    if (other) throw new Error(`"${tensor.node.name}" of its last layer is also read by ${described(other)}`);
  }
  return head;
}

/** Returns the inputs of a node that have a channel for each class, and the parameters that make these channels. @throws Error */
function partsOf(node: Node): { readonly values: readonly Tensor[]; readonly parameters: readonly Tensor[] } {
  const { op, inputs, attributes } = node;
  const [x, weight, bias] = inputs;
  const present = (tensors: readonly (Tensor | null | undefined)[]) => tensors.filter((tensor) => tensor != null);
  const isWeighted = op === linearOp || (op === conv2dOp && attributes.groups === 1);
  if (isWeighted) return { values: [], parameters: present([weight, bias]) };
  if (!keepsClasses.has(op.name)) {
    const expected = 'a linear layer or a convolution, perhaps with sums, activations, pooling and dropout behind it';
    throw new Error(`it ends with ${described(node)}, and a new last layer can only take the place of ${expected}`);
  }
  if (op.name === 'add') return { values: present(inputs), parameters: [] };
  const hasBias = op === activationOp || op.name === 'randomizedRelu';
  return { values: present([x]), parameters: hasBias ? present([weight]) : [] };
}

function checkPart(tensor: Tensor, node: Node, { classes }: Model): Parameter {
  if (tensor instanceof Parameter && tensor.shape[0] === classes) return tensor;
  const expected = `a parameter with a row for each of its ${classes} classes`;
  throw new Error(
    `${described(node)} at its end reads "${tensor.node.name}" [${tensor.shape}], which is not ${expected}`,
  );
}

const described = ({ op, name }: Node): string => (op.name === name ? op.name : `${op.name} "${name}"`);
