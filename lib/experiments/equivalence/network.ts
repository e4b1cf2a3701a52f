/**
 * The sigmoid network that computes what a sigmoid* network computes (docs/equivalence.md, section 1): the same graph with the
 * other activation, parameters of its own, and padding with 1/2 where sigmoid* is padded with 0.
 */
import { invalid } from '../../errors';
import type { ForwardContext } from '../../layers/context';
import type { Model } from '../../models/model';
import { activationOp, encodeActivation } from '../../ops/activation';
import { scaledSigmoid, sigmoid } from '../../ops/activations';
import { add, concatOp, sliceOp } from '../../ops/channels';
import { conv2dOp } from '../../ops/convolution';
import { copy, copyOp } from '../../ops/data';
import { linearOp } from '../../ops/linear';
import { first, type Op } from '../../ops/op';
import { averagePoolOp, globalAveragePoolOp, maxPoolOp } from '../../ops/pooling';
import { apply, constant, input, type Node, Parameter, type Tensor } from '../../tensor/tensor';
import { padImage } from './padding';

/** A layer that reads sigmoids, and so has W' = 4 W and b' = b - 2 W 1 (centred: b); all other parameters are equal. */
export interface CoupledLayer {
  /** [O, ...]: outputs first; everything else is summed over. */
  readonly weight: Parameter;
  /** [O] */
  readonly bias: Parameter;
}

export interface SigmoidTwin {
  readonly model: Model;
  readonly layers: readonly CoupledLayer[];
}

export interface TwinOptions {
  /** Around sigmoids where the original pads sigmoid* with 0: 1/2 is the same function (default); 0 is what a reader might do. */
  padding?: 0 | 0.5;
  /** Subtract 1/2 from every sigmoid: then sigmoid* = 4 t, biases are equal, and zero padding stays zero padding. Default false. */
  centred?: boolean;
}

/** How a tensor of the original follows from the twin's: equal; 4 t - 2 (centred: 4 t); or t - 2 W 1, left to a bias. */
type Relation = 'equal' | 'scaled' | Parameter;
interface Rewritten {
  readonly tensor: Tensor;
  readonly relation: Relation;
}

/**
 * A sigmoid network with Parameters of its own, of the same names, order and shapes. Their initial values are drawn as the original's;
 * those of the same function come from mapParameters().
 * @param model of convolutions, linear layers, pools, concatenations and sigmoid*; with biases
 * @throws ERR_INVALID_ARGUMENT naming the layer that has no counterpart
 */
export function sigmoidTwin(model: Model, { padding = 0.5, centred = false }: TwinOptions = {}): SigmoidTwin {
  const twins = new Map<Parameter, Parameter>(
    model.parameters.map((parameter) => {
      const { name, shape, decay, initialize } = parameter;
      return [parameter, new Parameter({ name, shape, decay, initialize })];
    }),
  );
  const rewrite = (x: Tensor, context?: ForwardContext) => {
    const rewriter = new Rewriter(twins, { padding: centred ? 0 : padding, centred }, x);
    const logits = rewriter.rewrite(model.forward(x, context));
    if (logits.relation !== 'equal') throw refusal('a linear layer at its end', model.name);
    return { logits: logits.tensor, layers: rewriter.layers };
  };
  const twin: Model = {
    ...model,
    name: `${model.name}, sigmoid`,
    activation: sigmoid(),
    parameters: [...twins.values()],
    forward: (x, context) => rewrite(x, context).logits,
  };
  return { model: twin, layers: rewrite(input('images', [1, ...model.inputShape])).layers };
}

const refusal = (expected: string, received: string) => invalid('model', expected, received);

/** One forward pass of the original, written again from its logits backwards; nothing happens twice. */
class Rewriter {
  readonly layers: CoupledLayer[] = [];
  readonly #done = new Map<Tensor, Rewritten>();
  readonly #used = new Set<Parameter>();

  constructor(
    private readonly twins: ReadonlyMap<Parameter, Parameter>,
    private readonly options: Required<TwinOptions>,
    images: Tensor,
  ) {
    this.#done.set(images, { tensor: images, relation: 'equal' });
  }

