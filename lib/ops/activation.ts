import { invalid } from '../errors';
import { custom, type Field, instance, optional, text } from '../options/field';
import { isArray } from '../options/values';
import { type AttributeField, apply, isTensor, type Op, type Tensor, tensorField } from '../tensor/tensor';
import {
  type ActivationCurve,
  type ActivationRow,
  checkRange,
  checkSlope,
  defaultRange,
  leakyCurve,
} from './activationRow';
import { type Activation, activations, leakyRelu, parseActivation } from './activations';
import { type NativeActivation, nativeActivations, savesInput } from './nativeActivations';
import { expectShape, expectTensor, first, opOptions, shapeError } from './op';
import { randomizedRelu } from './randomizedRelu';

/**
 * Returns the row of a kind of activation that is a function of x alone.
 * @throws ERR_INVALID_ARGUMENT for rrelu and unknown kinds
 */
export function activationRow(kind: string): ActivationRow {
  const names = Object.keys(activations);
  if (!names.includes(kind)) throw invalid('activation', `one of ${names.join(', ')}, rrelu`, kind);
  return activations[kind as keyof typeof activations];
}

/** Returns the range of an rrelu, checked, because any object may be given as an Activation. @throws ERR_INVALID_ARGUMENT */
function rangeOf({ range = defaultRange }: Activation): readonly [number, number] {
  if (!isArray(range) || range.length !== 2) throw invalid('range of rrelu', '[lower, upper]', range);
  checkRange(range[0], range[1]);
  return [range[0], range[1]];
}

/** Returns an activation as a function in double precision; of rrelu, that of inference. @throws ERR_INVALID_ARGUMENT */
export function curveOf(activation: Activation): ActivationCurve {
  encodeActivation(activation); // Throws for an unknown kind and for a slope out of range.
  if (activation.kind === 'rrelu') return leakyCurve(activation.slope);
  return activationRow(activation.kind).curve(activation.slope);
}

/** Returns E[f'(x)²] near x = 0, over both signs of x: initialisers divide the variance by it (equations 3 to 6 of the paper). */
export function gainOfCurve({ slope }: ActivationCurve): number {
  const [above, below] = [slope(0), slope(-Number.MIN_VALUE)];
  return (above * above + below * below) / 2;
}

/** Returns E[f'(x)²] near x = 0, over both signs of x and, for rrelu, over its random slopes. @throws ERR_INVALID_ARGUMENT */
export function meanSquareGain(activation: Activation): number {
  encodeActivation(activation); // Throws for what is no activation.
  if (activation.kind !== 'rrelu') return gainOfCurve(activationRow(activation.kind).curve(activation.slope));
  const [lower, upper] = rangeOf(activation);
  return (1 + (lower * lower + lower * upper + upper * upper) / 3) / 2;
}

/**
 * Returns the gain by which default initialisers divide the variance of weights: E[f'(x)²] near x = 0, or far from it where that is
 * larger. It is for gelu, silu and hardSwish (1/4 and 1/2), with which signals would otherwise grow from layer to layer.
 * @throws ERR_INVALID_ARGUMENT
 */
export function initialGain(activation: Activation): number {
  const near = meanSquareGain(activation);
  const { slope } = curveOf(activation);
  const [above, below] = [slope(Number.POSITIVE_INFINITY), slope(Number.NEGATIVE_INFINITY)];
  return Math.max(near, (above * above + below * below) / 2);
}

/**
 * Returns an activation as a text that parseActivation() reads: "tanh", "leakyTanh:0.25", "rrelu:0.125:0.25".
 * @throws ERR_INVALID_ARGUMENT
 */
export function formatActivation(activation: Activation): string {
  const { kind, slope } = activation;
  if (kind === 'rrelu') return [kind, ...rangeOf(activation)].join(':');
  return activationRow(kind).slope ? `${kind}:${slope}` : kind;
}

const activationAttributes: readonly AttributeField[] = [
  ['kind', 'i32'],
  ['slope', 'f32'],
];

/**
 * Returns the attributes of an activation; of rrelu, those of inference. Any object may be given, so it is checked.
 * @throws ERR_INVALID_ARGUMENT for an unknown kind, or a slope or range that does not fit it
 */
