/**
 * The activations: their table, and the functions that make one. Every export is a public name of the package; an activation
 * that is added here and in native/activations.def needs nothing else, and one that is added in one place only does not compile.
 */
import { invalid, numberFromText } from '../errors';
import { anyNumber, optional } from '../options/field';
import { Options } from '../options/options';
import { type ActivationRow, checkRange, checkSlope, defaultRange, leakyCurve } from './activationRow';
import type { NativeActivation } from './nativeActivations';
import { normalDensity, normalShare } from './normalDistribution';

export type { ActivationCurve, ActivationRow } from './activationRow';

/** Name of an activation. */
export type ActivationKind = NativeActivation | 'rrelu';

/** An activation function with its parameters, as sigmoid(), tanh(), ... and parseActivation() make it. */
export interface Activation {
  /** Name of the function. */
  readonly kind: ActivationKind;
  /** The factor a for x < 0; 0 for a function without one; for rrelu the mean of its range, which inference uses. */
  readonly slope: number;
  /** The bounds between which rrelu draws slopes in training. Only rrelu has it. */
  readonly range?: readonly [lower: number, upper: number];
}

const sech2 = (x: number): number => 1 / Math.cosh(x) ** 2;
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Every activation that is a function of x alone (all but rrelu), by name; native/activations.def has the same rows, in f32. */
export const activations: Readonly<Record<NativeActivation, ActivationRow>> = {
  sigmoid: {
    slope: null,
    curve: () => ({ value: logistic, slope: (x) => sech2(x / 2) / 4, kink: false }),
  },
  scaledSigmoid: {
    slope: null,
    curve: () => ({ value: (x) => 2 * Math.tanh(x / 2), slope: (x) => sech2(x / 2), kink: false }),
  },
  tanh: {
    slope: null,
    curve: () => ({ value: Math.tanh, slope: sech2, kink: false }),
  },
  leakyTanh: {
    slope: { minimum: 0, maximum: 0.5, default: 0.25 },
    curve: (a) => ({
      value: (x) => (x < 0 ? a : 1) * Math.tanh(x),
      slope: (x) => (x < 0 ? a : 1) * sech2(x),
      kink: true,
    }),
  },
  relu: {
    slope: null,
    curve: () => leakyCurve(0),
  },
  leakyRelu: {
    slope: { minimum: 0, maximum: 1, default: 0.25 },
    curve: leakyCurve,
  },
  elu: {
    slope: { minimum: 0, maximum: 10, default: 1 },
    curve: (a) => ({
      value: (x) => (x < 0 ? a * Math.expm1(x) : x),
      slope: (x) => (x < 0 ? a * Math.exp(x) : 1),
      kink: true,
    }),
  },
  relu6: {
    slope: null,
    curve: () => ({
      value: (x) => Math.min(6, Math.max(0, x)), // They keep NaN.
      slope: (x) => (x < 0 || x >= 6 ? 0 : 1),
      kink: true,
    }),
  },
  gelu: {
    slope: null,
    curve: () => ({
      value: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x * normalShare(x)),
      slope: (x) => (Number.isFinite(x) ? normalShare(x) + x * normalDensity(x) : normalShare(x)),
      kink: false,
    }),
  },
  silu: {
    slope: null,
    curve: () => ({
      value: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x * logistic(x)),
      slope: (x) => (Number.isFinite(x) ? logistic(x) * (1 + x * logistic(-x)) : logistic(x)),
      kink: false,
    }),
  },
  hardSwish: {
    slope: null,
    curve: () => ({
      value: (x) => (x < -3 ? 0 : (x * Math.min(6, x + 3)) / 6),
      slope: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 1 / 2),
      kink: false,
    }),
  },
};

const make = (kind: NativeActivation, slope?: number): Activation => ({
  kind,
  slope: checkSlope(kind, activations[kind], slope),
});

