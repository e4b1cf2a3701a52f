import { checkNumber, invalid } from '../errors';
import type { ForwardContext } from '../layers/context';
import { apply, type Tensor } from '../tensor';
import { activationGradient } from './activationGradient';
import { type AttributeField, expectShape, expectTensor, first, type Op, shapeError } from './op';
import { checkRange, randomizedRelu } from './randomizedRelu';

type DeterministicKind = 'sigmoid' | 'scaledSigmoid' | 'tanh' | 'leakyTanh' | 'relu' | 'leakyRelu' | 'elu';
export type ActivationKind = DeterministicKind | 'rrelu';

/** One of the activations. */
export interface Activation {
  readonly kind: ActivationKind;
  /** The factor a of the negative side, 0 where there is none; of rrelu: the mean of its range, its slope in inference. */
  readonly slope: number;
  /** Of rrelu alone: in training, slopes are drawn from here. */
  readonly range?: readonly [lower: number, upper: number];
}

/** A row per activation that is a function of x alone; native/activations.h has the same rows, in f32. */
export interface ActivationRow {
  readonly kind: DeterministicKind;
  /** SN_SIGMOID... of native/backend.h. */
  readonly id: number;
  /** Allowed slopes and the default; null: the activation has none. */
  readonly slope: { readonly minimum: number; readonly maximum: number; readonly default: number } | null;
  /** E[f'(x)²] near x = 0 over both signs: the gain that initialisers divide by (SPEC: equations 3-6 of the paper). */
  readonly meanSquareGain: (slope: number) => number;
  /** f(0). */
  readonly atZero: number;
}

export const activations: readonly ActivationRow[] = [
  { kind: 'sigmoid', id: 0, slope: null, meanSquareGain: () => 1 / 16, atZero: 1 / 2 },
  { kind: 'scaledSigmoid', id: 1, slope: null, meanSquareGain: () => 1, atZero: 0 },
  { kind: 'tanh', id: 2, slope: null, meanSquareGain: () => 1, atZero: 0 },
  {
    kind: 'leakyTanh',
    id: 3,
    slope: { minimum: 0, maximum: 0.5, default: 0.25 },
    meanSquareGain: (a) => (1 + a * a) / 2,
    atZero: 0,
  },
  { kind: 'relu', id: 4, slope: null, meanSquareGain: () => 1 / 2, atZero: 0 },
  {
    kind: 'leakyRelu',
    id: 5,
    slope: { minimum: 0, maximum: 1, default: 0.25 },
    meanSquareGain: (a) => (1 + a * a) / 2,
    atZero: 0,
  },
  {
    kind: 'elu',
    id: 6,
    slope: { minimum: 0, maximum: 10, default: 1 },
    meanSquareGain: (a) => (1 + a * a) / 2,
    atZero: 0,
  },
];

export function activationRow(kind: string): ActivationRow {
  const row = activations.find((candidate) => candidate.kind === kind);
  if (!row) throw invalid('activation', `one of ${activations.map((r) => r.kind).join(', ')}, rrelu`, kind);
  return row;
}

/** E[f'(x)²] near x = 0, over both signs and, for rrelu, over its slopes. */
export function meanSquareGain(activation: Activation): number {
  if (activation.kind !== 'rrelu') return activationRow(activation.kind).meanSquareGain(activation.slope);
  const [lower, upper] = rangeOf(activation);
  return (1 + (lower * lower + lower * upper + upper * upper) / 3) / 2;
}

function make(kind: DeterministicKind, slope?: number): Activation {
  const row = activationRow(kind);
  if (!row.slope) {
    if (slope !== undefined) throw invalid(`slope of ${kind}`, 'no slope', slope);
    return { kind, slope: 0 };
  }
  const value = slope ?? row.slope.default;
  return { kind, slope: checkNumber(`slope of ${kind}`, value, row.slope.minimum, row.slope.maximum) };
}

/** 1 / (1 + e^-x): gain 1/4 at 0, the activation that the paper shows failing. */
export const sigmoid = (): Activation => make('sigmoid');
/** 4 sigmoid(x) - 2, the paper's sigmoid*: gain 1 at 0. */
export const scaledSigmoid = (): Activation => make('scaledSigmoid');
/** tanh x: gain 1 at 0. */
export const tanh = (): Activation => make('tanh');
/** tanh x, times `a` for x < 0 (penalized tanh). @param a 0 to 0.5. */
export const leakyTanh = (a?: number): Activation => make('leakyTanh', a);
/** x, 0 for x < 0. */
export const relu = (): Activation => make('relu');
/** x, times `a` for x < 0. @param a 0 to 1. */
export const leakyRelu = (a?: number): Activation => make('leakyRelu', a);
/** x, a (e^x - 1) for x < 0 (Clevert et al., arXiv:1511.07289). @param a 0 to 10, default 1. */
export const elu = (a?: number): Activation => make('elu', a);