export function encodeActivation(activation: Activation): { kind: number; slope: number } {
  if (activation?.kind === 'rrelu') {
    const [lower, upper] = rangeOf(activation);
    return encodeActivation(leakyRelu((lower + upper) / 2));
  }
  const row = activationRow(activation?.kind);
  const id = nativeActivations.indexOf(activation.kind as NativeActivation);
  return { kind: id, slope: checkSlope(activation.kind, row, row.slope ? activation.slope : undefined) };
}

/** Whether the derivative of an activation is computed from its input, because its output does not tell it. */
const needsInput = (kind: string | undefined): boolean => savesInput.some((name) => name === kind);

/**
 * y = f(x + bias). x: any shape; bias: [last dimension of x], optional. The backward pass of most activations needs only y, so y may
 * overwrite x. That of the others (gelu, silu, hardSwish) needs x, and then there is no bias.
 */
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
    const isInput = needsInput(nativeActivations[node.attributes.kind as number]);
    const saved = isInput ? node.inputs[0] : node.outputs[0];
    if (!dy || !saved) return [];
    if (isInput && node.inputs[1])
      throw shapeError('activation', 'bias', 'no bias, as activate() makes it', node.inputs[1].shape);
    const { dx, dbias } = activationGradient(dy, saved, node.attributes, { name: node.name });
    return [dx, biasNeeded ? dbias : null];
  },
  saved: {
    options: ({ attributes: { kind = 0, slope = 0 } }) => ({
      activation: formatActivation({ kind: nativeActivations[kind] as NativeActivation, slope }),
    }),
    make([x, bias], options, name) {
      const { activation } = options as { activation: string };
      return activate(x, parseActivation(activation), { bias: bias ?? undefined, name });
    },
  },
};

/** Options of activate(). */
export interface ActivateOptions {
  /** A bias that is added before the activation: [last dimension of x]. Default: none. */
  bias?: Tensor;
  /** Name of the layer. rrelu in training must have one, which selects its random numbers. */
  name?: string;
  /** Whether this is training, with the State's counter, which rrelu then needs. A ForwardContext fits. Default: inference. */
  context?: { readonly training: boolean; readonly counter: Tensor | null };
}

/** Accepts an Activation, whose kind and numbers encodeActivation() checks. */
export const activationField: Field<Activation> = instance<Activation>(
  'an activation such as tanh()',
  ({ kind }) => typeof kind === 'string',
);

/** A ForwardContext has more members, so unknown ones are no mistake here. */
const contextField = instance<{ readonly training: boolean; readonly counter: Tensor | null }>(
  'a ForwardContext, or { training, counter }',
  ({ training, counter }) => typeof training === 'boolean' && (counter === null || isTensor(counter)),
);

const activateOptions = opOptions<ActivateOptions>('activate', {
  bias: optional(tensorField),
  name: optional(text),
  context: optional(contextField),
});

/**
 * Returns f(x + bias), element by element, in the shape of x.
 * @throws ERR_SHAPE if x is not f32 or the bias does not fit; ERR_INVALID_ARGUMENT for an unknown activation, a slope or
 * range out of bounds, or an rrelu in training without name or counter
 */
export function activate(x: Tensor, activation: Activation, options: ActivateOptions = {}): Tensor {
  const { bias, name, context } = activateOptions.check(options);
  if (activation?.kind === 'rrelu' && context?.training) {
    const { counter } = context;
    if (!counter) throw invalid('context.counter', 'the counter of a State, which rrelu needs in training', counter);
    if (name === undefined) throw invalid('name', 'a name, to which the random slopes of rrelu belong', name);
    const [lower, upper] = rangeOf(activation);
    return randomizedRelu(x, { counter, lower, upper, name, bias });
  }
  const attributes = encodeActivation(activation);
  // The backward pass then needs x + bias. A leaky relu of slope 1 does nothing else, and a convolution can take it in.
  if (bias && needsInput(activation.kind))
    return activate(activate(x, leakyRelu(1), { bias, name }), activation, { name });
  return first(apply(activationOp, [x, bias ?? null], attributes, name));
}