/** Returns the logistic sigmoid, 1 / (1 + e^-x). f'(0) = 1/4: the paper's network does not train with it (arXiv:1602.05980). */
export const sigmoid = (): Activation => make('sigmoid');
/** Returns the paper's sigmoid* (arXiv:1602.05980), 4 sigmoid(x) - 2. f'(0) = 1. */
export const scaledSigmoid = (): Activation => make('scaledSigmoid');
/** Returns tanh x. f'(0) = 1. */
export const tanh = (): Activation => make('tanh');
/**
 * Returns penalised (leaky) tanh: tanh x, and a tanh x for x < 0.
 * @param a 0 to 0.5, default 0.25.
 * @throws ERR_INVALID_ARGUMENT
 */
export const leakyTanh = (a?: number): Activation => make('leakyTanh', a);
/** Returns the rectifier: x, and 0 for x < 0. */
export const relu = (): Activation => make('relu');
/** Returns the leaky rectifier: x, and a x for x < 0. @param a 0 to 1, default 0.25. @throws ERR_INVALID_ARGUMENT */
export const leakyRelu = (a?: number): Activation => make('leakyRelu', a);
/**
 * Returns ELU: x, and a (e^x - 1) for x < 0 (Clevert et al., arXiv:1511.07289).
 * @param a 0 to 10, default 1. @throws ERR_INVALID_ARGUMENT
 */
export const elu = (a?: number): Activation => make('elu', a);

/** Returns ReLU6: x between 0 and 6 (Howard et al., arXiv:1704.04861). */
export const relu6 = (): Activation => make('relu6');
/** Returns GELU: x P(X < x) for a standard normal X, not its approximation by tanh (Hendrycks and Gimpel, arXiv:1606.08415). */
export const gelu = (): Activation => make('gelu');
/** Returns SiLU, also called swish: x / (1 + e^-x) (Elfwing et al., arXiv:1702.03118). */
export const silu = (): Activation => make('silu');
/** Returns hard-swish: x min(max(x + 3, 0), 6) / 6 (Howard et al., arXiv:1905.02244). */
export const hardSwish = (): Activation => make('hardSwish');

const rreluOptions = new Options<{ lower?: number; upper?: number }>('rrelu()', {
  lower: optional(anyNumber),
  upper: optional(anyNumber),
});

/**
 * Returns the randomised leaky rectifier (Xu et al., arXiv:1505.00853): x, and a x for x < 0. In training, a is drawn from
 * U[lower, upper] for every element and step; in inference it is (lower + upper) / 2.
 * @param range bounds of the slopes: 1e-6 <= lower <= upper <= 1; default 1/8 and 1/3
 * @throws ERR_INVALID_ARGUMENT for bounds out of range
 */
export function rrelu(range: { lower?: number; upper?: number } = {}): Activation {
  const { lower = defaultRange[0], upper = defaultRange[1] } = rreluOptions.check(range);
  checkRange(lower, upper);
  return { kind: 'rrelu', slope: (lower + upper) / 2, range: [lower, upper] };
}

/**
 * Returns the activation that a text names: "tanh", "leakyTanh:0.3" or "rrelu:0.1:0.3"; without numbers, with its defaults.
 * @throws ERR_INVALID_ARGUMENT for an unknown name (the message lists the names), or a slope out of range (it gives the range)
 */
export function parseActivation(text: string): Activation {
  if (typeof text !== 'string') throw invalid('activation', 'its name as a string', text);
  const [kind = '', slope, ...rest] = text.split(':');
  if (kind === 'rrelu') return parseRandomized(text);
  if (!Object.hasOwn(activations, kind))
    throw invalid('activation', `one of ${Object.keys(activations).join(', ')}, rrelu`, kind);
  if (slope === undefined) return make(kind as NativeActivation);
  const value = rest.length > 0 ? Number.NaN : numberFromText(slope);
  if (Number.isNaN(value)) throw invalid('activation', `NAME or NAME:SLOPE with a number`, text);
  return make(kind as NativeActivation, value);
}

function parseRandomized(text: string): Activation {
  const numbers = text.split(':').slice(1);
  if (numbers.length === 0) return rrelu();
  const [lower, upper] = numbers.map(numberFromText);
  if (numbers.length !== 2 || Number.isNaN(lower) || Number.isNaN(upper)) {
    throw invalid('activation', 'rrelu or rrelu:LOWER:UPPER with numbers', text);
  }
  return rrelu({ lower, upper });
}
