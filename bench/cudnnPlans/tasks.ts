/** Lists the convolutions of a model, as questions to the program out/tests/cudnn_plans (native/cuda/plan_check.cc). */
import { Graph } from '../../lib/graph/graph';
import { optimize } from '../../lib/graph/optimize';
import type { Model } from '../../lib/models';
import { type Activation, encodeActivation } from '../../lib/ops/activation';
import { conv2dOp } from '../../lib/ops/conv2d';
import { input, type Tensor } from '../../lib/tensor';

export const passes = ['forward', 'dgrad', 'wgrad'] as const;
export type Pass = (typeof passes)[number];
export const precisions = ['f32', 'tf32', 'bf16', 'fp16'] as const;
export type PlanPrecision = (typeof precisions)[number];

/**
 * A convolution as text: "n h w c o kh kw oh ow strideH strideW padH padW"; o, oh and ow are channels and size of the
 * output.
 */
export type Problem = string;

export interface Question {
  readonly problem: Problem;
  readonly pass: Pass;
  readonly precision: PlanPrecision;
  /**
   * Activation to fuse: in the forward pass bias and activation follow the convolution, dgrad multiplies by the
   * derivative of the activation before it. Undefined: the convolution alone.
   */
  readonly activation?: Activation;
  /** Whether plans that are compiled at run time are wanted too; default false. */
  readonly compiled?: boolean;
  /**
   * Whether to make every plan a second time, from its engine number and knobs as they are kept in the cache; default
   * false.
   */
  readonly twice?: boolean;
}

/**
 * Lists the distinct convolutions of a model: those of its layers in order, then those that the passes make by merging
 * siblings.
 */
export function problemsOf(model: Model, batch: number): Problem[] {
  const logits = model.forward(input('images', [batch, ...model.inputShape]));
  const plain = Graph.from({ outputs: { logits } });
  const nodes = [plain, optimize(plain)].flatMap((graph) => graph.nodes.filter((node) => node.op === conv2dOp));
  const lines = nodes.map((node) => {
    const shape = (tensor?: Tensor | null) => tensor?.shape ?? [];
    const [x, weight, y] = [shape(node.inputs[0]), shape(node.inputs[1]), shape(node.outputs[0])];
    const { strideH, strideW, padH, padW } = node.attributes;
    return [...x, ...weight.slice(0, 3), ...y.slice(1, 3), strideH, strideW, padH, padW].join(' ');
  });
  return [...new Set(lines)];
}

/** Returns a fully connected layer as the 1x1 convolution by which the backend computes it. */
export const linearProblem = (batch: number, features: number, classes: number): Problem =>
  `${batch} 1 1 ${features} ${classes} 1 1 1 1 1 1 0 0`;

const dtypes: Readonly<Record<PlanPrecision, string>> = { f32: 'f32', tf32: 'f32', bf16: 'bf16', fp16: 'f16' };

/** Formats a question as a line of the program's input. */
export function lineOf({ problem, pass, precision, activation, compiled = false, twice = false }: Question): string {
  const flag = (value: boolean) => (value ? 1 : 0);
  const { kind, slope } = activation ? encodeActivation(activation) : { kind: -1, slope: 0 };
  return [
    pass,
    dtypes[precision],
    flag(precision === 'tf32'),
    flag(!compiled),
    flag(twice),
    flag(activation !== undefined),
    kind,
    slope,
    problem,
  ].join(' ');
}
