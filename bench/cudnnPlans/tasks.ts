/** Turns the convolutions of a model into questions to out/tests/cudnn_plans (native/cuda/convolution/plan_check.cc). */
import { Graph } from '../../lib/compile/graph';
import { optimize } from '../../lib/compile/optimize';
import type { Model } from '../../lib/models';
import { encodeActivation } from '../../lib/ops/activation';
import type { Activation } from '../../lib/ops/activations';
import { conv2dOp } from '../../lib/ops/convolution';
import { type Precision, precisionTable } from '../../lib/runtime/precisions';
import { input, type Node } from '../../lib/tensor/tensor';

export const passes = ['forward', 'dgrad', 'wgrad'] as const;
export type ConvolutionPass = (typeof passes)[number];

/**
 * The shapes of a convolution: "n h w c o kh kw oh ow strideH strideW padTop padLeft padBottom padRight dilationH dilationW
 * groups".
 */
export type Problem = string;

/** One convolution in one pass and precision, for which cuDNN is asked for plans. */
export interface Question {
  readonly problem: Problem;
  readonly pass: ConvolutionPass;
  readonly precision: Precision;
  /**
   * Forward: the activation that is fused, with a bias. Dgrad: the activation before the convolution, whose derivative is fused.
   * Undefined: the bare convolution.
   */
  readonly activation?: Activation;
  /** Whether to ask for plans that are compiled at run time, too; default false. */
  readonly compiled?: boolean;
  /** Whether to make every plan again from its remembered choice; default false. */
  readonly twice?: boolean;
}

/**
 * Returns the problem of each convolution of a model, in order and without repetition: first as the layers have them, then as the
 * passes change them (sibling convolutions are merged).
 */
export function problemsOf(model: Model, batch: number): Problem[] {
  const logits = model.forward(input('images', [batch, ...model.inputShape]));
  const plain = Graph.from({ outputs: { logits } });
  const nodes = [plain, optimize(plain)].flatMap((graph) => graph.nodes.filter((node) => node.op === conv2dOp));
  return [...new Set(nodes.map(problemOf))];
}

/** Returns the problem of a conv2d node. */
export function problemOf({ inputs: [x, weight], outputs: [y], attributes }: Node): Problem {
  return problemText(x?.shape ?? [], weight?.shape ?? [], y?.shape ?? [], attributes);
}

/** Returns the problem of a convolution of these shapes, of the forward pass, with the attributes of one of its ops. */
export function problemText(
  x: readonly number[],
  weight: readonly number[],
  y: readonly number[],
  { strideH, strideW, padTop, padLeft, padBottom, padRight, dilationH, dilationW, groups }: Node['attributes'],
): Problem {
  const places = [strideH, strideW, padTop, padLeft, padBottom, padRight, dilationH, dilationW, groups];
  return [...x, ...weight.slice(0, 3), ...y.slice(1, 3), ...places].join(' ');
}

/** Returns the problem of a fully connected layer with `features` inputs, as the convolution that the backend makes of it. */
export const linearProblem = (batch: number, features: number, classes: number): Problem =>
  `${batch} 1 1 ${features} ${classes} 1 1 1 1 1 1 0 0 0 0 1 1 1`;

/** Returns the question as the line that the program reads. */
export function lineOf({ problem, pass, precision, activation, compiled = false, twice = false }: Question): string {
  const flag = (value: boolean) => (value ? 1 : 0);
  const { kind, slope } = activation ? encodeActivation(activation) : { kind: -1, slope: 0 };
  return [
    pass,
    precisionTable[precision].images,
    flag(precisionTable[precision].roundsProducts),
    flag(!compiled),
    flag(twice),
    flag(activation !== undefined),
    kind,
    slope,
    problem,
  ].join(' ');
}