/** As MXNet's LeakyReLU(act_type='rrelu'). */
const defaultRange = [1 / 8, 1 / 3] as const;

/**
 * x, times a slope for x < 0: in training one of its own for every element and step, from U[lower, upper]; in inference
 * their mean (Xu et al., arXiv:1505.00853). 0 < lower <= upper <= 1; default 1/8 and 1/3.
 */
export function rrelu({ lower = defaultRange[0], upper = defaultRange[1] } = {}): Activation {
  checkRange(lower, upper);
  return { kind: 'rrelu', slope: (lower + upper) / 2, range: [lower, upper] };
}

/** Of an rrelu that the caller made. */
function rangeOf({ range = defaultRange }: Activation): readonly [number, number] {
  if (!Array.isArray(range) || range.length !== 2) throw invalid('range of rrelu', '[lower, upper]', range);
  checkRange(range[0], range[1]);
  return [range[0], range[1]];
}

/** "tanh", "leakyTanh:0.3" or "rrelu:0.1:0.3". @throws ERR_INVALID_ARGUMENT naming the choices or the slope's range. */
export function parseActivation(text: string): Activation {
  const [kind = '', slope, ...rest] = text.split(':');
  if (kind === 'rrelu') return parseRandomized(text);
  const row = activationRow(kind);
  if (slope === undefined) return make(row.kind);
  const value = slope.trim() === '' || rest.length > 0 ? Number.NaN : Number(slope);
  if (Number.isNaN(value)) throw invalid('activation', `NAME or NAME:SLOPE with a number`, text);
  return make(row.kind, value);
}

function parseRandomized(text: string): Activation {
  const numbers = text.split(':').slice(1);
  if (numbers.length === 0) return rrelu();
  const [lower, upper] = numbers.map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (numbers.length !== 2 || Number.isNaN(lower) || Number.isNaN(upper)) {
    throw invalid('activation', 'rrelu or rrelu:LOWER:UPPER with numbers', text);
  }
  return rrelu({ lower, upper });
}

export function formatActivation(activation: Activation): string {
  const { kind, slope } = activation;
  if (kind === 'rrelu') return [kind, ...rangeOf(activation)].join(':');
  return activationRow(kind).slope ? `${kind}:${slope}` : kind;
}

export const activationAttributes: readonly AttributeField[] = [
  ['kind', 'i32'],
  ['slope', 'f32'],
];

/** The attributes of an Activation that the caller made, in inference; checked again, since any object may come. */
export function encodeActivation(activation: Activation): { kind: number; slope: number } {
  if (activation?.kind === 'rrelu') {
    const [lower, upper] = rangeOf(activation);
    return encodeActivation(leakyRelu((lower + upper) / 2));
  }
  const row = activationRow(activation?.kind);
  const { slope } = make(row.kind, row.slope ? activation.slope : undefined);
  return { kind: row.id, slope };
}

/** y = f(x + bias). x: any shape; bias: [last dimension of x]. The backward pass needs y alone, so y may replace x. */
export const activationOp: Op = {
  name: 'activation',
  attributes: activationAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inPlace: true,
  inferShape([x, bias]) {
    const checked = expectTensor('activation', 'x', x, {});
    if (bias) expectShape('activation', 'bias', expectTensor('activation', 'bias', bias, {}), checked.shape.slice(-1));
    if (bias?.image) throw shapeError('activation', 'bias', 'a vector', [...bias.shape]);
    return [{ dtype: 'f32', shape: checked.shape, image: checked.image }];
  },
  gradient(node, [dy], [, biasNeeded]) {
    const [y] = node.outputs;
    if (!dy || !y) return [];
    const { dx, dbias } = activationGradient(dy, y, node.attributes, { name: node.name });
    return [dx, biasNeeded ? dbias : null];
  },
};

export interface ActivateOptions {
  /** Added before the activation; one value per channel (last dimension). */
  bias?: Tensor;
  /** Of the layer. In training, rrelu must have one: its random numbers belong to it. */
  name?: string;
  /** What for; default inference. */
  context?: Pick<ForwardContext, 'training' | 'counter'>;
}

/** f(x + bias), element by element. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT (unknown activation, slope out of range) */
export function activate(x: Tensor, activation: Activation, options: ActivateOptions = {}): Tensor {
  const { bias, name, context } = options;
  if (activation?.kind === 'rrelu' && context?.training) {
    const { counter } = context;
    if (!counter) throw invalid('context.counter', 'the counter of a State, which rrelu needs in training', counter);
    if (name === undefined) throw invalid('name', 'a name, to which the random slopes of rrelu belong', name);
    const [lower, upper] = rangeOf(activation);
    return randomizedRelu(x, { counter, lower, upper, name, bias });
  }
  return first(apply(activationOp, [x, bias ?? null], encodeActivation(activation), name));
}