  rewrite(tensor: Tensor): Rewritten {
    const known = this.#done.get(tensor);
    if (known) return known;
    const twin = tensor instanceof Parameter ? this.twins.get(tensor) : tensor.node.source ? tensor : null;
    // Other outputs (where a maximum was) are for backward passes.
    if (!twin && tensor.output !== 0) throw refusal('a forward pass', tensor.node.name);
    const made = twin ? { tensor: twin, relation: 'equal' as const } : this.#node(tensor.node);
    this.#done.set(tensor, made);
    return made;
  }

  #node(node: Node): Rewritten {
    const { op, attributes, name } = node;
    const inputs = node.inputs.map((tensor) => tensor && this.rewrite(tensor));
    for (const tensor of node.inputs) {
      if (!(tensor instanceof Parameter)) continue;
      if (this.#used.has(tensor))
        throw refusal('parameters that each belong to one layer', `${tensor.name} in ${name}`);
      this.#used.add(tensor);
    }
    const [x, weight, bias] = inputs;
    if (!x) throw refusal('a network of sigmoid*', `${op.name} in ${name}`);
    if (multiplies.has(op)) return this.#multiply(node, x, weight, bias);
    if (op === activationOp) return this.#activate(node, x, weight);
    // Pools and concatenations commute with t -> 4 t - 2, which rises everywhere; but all parts must have gone through it.
    const isAffine = commutes.has(op) && inputs.every((one) => one?.relation === x.relation) && !isShift(x);
    if (!isAffine && inputs.some((one) => one && one.relation !== 'equal'))
      throw refusal('convolutions, linear layers, pools and concatenations between sigmoids', `${op.name} in ${name}`);
    const tensors = inputs.map((one) => one?.tensor ?? null);
    return { tensor: first(apply(op, tensors, attributes, name)), relation: x.relation };
  }

  /** Convolution or linear layer: of sigmoids, less by 2 W 1 than the original's, which the bias b' has in itself. */
  #multiply(
    node: Node,
    x: Rewritten,
    weight: Rewritten | null | undefined,
    bias: Rewritten | null | undefined,
  ): Rewritten {
    const { op, name } = node;
    if (isShift(x) || !weight) throw refusal('an activation between two layers', `none before ${name}`);
    const { padH = 0, padW = 0 } = node.attributes;
    const { padding } = this.options;
    const padsItself = x.relation === 'equal' || padding === 0;
    const tensor = padsItself ? x.tensor : padImage(x.tensor, [padH, padW], padding, `${name}/pad`);
    const attributes = padsItself ? node.attributes : { ...node.attributes, padH: 0, padW: 0 };
    const made = first(apply(op, [tensor, weight.tensor, bias?.tensor ?? null], attributes, name));
    if (x.relation === 'equal') return { tensor: made, relation: 'equal' };
    if (!(weight.tensor instanceof Parameter)) throw refusal('weights that are Parameters', `others in ${name}`);
    if (!bias) return { tensor: made, relation: weight.tensor };
    this.#couple(weight.tensor, bias, name);
    return { tensor: made, relation: 'equal' };
  }

  #activate(node: Node, x: Rewritten, bias: Rewritten | null | undefined): Rewritten {
    const { attributes, name } = node;
    if (isShift(x)) this.#couple(x.relation, bias, name);
    const isStar = attributes.kind === encodeActivation(scaledSigmoid()).kind;
    if (!isStar || x.relation === 'scaled')
      throw refusal('sigmoid* after every layer', `another activation in ${name}`);
    const encoded = encodeActivation(sigmoid());
    const t = first(apply(activationOp, [x.tensor, bias?.tensor ?? null], encoded, name));
    return { tensor: this.options.centred ? centre(t, name) : t, relation: 'scaled' };
  }

  #couple(weight: Parameter, bias: Rewritten | null | undefined, name: string): void {
    if (!(bias?.tensor instanceof Parameter))
      throw refusal('a bias in every layer that reads sigmoid*', `none in ${name}`);
    this.layers.push({ weight, bias: bias.tensor });
  }
}

/** t - 1/2 */
function centre(t: Tensor, name: string): Tensor {
  const half = constant(new Float32Array(t.size).fill(-1 / 2), t.shape);
  return add(t, copy(half, { image: t.image, name }));
}

const isShift = (x: Rewritten): x is Rewritten & { relation: Parameter } => x.relation instanceof Parameter;
const multiplies: ReadonlySet<Op> = new Set([conv2dOp, linearOp]);
const commutes: ReadonlySet<Op> = new Set([maxPoolOp, averagePoolOp, globalAveragePoolOp, concatOp, sliceOp, copyOp]);
