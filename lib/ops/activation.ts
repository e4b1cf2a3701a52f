import { checkNumber, invalid } from '../errors';
import { apply, type Tensor } from '../tensor';
import { activationGradient } from './activationGradient';
import { type AttributeField, expectShape, expectTensor, first, type Op, shapeError } from './op';

export type ActivationKind = 'sigmoid' | 'scaledSigmoid' | 'tanh' | 'leakyTanh' | 'relu' | 'leakyRelu';

/** One of the paper's activations; `slope` is the factor a of the negative side, 0 where there is none. */
export interface Activation {
  readonly kind: ActivationKind;
  readonly slope: number;
}

/** A row per activation; native/activations.h has the same rows, in f32. */
export interface ActivationRow {
  readonly kind: ActivationKind;
  /** SN_SIGMOID... of native/backend.h. */
  readonly id: number;
  /** Allowed slopes and the default; null: the activation has none. */
  readonly slope: { readonly minimum: number; readonly maximum: number; readonly default: number } | null;
  /** E[f'(x)²] near x = 0 over both signs: the gain that initialisers divide by (SPEC: equations 3-6 of the paper). */
  readonly meanSquareGain: (slope: number) => number;
}

export const activations: readonly ActivationRow[] = [
  { kind: 'sigmoid', id: 0, slope: null, meanSquareGain: () => 1 / 16 },
  { kind: 'scaledSigmoid', id: 1, slope: null, meanSquareGain: () => 1 },
  { kind: 'tanh', id: 2, slope: null, meanSquareGain: () => 1 },
  {
    kind: 'leakyTanh',
    id: 3,
    slope: { minimum: 0, maximum: 0.5, default: 0.25 },
    meanSquareGain: (a) => (1 + a * a) / 2,
  },
  { kind: 'relu', id: 4, slope: null, meanSquareGain: () => 1 / 2 },
  {
    kind: 'leakyRelu',
    id: 5,
    slope: { minimum: 0, maximum: 1, default: 0.25 },
    meanSquareGain: (a) => (1 + a * a) / 2,
  },
];

export function activationRow(kind: string): ActivationRow {
  const row = activations.find((candidate) => candidate.kind === kind);
  if (!row) throw invalid('activation', `one of ${activations.map((r) => r.kind).join(', ')}`, kind);
  return row;
}

function make(kind: ActivationKind, slope?: number): Activation {
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
export const tanh = (): Activation => make('tanh');
/** tanh x, times `a` for x < 0 (penalized tanh). @param a 0 to 0.5. */
export const leakyTanh = (a?: number): Activation => make('leakyTanh', a);
export const relu = (): Activation => make('relu');
/** x, times `a` for x < 0. @param a 0 to 1. */
export const leakyRelu = (a?: number): Activation => make('leakyRelu', a);

/** "tanh" or "leakyTanh:0.3". @throws ERR_INVALID_ARGUMENT naming the choices or the slope's range. */
export function parseActivation(text: string): Activation {
  const [kind = '', slope, ...rest] = text.split(':');
  const row = activationRow(kind);
  if (slope === undefined) return make(row.kind);
  const value = slope.trim() === '' || rest.length > 0 ? Number.NaN : Number(slope);
  if (Number.isNaN(value)) throw invalid('activation', `NAME or NAME:SLOPE with a number`, text);
  return make(row.kind, value);
}

export const formatActivation = ({ kind, slope }: Activation): string =>
  activationRow(kind).slope ? `${kind}:${slope}` : kind;

export const activationAttributes: readonly AttributeField[] = [
  ['kind', 'i32'],
  ['slope', 'f32'],
];

/** The attributes of an Activation that the caller made; checked again, since any object may come. */
export function encodeActivation(activation: Activation): { kind: number; slope: number } {
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
  name?: string;
}

/** f(x + bias), element by element. @throws ERR_SHAPE, ERR_INVALID_ARGUMENT (unknown activation, slope out of range) */
export function activate(x: Tensor, activation: Activation, { bias, name }: ActivateOptions = {}): Tensor {
  return first(apply(activationOp, [x, bias ?? null], encodeActivation(activation), name));
}
