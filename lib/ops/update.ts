import { optional, orNull } from '../options/field';
import {
  type AttributeField,
  apply,
  applyNode,
  isTensor,
  type Node,
  type Op,
  type Tensor,
  tensorField,
} from '../tensor/tensor';
import { copy } from './data';
import { expectShape, expectTensor, first, opOptions, shapeError } from './op';

/** Learning-rate factors and weight decays of consecutive segments of the parameter arena (groups of parameters, LARS). */
export interface Segments {
  /** i32 [S], increasing: the end of each segment, which is the first element after it. The last is the arena's size. */
  readonly ends: Tensor;
  /** f32 [S]: the factor of each segment on the learning rate. */
  readonly rates: Tensor;
  /** f32 [S]: the weight decay of each segment. */
  readonly decays: Tensor;
}

/** The inputs that all updates of the weights share. */
export interface UpdateInputs {
  /** i32 [1]: nothing is written if it is not 0. */
  gate: Tensor;
  /** The weights, f32 [P], in a State. */
  parameters: Tensor;
  /** Their gradient: f32 [P]. */
  gradient: Tensor;
  /** f32 [1]. */
  learningRate: Tensor;
  /** A factor on the gradient: f32 [1]. Default: none. */
  scale?: Tensor | null;
  /**
   * Rates and decays by segment. Default: one learning rate, and the attributes' weight decay on the first `decayed`
   * elements.
   */
  segments?: Segments | null;
}

/** The attributes that all updates with weight decay share. They are not used with segments. */
export interface DecayAttributes {
  /** Weight decay, as a factor on the weights. */
  weightDecay: number;
  /** Number of elements, at the beginning of the arena, to which weight decay applies. */
  decayed: number;
}

/** The fields of DecayAttributes in the native attribute structs. */
const decayFields: readonly AttributeField[] = [
  ['weightDecay', 'f32'],
  ['decayed', 'i32'],
];

/** Returns the optional inputs in the order of the ops: scale, ends, rates, decays; null: absent. */
function optionalInputs({ scale = null, segments = null }: UpdateInputs): (Tensor | null)[] {
  return [scale, segments?.ends ?? null, segments?.rates ?? null, segments?.decays ?? null];
}

/** Checks the optional inputs scale, ends, rates, decays. @throws ERR_SHAPE */
function expectOptional(op: string, inputs: readonly (Tensor | null | undefined)[]): void {
  const [scale, ...table] = inputs;
  if (scale) expectShape(op, 'scale', expectTensor(op, 'scale', scale, {}), [1]);
  if (table.some((tensor) => tensor)) expectSegments(op, table);
}

/** Checks a table of segments. @throws ERR_SHAPE */
function expectSegments(op: string, [ends, rates, decays]: readonly (Tensor | null | undefined)[]): void {
  const { shape } = expectTensor(op, 'ends', ends, { dtype: 'i32', rank: 1 });
  expectShape(op, 'rates', expectTensor(op, 'rates', rates, {}), shape);
  expectShape(op, 'decays', expectTensor(op, 'decays', decays, {}), shape);
}

/** Checks gate i32 [1], parameters [P], and the named vectors [P]. @throws ERR_SHAPE */
function expectUpdate(
  op: string,
  gate: Tensor | null | undefined,
  parameters: Tensor | null | undefined,
  vectors: Readonly<Record<string, Tensor | null | undefined>>,
): void {
  expectShape(op, 'gate', expectTensor(op, 'gate', gate, { dtype: 'i32' }), [1]);
  const { shape } = expectTensor(op, 'parameters', parameters, { rank: 1 });
  for (const [name, tensor] of Object.entries(vectors))
    expectShape(op, name, expectTensor(op, name, tensor, {}), shape);
}

/**
 * One step of SGD with momentum over a whole arena: d = scale g + weightDecay w, m = momentum m - lr d, then w = w + m, or with
 * `nesterov` w = w + momentum m - lr d. Without segments, weight decay applies to the first `decayed` elements only.
 * gate i32 [1]; parameters, momentum, gradient [P]; learningRate [1]; optional: scale [1]; ends i32, rates, decays [S].
 */
const sgdOp: Op = {
  name: 'sgd',
  attributes: [['momentum', 'f32'], ...decayFields, ['nesterov', 'i32']],
  readsSlices: false,
  writesSlices: false,
  writesState: [1, 2],
  inferShape([gate, parameters, momentum, gradient, learningRate, ...optional]) {
    expectUpdate('sgd', gate, parameters, { momentum, gradient });
    expectShape('sgd', 'learningRate', expectTensor('sgd', 'learningRate', learningRate, {}), [1]);
    expectOptional('sgd', optional);
    return [];
  },
};

