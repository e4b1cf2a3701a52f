/**
 * Makes the sigmoid network that computes the same as a sigmoid* network (docs/equivalence.md, section 1): the same graph with
 * sigmoid as activation, new parameters, and padding with 1/2 where the sigmoid* network pads with 0.
 */

import { invalid } from '../../errors';
import { contextOf, type ForwardContext, inference } from '../../layers/context';
import { forwardOf, isModel, type Model, modelField } from '../../models/model';
import { activationOp, encodeActivation } from '../../ops/activation';
import { scaledSigmoid, sigmoid } from '../../ops/activations';
import { add, concatOp, sliceOp } from '../../ops/channels';
import { conv2dOp } from '../../ops/convolution';
import { copy, copyOp } from '../../ops/data';
import { linearOp } from '../../ops/linear';
import { first } from '../../ops/op';
import { averagePoolOp, globalAveragePoolOp, maxPoolOp } from '../../ops/pooling';
import { flag, oneOf, optional } from '../../options/field';
import { Options } from '../../options/options';
import { Parameter } from '../../tensor/state';
import { apply, constant, input, type Node, type Op, type Tensor } from '../../tensor/tensor';
import { padImage } from './padding';

/** A layer that reads sigmoids. Its parameters are W' = 4 W and b' = b - 2 W 1 (b' = b if sigmoids are centred). */
export interface CoupledLayer {
  /** The weight W', [O, ...]: outputs first; the layer sums over all other dimensions. */
  readonly weight: Parameter;
  /** The bias b', [O]. */
  readonly bias: Parameter;
}

/** A sigmoid network made from a sigmoid* network. */
export interface SigmoidTwin {
  /** The sigmoid network. */
  readonly model: Model;
  /**
   * The layers that read outputs of sigmoids, each with its parameters `weight` (W' = 4 W) and `bias` (b' = b - 2 W 1, or b if
   * sigmoids are centred). All other parameters are the same in both networks.
   */
  readonly layers: readonly CoupledLayer[];
}

/** Options of sigmoidTwin(). */
export interface TwinOptions {
  /**
   * Value around sigmoids where the original network pads sigmoid* with 0. With 1/2 (default) both networks compute the same;
   * with 0 they do not. Ignored with `centred`.
   */
  padding?: 0 | 0.5;
  /**
   * Subtracts 1/2 from every sigmoid. Then sigmoid* = 4 t, biases are equal, and zero padding stays zero padding. Default
   * false.
   */
  centred?: boolean;
}

const twinOptions = new Options<TwinOptions>('sigmoidTwin()', {
  padding: optional(oneOf([0, 0.5])),
  centred: optional(flag),
});

/**
 * The value of a tensor of the original network, from the twin's tensor t: "equal" means t; "scaled" means 4 t - 2, or 4 t if
 * sigmoids are centred; a weight W means t - 2 W 1, a shift that a later bias takes up.
 */
type Relation = 'equal' | 'scaled' | Parameter;
interface Rewritten {
  readonly tensor: Tensor;
  readonly relation: Relation;
}

/**
 * Makes the sigmoid network that can compute the same function as a sigmoid* network. It has new Parameters with the same
 * names, order, shapes and initialisers; mapParameters() gives the values with which both networks compute the same.
 * @param model a network of convolutions and linear layers with biases, pools, concatenations and sigmoid*
 * @param options value of zero padding (default 0.5), and whether sigmoids are centred (default false)
 * @throws ERR_INVALID_ARGUMENT, naming the layer, if a layer has no counterpart: another activation, batch
 * normalisation, no bias
 */
export function sigmoidTwin(model: Model, options: TwinOptions = {}): SigmoidTwin {
  const { padding = 0.5, centred = false } = twinOptions.check(options);
  if (!isModel(model)) throw invalid('model', modelField.expected, model);
  const twins = new Map<Parameter, Parameter>(
    model.parameters.map((parameter) => {
      const { name, shape, decay, initialize } = parameter;
      return [parameter, new Parameter({ name, shape, decay, initialize })];
    }),
  );
  const rewrite = (x: Tensor, context: ForwardContext) => {
    const rewriter = new Rewriter(twins, { padding: centred ? 0 : padding, centred }, x);
    const logits = rewriter.rewrite(forwardOf(model, x, context));
    if (logits.relation !== 'equal') throw refusal('a linear layer at its end', model.name);
    return { logits: logits.tensor, layers: rewriter.layers };
  };
  const twin: Model = {
    ...model,
    name: `${model.name}, sigmoid`,
    activation: sigmoid(),
    parameters: [...twins.values()],
    forward: (x, context) => rewrite(x, contextOf(context)).logits,
  };
  return { model: twin, layers: rewrite(input('images', [1, ...model.inputShape]), inference).layers };
}

const refusal = (expected: string, received: string) => invalid('model', expected, received);

/** Rewrites a forward pass of the original, from its logits backwards. Every tensor is rewritten once. */
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
    // Further outputs, such as the indices of a max pool, only serve backward passes.
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
    // Pools and concatenations commute with the increasing map t -> 4 t - 2, provided that it applies to all their inputs.
    const isAffine = commutes.has(op) && inputs.every((one) => one?.relation === x.relation) && !isShift(x);
    if (!isAffine && inputs.some((one) => one && one.relation !== 'equal'))
      throw refusal('convolutions, linear layers, pools and concatenations between sigmoids', `${op.name} in ${name}`);
    const tensors = inputs.map((one) => one?.tensor ?? null);
    return { tensor: first(apply(op, tensors, attributes, name)), relation: x.relation };
  }

  /**
   * Rewrites a convolution or linear layer. If it reads sigmoids, its bias b' = b - 2 W 1 contains the difference to the
   * original.
   */
  #multiply(
    node: Node,
    x: Rewritten,
    weight: Rewritten | null | undefined,
    bias: Rewritten | null | undefined,
  ): Rewritten {
    const { op, name } = node;
    if (isShift(x) || !weight) throw refusal('an activation between two layers', `none before ${name}`);
    const { padTop: top = 0, padBottom: bottom = 0, padLeft: left = 0, padRight: right = 0 } = node.attributes;
    const { padding } = this.options;
    const padsItself = x.relation === 'equal' || padding === 0;
    const tensor = padsItself ? x.tensor : padImage(x.tensor, { top, bottom, left, right }, padding, `${name}/pad`);
    const attributes = padsItself
      ? node.attributes
      : { ...node.attributes, padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 };
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

/** Returns t - 1/2. */
function centre(t: Tensor, name: string): Tensor {
  const half = constant(new Float32Array(t.size).fill(-1 / 2), t.shape);
  return add(t, copy(half, { image: t.image, name }));
}

const isShift = (x: Rewritten): x is Rewritten & { relation: Parameter } => x.relation instanceof Parameter;
const multiplies: ReadonlySet<Op> = new Set([conv2dOp, linearOp]);
const commutes: ReadonlySet<Op> = new Set([maxPoolOp, averagePoolOp, globalAveragePoolOp, concatOp, sliceOp, copyOp]);
