import { apply, applyNode, type Node, Tensor } from '../tensor/tensor';
import { copy } from './data';
import { type AttributeField, expectShape, expectTensor, first, type Op, shapeError } from './op';

/** What the ops that change the weights have in common: a factor on the gradient, and rates and decays by segment. */

/** Numbers of consecutive parts of the parameter arena. */
export interface Segments {
  /** i32 [S], increasing: the first element beyond each segment; the last is the arena's size. */
  readonly ends: Tensor;
  /** f32 [S]: factors on the learning rate. */
  readonly rates: Tensor;
  /** f32 [S]: weight decay. */
  readonly decays: Tensor;
}

export interface UpdateInputs {
  /** i32 [1]: nothing is written where it is not 0. */
  gate: Tensor;
  /** [P], of a State. */
  parameters: Tensor;
  /** [P] */
  gradient: Tensor;
  /** [1] */
  learningRate: Tensor;
  /** [1]: a factor on the gradient. */
  scale?: Tensor | null;
  /** Absent: the attributes' weight decay on the first `decayed` elements, and the learning rate everywhere. */
  segments?: Segments | null;
}

export interface DecayAttributes {
  weightDecay: number;
  /** Elements of the arena that decay; they come first. */
  decayed: number;
}

export const decayFields: readonly AttributeField[] = [
  ['weightDecay', 'f32'],
  ['decayed', 'i32'],
];

/** The optional inputs in their order: scale, ends, rates, decays. */
export function optionalInputs({ scale = null, segments = null }: UpdateInputs): (Tensor | null)[] {
  return [scale, segments?.ends ?? null, segments?.rates ?? null, segments?.decays ?? null];
}

/** @throws ERR_SHAPE */
export function expectOptional(op: string, inputs: readonly (Tensor | null | undefined)[]): void {
  const [scale, ...table] = inputs;
  if (scale) expectShape(op, 'scale', expectTensor(op, 'scale', scale, {}), [1]);
  if (table.some((tensor) => tensor)) expectSegments(op, table);
}

/** @throws ERR_SHAPE */
export function expectSegments(op: string, [ends, rates, decays]: readonly (Tensor | null | undefined)[]): void {
  const { shape } = expectTensor(op, 'ends', ends, { dtype: 'i32', rank: 1 });
  expectShape(op, 'rates', expectTensor(op, 'rates', rates, {}), shape);
  expectShape(op, 'decays', expectTensor(op, 'decays', decays, {}), shape);
}

/** Gate, parameters, and what has the parameters' shape, by name. @throws ERR_SHAPE */
export function expectUpdate(
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
 * One step of SGD with momentum over a whole arena: d = scale g + weightDecay w, m = momentum m - lr d, then w = w + m, or
 * with Nesterov w = w + momentum m - lr d. Weight decay on the first `decayed` elements only, unless segments say otherwise.
 * gate i32 [1]; parameters, momentum, gradient [P]; learningRate [1]; optional: scale [1]; ends i32, rates, decays [S].
 */
export const sgdOp: Op = {
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

export interface SgdInputs extends UpdateInputs {
  momentum: Tensor;
}

export interface SgdAttributes extends DecayAttributes {
  momentum: number;
  /** Default false. */
  nesterov?: boolean;
}

export function sgdUpdate(inputs: SgdInputs, { nesterov = false, ...attributes }: SgdAttributes): Node {
  const { gate, parameters, momentum, gradient, learningRate } = inputs;
  return applyNode(sgdOp, [gate, parameters, momentum, gradient, learningRate, ...optionalInputs(inputs)], {
    ...attributes,
    nesterov: Number(nesterov),
  });
}

/**
 * One step of Adam over a whole arena (Kingma and Ba, 1412.6980). With t = counter[1] + 1, the number of this step:
 * d = scale g + weightDecay w, m = m + firstRate (d - m), v = v + secondRate (d² - v),
 * w = w - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon). Decoupled (AdamW, 1711.05101): d = scale g, and w also
 * loses lr weightDecay w. `firstRate` and `secondRate` are 1 - beta1 and 1 - beta2: f32 holds these exactly enough, not the betas.
 * gate i32 [1]; parameters, firstMoment, secondMoment, gradient [P]; learningRate [1]; counter i32 [2] (seed, steps done);
 * optional: scale [1]; ends i32, rates, decays [S].
 */
export const adamOp: Op = {
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

export interface AdamInputs extends UpdateInputs {
  firstMoment: Tensor;
  secondMoment: Tensor;
  /** State.counter */
  counter: Tensor;
}

export interface AdamAttributes extends DecayAttributes {
  beta1: number;
  beta2: number;
  epsilon: number;
  decoupled: boolean;
}

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
 * The exponential moving average of the weights: average = d average + (1 - d) w, with d = min(decay, (1 + t) / (10 + t)) and
 * t = counter[1], the steps done before this one. `rate` is 1 - decay. To be made after the update of the weights in the
 * same step, which it then reads. gate i32 [1]; average, parameters [P]; counter i32 [2]
 */
export const averageWeightsOp: Op = {
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

export interface AverageInputs {
  gate: Tensor;
  average: Tensor;
  parameters: Tensor;
  counter: Tensor;
}

export function averageWeights({ gate, average, parameters, counter }: AverageInputs, decay: number): Node {
  return applyNode(averageWeightsOp, [gate, average, parameters, counter], { rate: 1 - decay });
}

/** target = value, after every read of the old value. gate i32 [1] or absent; target: a tensor of a State. */
export const assignOp: Op = {
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

/** For Graph.from({updates}). @throws ERR_SHAPE */
export function assign(target: Tensor, value: Tensor, { gate = null }: { gate?: Tensor | null } = {}): Node {
  // A part of the State is read before any update writes it: a copy is no update, so it comes before all of them.
  const old = value instanceof Tensor && value.node.source ? copy(value) : value;
  return applyNode(assignOp, [gate, target, old]);
}

/** counter[1] += 1: the step that random numbers are keyed by. gate i32 [1], counter i32 [2] (seed, step). */
export const advanceOp: Op = {
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

export function advance(gate: Tensor, counter: Tensor): Node {
  return applyNode(advanceOp, [gate, counter]);
}

/**
 * The rates of LARS (You, Gitman and Ginsburg, 1708.03888), one per segment: rate trust |w| / (|scale g| + decay |w|). Just
 * `rate` where |w| or the divisor is 0, and in segments that end beyond element `trusted`.
 * parameters, gradient [P]; scale [1] or absent; ends i32, rates, decays [S] -> [S]
 */
export const trustRatiosOp: Op = {
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

export interface TrustInputs {
  parameters: Tensor;
  gradient: Tensor;
  scale?: Tensor | null;
  segments: Segments;
}

export interface TrustAttributes {
  trust: number;
  /** Elements of the arena whose segments get a trust ratio; they come first. */
  trusted: number;
}

/** @throws ERR_SHAPE */
export function trustRatios(inputs: TrustInputs, attributes: TrustAttributes): Tensor {
  const { parameters, gradient, scale = null, segments } = inputs;
  const { ends, rates, decays } = segments;
  return first(apply(trustRatiosOp, [parameters, gradient, scale, ends, rates, decays], { ...attributes }));
}

export const updateOps: readonly Op[] = [sgdOp, adamOp, averageWeightsOp, assignOp, advanceOp, trustRatiosOp];