/** Inputs of sgdUpdate(). */
export interface SgdInputs extends UpdateInputs {
  /** The momentum vector m, f32 [P], in a State. */
  momentum: Tensor;
}

/** Attributes of sgdUpdate(). */
export interface SgdAttributes extends DecayAttributes {
  /** Factor by which m is kept from step to step. */
  momentum: number;
  /** Whether to use Nesterov momentum; default false. */
  nesterov?: boolean;
}

/** Makes the node for one step of SGD with momentum. @throws ERR_SHAPE */
export function sgdUpdate(inputs: SgdInputs, { nesterov = false, ...attributes }: SgdAttributes): Node {
  const { gate, parameters, momentum, gradient, learningRate } = inputs;
  return applyNode(sgdOp, [gate, parameters, momentum, gradient, learningRate, ...optionalInputs(inputs)], {
    ...attributes,
    nesterov: Number(nesterov),
  });
}

/**
 * One step of Adam over a whole arena (Kingma and Ba, arXiv:1412.6980). With t = counter[1] + 1, the number of this step: d =
 * scale g + weightDecay w, m = m + firstRate (d - m), v = v + secondRate (d² - v), w = w - lr m / (1 - beta1^t) / (sqrt(v /
 * (1 - beta2^t)) + epsilon). With `decoupled` (AdamW, arXiv:1711.05101): d = scale g, and w also loses lr weightDecay w.
 * firstRate = 1 - beta1 and secondRate = 1 - beta2, because f32 would round betas near 1 too coarsely. gate i32 [1];
 * parameters, firstMoment, secondMoment, gradient [P]; learningRate [1]; counter i32 [2] (seed, steps done); optional: scale
 * [1]; ends i32, rates, decays [S].
 */
const adamOp: Op = {
  name: 'adam',
  attributes: [['firstRate', 'f32'], ['secondRate', 'f32'], ['epsilon', 'f32'], ...decayFields, ['decoupled', 'i32']],
  readsSlices: false,
  writesSlices: false,
  writesState: [1, 2, 3],
  inferShape([gate, parameters, firstMoment, secondMoment, gradient, learningRate, counter, ...optional]) {
    expectUpdate('adam', gate, parameters, { firstMoment, secondMoment, gradient });
    expectShape('adam', 'learningRate', expectTensor('adam', 'learningRate', learningRate, {}), [1]);
    expectShape('adam', 'counter', expectTensor('adam', 'counter', counter, { dtype: 'i32' }), [2]);
    expectOptional('adam', optional);
    return [];
  },
};

/** Inputs of adamUpdate(). */
export interface AdamInputs extends UpdateInputs {
  /** The moving mean m of the gradient, f32 [P], in a State. */
  firstMoment: Tensor;
  /** The moving mean v of its square, f32 [P], in a State. */
  secondMoment: Tensor;
  /** i32 [2], seed and steps done: State.counter. */
  counter: Tensor;
}

/** Attributes of adamUpdate(). */
export interface AdamAttributes extends DecayAttributes {
  /** Factor by which m is kept from step to step. */
  beta1: number;
  /** Factor by which v is kept from step to step. */
  beta2: number;
  /** Added to the square root of v. */
  epsilon: number;
  /** Whether weight decay is apart from the gradient (AdamW). */
  decoupled: boolean;
}

/** Makes the node for one step of Adam or AdamW. @throws ERR_SHAPE */
export function adamUpdate(inputs: AdamInputs, { beta1, beta2, decoupled, ...attributes }: AdamAttributes): Node {
  const { gate, parameters, firstMoment, secondMoment, gradient, learningRate, counter } = inputs;
  const required = [gate, parameters, firstMoment, secondMoment, gradient, learningRate, counter];
  return applyNode(adamOp, [...required, ...optionalInputs(inputs)], {
    ...attributes,
    firstRate: 1 - beta1,
    secondRate: 1 - beta2,
    decoupled: Number(decoupled),
  });
}

/**
 * Makes the op that computes what an update would write, without writing it. Inputs: those of the update; and skip i32 [1],
 * optional. Output: flag i32 [1], 1 if the gate is not 0, or if skip is 0 or absent and one of the new values is NaN or larger
 * than 2^126 (8.5e37) in magnitude; else 0. The bound is below the largest float, so that an average of such values stays finite.
 */