/**
 * dx = dy f'(x), with f' computed from y, and dbias = dx summed over all dimensions but the last. y is the output of the activation;
 * of those whose output does not tell f' (gelu, silu, hardSwish), it is the input x. native/activations.def says which. dy and y
 * have one shape; either may be a slice of a concatenation.
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

/** Returns dx and dbias of an activation. `attributes` are those of the forward node. @throws ERR_SHAPE */
export function activationGradient(
  dy: Tensor,
  y: Tensor,
  attributes: Readonly<Record<string, number>>,
  { name }: { name?: string } = {},
): { dx: Tensor; dbias: Tensor } {
  const [dx, dbias] = apply(activationGradientOp, [dy, y], attributes, name) as [Tensor, Tensor];
  return { dx, dbias };
}

/** Returns the gradient of a bias that was added to the last dimension: dy summed over all others. @throws ERR_SHAPE */
export function biasGradient(dy: Tensor, name?: string): Tensor {
  // A leaky relu of slope 1 changes nothing, so its derivative is 1, whatever its output was.
  return activationGradient(dy, dy, encodeActivation(leakyRelu(1)), { name }).dbias;
}

const clampAttributes: readonly AttributeField[] = [
  ['low', 'f32'],
  ['high', 'f32'],
];

/** y = x between the bounds `low` and `high`, element by element; NaN stays NaN. x: any shape. */
export const clampOp: Op = {
  name: 'clamp',
  attributes: clampAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inPlace: true,
  inferShape([x]) {
    const { shape, image } = expectTensor('clamp', 'x', x, {});
    return [{ dtype: 'f32', shape, image }];
  },
  gradient: ({ attributes, name, outputs: [y = null] }, [dy]) =>
    dy ? [first(apply(clampGradientOp, [dy, y], attributes, name))] : [],
  saved: {
    options: ({ attributes: { low = 0, high = 0 } }) => ({
      ...(low !== Number.NEGATIVE_INFINITY && { low }),
      ...(high !== Number.POSITIVE_INFINITY && { high }),
    }),
    make: ([x], options, name) => clamp(x, { ...options, name }),
  },
};

/** Accepts the bound of a clamp. */
const boundField: Field<number> = custom(
  'a finite number that f32 can hold',
  (value) => typeof value === 'number' && Number.isFinite(Math.fround(value)),
);

/** Options of clamp(). */
export interface ClampOptions {
  /** The lower bound, a finite number; default: none. */
  low?: number;
  /** The upper bound, a finite number, at least `low`; default: none. */
  high?: number;
  /** Name of the layer, for messages and traces. Default: the op's name. */
  name?: string;
}

const clampOptions = opOptions<ClampOptions>('clamp', {
  low: optional(boundField),
  high: optional(boundField),
  name: optional(text),
});

/**
 * Returns x between two bounds, rounded to f32: low where x is below it, high where x is above it. The gradient is 0 where the result is
 * a bound. activate(x, relu6()) is the clamp from 0 to 6 that can follow a bias.
 * @param x f32, any shape
 * @param options low, high and name
 * @throws ERR_SHAPE if x is not f32; ERR_INVALID_ARGUMENT if a bound is no finite number, or high is below low
 */
export function clamp(x: Tensor, options: ClampOptions): Tensor {
  const { low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY, name } = clampOptions.check(options);
  if (high < low) throw invalid('high', `a number of at least low, ${low}`, high);
  return first(apply(clampOp, [x], { low: Math.fround(low), high: Math.fround(high) }, name));
}

/** dx = dy where y is between the bounds, and 0 where it is one of them. dy and y have one shape. */
export const clampGradientOp: Op = {
  name: 'clampGradient',
  attributes: clampAttributes,
  readsSlices: true,
  writesSlices: true,
  halfImages: true,
  inPlace: true,
  inferShape([dy, y]) {
    const { shape, image } = expectTensor('clampGradient', 'y', y, {});
    expectShape('clampGradient', 'dy', expectTensor('clampGradient', 'dy', dy, { image }), shape);
    return [{ dtype: 'f32', shape, image }];
  },
};

/** All ops of this file. */
export const activationOps: readonly Op[] = [activationOp, activationGradientOp, clampOp, clampGradientOp];
