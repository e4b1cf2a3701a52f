import { invalid } from '../errors';
import { type AttributeField, apply, type Op, type Tensor } from '../tensor/tensor';
import {
  type ActivationCurve,
  type ActivationRow,
  checkRange,
  checkSlope,
  defaultRange,
  leakyCurve,
} from './activationRow';
import { type Activation, activations, leakyRelu } from './activations';
import { type NativeActivation, nativeActivations } from './nativeActivations';
import { expectShape, expectTensor, first, shapeError } from './op';
import { randomizedRelu } from './randomizedRelu';

/** The row of an activation that is a function of x alone. @throws ERR_INVALID_ARGUMENT for rrelu and unknown kinds */
export function activationRow(kind: string): ActivationRow {
  const names = Object.keys(activations);
  if (!names.includes(kind)) throw invalid('activation', `one of ${names.join(', ')}, rrelu`, kind);
  return activations[kind as keyof typeof activations];
}

/** The range of an rrelu that the caller made. @throws ERR_INVALID_ARGUMENT */
function rangeOf({ range = defaultRange }: Activation): readonly [number, number] {
  if (!Array.isArray(range) || range.length !== 2) throw invalid('range of rrelu', '[lower, upper]', range);
  checkRange(range[0], range[1]);
  return [range[0], range[1]];
}

/** An activation as a function in double precision; rrelu as in inference. @throws ERR_INVALID_ARGUMENT */
export function curveOf(activation: Activation): ActivationCurve {
  encodeActivation(activation); // Refuses an unknown kind and a slope out of range.
  if (activation.kind === 'rrelu') return leakyCurve(activation.slope);
  return activationRow(activation.kind).curve(activation.slope);
}

/** E[f'(x)²] near x = 0, over both signs: what initialisers divide by (equations 3 to 6 of the paper). */
export function gainOfCurve({ slope }: ActivationCurve): number {
  const [above, below] = [slope(0), slope(-Number.MIN_VALUE)];
  return (above * above + below * below) / 2;
}

/** E[f'(x)²] near x = 0, over both signs and, for rrelu, over its slopes. */
export function meanSquareGain(activation: Activation): number {
  if (activation.kind !== 'rrelu') return gainOfCurve(activationRow(activation.kind).curve(activation.slope));
  const [lower, upper] = rangeOf(activation);
  return (1 + (lower * lower + lower * upper + upper * upper) / 3) / 2;
}

/** An activation as parseActivation reads it. */
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
  const id = nativeActivations.indexOf(activation.kind as NativeActivation);
  return { kind: id, slope: checkSlope(activation.kind, row, row.slope ? activation.slope : undefined) };
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
  /** What for, as a layer's ForwardContext says it; default inference. */
  context?: { readonly training: boolean; readonly counter: Tensor | null };
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

/**
 * dx = dy f'(x), with f' computed from the output y (native/activations.def); dbias = dx summed over all but the last
 * dimension, in the same pass. dy, y: one shape; either may be a slice of a concatenation.
 */
export const activationGradientOp: Op = {
  name: 'activationGradient',
  attributes: activationAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inPlace: true,
  optionalOutputs: [1],
  inferShape([dy, y]) {
    const checked = expectTensor('activationGradient', 'y', y, {});
    const dyChecked = expectTensor('activationGradient', 'dy', dy, { image: checked.image });
    expectShape('activationGradient', 'dy', dyChecked, checked.shape);
    return [
      { dtype: 'f32', shape: checked.shape, image: checked.image },
      { dtype: 'f32', shape: checked.shape.slice(-1), image: false },
    ];
  },
};

export function activationGradient(
  dy: Tensor,
  y: Tensor,
  attributes: Readonly<Record<string, number>>,
  { name }: { name?: string } = {},
): { dx: Tensor; dbias: Tensor } {
  const [dx, dbias] = apply(activationGradientOp, [dy, y], attributes, name) as [Tensor, Tensor];
  return { dx, dbias };
}

export const activationOps: readonly Op[] = [activationOp, activationGradientOp];