const checkOf = ({ name, attributes, inferShape }: Op): Op => ({
  name: `${name}Check`,
  attributes,
  readsSlices: false,
  writesSlices: false,
  inferShape(inputs, values) {
    inferShape(inputs.slice(0, -1), values);
    const skip = inputs.at(-1);
    if (skip) expectShape(`${name}Check`, 'skip', expectTensor(`${name}Check`, 'skip', skip, { dtype: 'i32' }), [1]);
    return [{ dtype: 'i32', shape: [1], image: false }];
  },
});

const sgdCheckOp = checkOf(sgdOp);
const adamCheckOp = checkOf(adamOp);
const checkOps: Readonly<Record<string, Op>> = { sgd: sgdCheckOp, adam: adamCheckOp };

/**
 * Returns the flag of an update of sgdUpdate() or adamUpdate(), i32 [1]: 1 if its gate is not 0, or if it would write a number that
 * is NaN or larger than 2^126 (8.5e37), although `skip` is 0.
 * @param update the node; it need not be a part of the graph
 * @param skip i32 [1]: not 0 if the step will be skipped, so that its numbers do not matter. null: never
 */
export function checkUpdate({ op, inputs, attributes }: Node, skip: Tensor | null = null): Tensor {
  return first(apply(checkOps[op.name] as Op, [...inputs, skip], attributes));
}

/** Returns the same update behind another gate, i32 [1]. */
export function behindGate({ op, inputs, attributes, name }: Node, gate: Tensor): Node {
  return applyNode(op, [gate, ...inputs.slice(1)], attributes, name);
}

/**
 * The exponential moving average of the weights: average = d average + (1 - d) w, with d = min(decay, (1 + t) / (10 + t)) and
 * t = counter[1], the number of steps done before this one. rate = 1 - decay. It must be made after the update of the weights in
 * the same step, to read the new weights. gate i32 [1]; average, parameters [P]; counter i32 [2].
 */
const averageWeightsOp: Op = {
  name: 'averageWeights',
  attributes: [['rate', 'f32']],
  readsSlices: false,
  writesSlices: false,
  writesState: [1],
  inferShape([gate, average, parameters, counter]) {
    expectUpdate('averageWeights', gate, parameters, { average });
    const checked = expectTensor('averageWeights', 'counter', counter, { dtype: 'i32' });
    expectShape('averageWeights', 'counter', checked, [2]);
    return [];
  },
};

/** Inputs of averageWeights(). */
export interface AverageInputs {
  /** i32 [1]: nothing is written if it is not 0. */
  gate: Tensor;
  /** The moving average of the weights, f32 [P], in a State. */
  average: Tensor;
  /** The weights: f32 [P]. */
  parameters: Tensor;
  /** i32 [2], seed and steps done: State.counter. */
  counter: Tensor;
}

/** Makes the node that updates the average of the weights, after that of the weights. @throws ERR_SHAPE */
export function averageWeights({ gate, average, parameters, counter }: AverageInputs, decay: number): Node {
  return applyNode(averageWeightsOp, [gate, average, parameters, counter], { rate: 1 - decay });
}

/** target = value, at the end of the step. gate i32 [1], optional; target: a tensor of a State; value: of its shape and dtype. */
const assignOp: Op = {
  name: 'assign',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  writesState: [1],
  inferShape([gate, target, value]) {
    if (gate) expectShape('assign', 'gate', expectTensor('assign', 'gate', gate, { dtype: 'i32' }), [1]);
    const kind = target?.node.source?.kind;
    if (!target || (kind !== 'state' && kind !== 'parameter' && kind !== 'buffer')) {
      throw shapeError('assign', 'target', 'a parameter or another tensor of a State', target?.node.name ?? target);
    }
    const checked = expectTensor('assign', 'value', value, { dtype: target.dtype, image: false });
    expectShape('assign', 'value', checked, target.shape);
    return [];
  },
};

const assignOptions = opOptions<{ gate?: Tensor | null }>('assign', { gate: optional(orNull(tensorField)) });

/**
 * Makes a node that writes `value` to `target` at the end of a step, when all other nodes have read the old value; for
 * Graph.from({ updates }).
 * @param target a Parameter, a StateBuffer or another part of a State
 * @param value of the same shape and dtype
 * @param options `gate` i32 [1]: nothing is written if it is not 0. Default: no gate
 * @throws ERR_SHAPE if `target` is not in a State, or `value` does not fit
 */
export function assign(target: Tensor, value: Tensor, options: { gate?: Tensor | null } = {}): Node {
  const { gate = null } = assignOptions.check(options);
  // `value` may be a part of the State that another update overwrites. A copy is no update, so it runs before all updates.
  for (const [name, tensor] of Object.entries({ target, value }))
    if (!isTensor(tensor)) throw shapeError('assign', name, 'a tensor', tensor);
  const old = value.node.source ? copy(value) : value;
  return applyNode(assignOp, [gate, target, old]);
}

/**
 * total = sum + gradient if adds is not 0, else gradient: the sum of the gradients of the parts of a batch, whose first part begins a new
 * one. adds i32 [1]; sum, gradient [P] -> total [P].
 */
const accumulateOp: Op = {
  name: 'accumulate',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  inferShape([adds, sum, gradient]) {
    expectShape('accumulate', 'adds', expectTensor('accumulate', 'adds', adds, { dtype: 'i32' }), [1]);
    const { shape } = expectTensor('accumulate', 'sum', sum, { rank: 1 });
    expectShape('accumulate', 'gradient', expectTensor('accumulate', 'gradient', gradient, {}), shape);
    return [{ dtype: 'f32', shape, image: false }];
  },
};

/** Returns sum + gradient, [P], or `gradient` alone in steps where `adds`, i32 [1], is 0. @throws ERR_SHAPE */
export function accumulate(adds: Tensor, sum: Tensor, gradient: Tensor): Tensor {
  return first(apply(accumulateOp, [adds, sum, gradient]));
}

/** counter[1] += 1, the number of steps done, which is part of the key of random numbers. gate i32 [1], counter i32 [2]. */
const advanceOp: Op = {
  name: 'advance',
  attributes: [],
  readsSlices: false,
  writesSlices: false,
  writesState: [1],
  inferShape([gate, counter]) {
    expectShape('advance', 'gate', expectTensor('advance', 'gate', gate, { dtype: 'i32' }), [1]);
    expectShape('advance', 'counter', expectTensor('advance', 'counter', counter, { dtype: 'i32' }), [2]);
    return [];
  },
};

/** Makes the node that counts a step. @throws ERR_SHAPE */
export function advance(gate: Tensor, counter: Tensor): Node {
  return applyNode(advanceOp, [gate, counter]);
}

/**
 * The rates of LARS (You, Gitman and Ginsburg, arXiv:1708.03888), one per segment: rate trust |w| / (|scale g| + decay |w|).
 * If |w| or the divisor is 0, or if the segment ends after element `trusted`, it is `rate`. parameters, gradient [P]; scale
 * [1], optional; ends i32, rates, decays [S] -> rates [S].
 */
const trustRatiosOp: Op = {
  name: 'trustRatios',
  attributes: [
    ['trust', 'f32'],
    ['trusted', 'i32'],
  ],
  readsSlices: false,
  writesSlices: false,
  inferShape([parameters, gradient, scale, ...table]) {
    const { shape } = expectTensor('trustRatios', 'parameters', parameters, { rank: 1 });
    expectShape('trustRatios', 'gradient', expectTensor('trustRatios', 'gradient', gradient, {}), shape);
    expectOptional('trustRatios', [scale]);
    expectSegments('trustRatios', table);
    return [{ dtype: 'f32', shape: table[0]?.shape ?? [], image: false }];
  },
};

/** Inputs of trustRatios(). */
export interface TrustInputs {
  /** The weights: f32 [P]. */
  parameters: Tensor;
  /** Their gradient: f32 [P]. */
  gradient: Tensor;
  /** A factor on the gradient: f32 [1]. Default: none. */
  scale?: Tensor | null;
  /** The segments, one per parameter tensor. */
  segments: Segments;
}

/** Attributes of trustRatios(). */
export interface TrustAttributes {
  /** The trust coefficient, a factor on the ratio of the norms. */
  trust: number;
  /** Number of elements, at the beginning of the arena, whose segments get a trust ratio. */
  trusted: number;
}

/** Returns the rate of each segment for LARS: f32 [S], to take the place of `segments.rates`. @throws ERR_SHAPE */
export function trustRatios(inputs: TrustInputs, attributes: TrustAttributes): Tensor {
  const { parameters, gradient, scale = null, segments } = inputs;
  const { ends, rates, decays } = segments;
  return first(apply(trustRatiosOp, [parameters, gradient, scale, ends, rates, decays], { ...attributes }));
}

/** All ops of this file. */
export const updateOps: readonly Op[] = [
  ...[sgdOp, sgdCheckOp, adamOp, adamCheckOp],
  ...[averageWeightsOp, assignOp, advanceOp, trustRatiosOp, accumulateOp],
];
