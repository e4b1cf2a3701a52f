/**
 * References of the activations, from the paper's formulas. The hyperbolic derivatives are sech²(x), with x from the inverse of
 * f, and not the kernels' formulas in y, so that a mistake in those is found.
 */
import { type NativeActivation, nativeActivations, savesInput } from '../../lib/ops/nativeActivations';
import { sumOverRows } from './convolution';
import { type Attributes, at, map, need, type Values } from './values';

interface Reference {
  f(x: number, a: number): number;
  /** f'(x) from y = f(x), or from x where the table says so. `negative`: whether x < 0. */
  derivative(saved: number, a: number, negative: boolean): number;
  /** Whether f has a kink at x = 0. */
  kink: boolean;
}

const sech2 = (x: number): number => 1 / Math.cosh(x) ** 2;

const root2pi = Math.sqrt(2 * Math.PI);

/** Places and weights of Gauss and Legendre's rule with five points, on [-1, 1]. */
const gauss = [
  [0, 0.5688888888888889],
  [0.5384693101056831, 0.4786286704993665],
  [-0.5384693101056831, 0.4786286704993665],
  [0.906179845938664, 0.2369268850561891],
  [-0.906179845938664, 0.2369268850561891],
] as const;

/** The integral of f over an interval by Gauss and Legendre's rule. */
function integral(f: (s: number) => number, from: number, to: number): number {
  const half = (to - from) / 2;
  let sum = 0;
  for (let i = 0; i < gauss.length; i++) {
    const [place, weight] = gauss[i] as (typeof gauss)[number];
    sum += weight * f(from + half * (1 + place));
  }
  return half * sum;
}

const density = (x: number): number => Math.exp(-(x ** 2) / 2) / root2pi;

/** Distance of the points at which tails are integrated. */
const spacing = 1 / 8;
const tails = new Map<number, number>();

/** The share of a standard normal distribution below -index * spacing, by integration over the tail in short pieces. */
function tail(index: number): number {
  const known = tails.get(index);
  if (known !== undefined) return known;
  const x = -index * spacing;
  // The density at x - s is that at x times e^(x s - s² / 2), which is 0 in double precision from s = 9 on.
  let sum = 0;
  for (let s = 0; s < 9; s += spacing) sum += integral((t) => Math.exp(x * t - t ** 2 / 2), s, s + spacing);
  const share = sum * density(x);
  tails.set(index, share);
  return share;
}

/** The share of a standard normal distribution below x: the tail below the next point, and what lies between it and x. */
function normalBelow(x: number): number {
  if (x > 0) return 1 - normalBelow(-x);
  if (x < -38) return 0;
  const index = Math.ceil(-x / spacing);
  return tail(index) + integral(density, -index * spacing, x);
}

/** A row for each activation of native/activations.def. */
const references: Readonly<Record<NativeActivation, Reference>> = {
  sigmoid: {
    f: (x) => 1 / (1 + Math.exp(-x)),
    derivative: (y) => y * (1 - y),
    kink: false,
  },
  scaledSigmoid: {
    f: (x) => 2 * Math.tanh(x / 2),
    derivative: (y) => sech2(Math.atanh(y / 2)),
    kink: false,
  },
  tanh: {
    f: (x) => Math.tanh(x),
    derivative: (y) => sech2(Math.atanh(y)),
    kink: false,
  },
  leakyTanh: {
    f: (x, a) => (x < 0 ? a : 1) * Math.tanh(x),
    derivative: (y, a, negative) => {
      if (!negative) return sech2(Math.atanh(y));
      return a === 0 ? 0 : a * sech2(Math.atanh(y / a));
    },
    kink: true,
  },
  relu: {
    f: (x) => Math.max(0, x), // Math.max keeps NaN
    derivative: (y) => (y > 0 ? 1 : 0),
    kink: true,
  },
  leakyRelu: {
    f: (x, a) => (x < 0 && a === 0 ? 0 : (x < 0 ? a : 1) * x),
    derivative: (_, a, negative) => (negative ? a : 1),
    kink: true,
  },
  elu: {
    f: (x, a) => (x < 0 ? a * Math.expm1(x) : x),
    derivative: (y, a, negative) => {
      if (!negative) return 1;
      return a === 0 ? 0 : a * Math.exp(Math.log1p(y / a));
    },
    kink: true,
  },
  relu6: {
    f: (x) => Math.min(6, Math.max(0, x)),
    derivative: (y) => (y > 0 && y < 6 ? 1 : 0),
    kink: true,
  },
  gelu: {
    f: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x * normalBelow(x)),
    derivative: (x) => (Math.abs(x) > 50 ? normalBelow(x) : normalBelow(x) + (x * Math.exp(-(x ** 2) / 2)) / root2pi),
    kink: false,
  },
  silu: {
    f: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x / (1 + Math.exp(-x))),
    derivative: (x) => (Math.abs(x) > 700 ? (x > 0 ? 1 : 0) : (1 + Math.exp(-x) * (1 + x)) / (1 + Math.exp(-x)) ** 2),
    kink: false,
  },
  hardSwish: {
    f: (x) => (x <= -3 ? 0 : x >= 3 ? x : (x * (x + 3)) / 6),
    derivative: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6),
    kink: true,
  },
};

function reference({ kind = -1 }: Attributes): Reference {
  const name = nativeActivations[kind];
  if (!name) throw new Error(`no reference for activation ${kind}`);
  return references[name];
}

export const hasKink = (attributes: Attributes): boolean => reference(attributes).kink;

/** Returns x + bias. */
export function preActivation(x: Values, bias: Values | null | undefined): Values {
  return bias ? map(x, (value, i) => value + at(bias.data, i % bias.data.length)) : x;
}

export function activation(x: Values, bias: Values | null | undefined, attributes: Attributes): Values {
  const { f } = reference(attributes);
  return map(preActivation(x, bias), (value) => f(value, attributes.slope ?? 0));
}

/** Whether the derivative of an activation is computed from its input. */
export const needsInput = ({ kind = -1 }: Attributes): boolean =>
  savesInput.some((name) => name === nativeActivations[kind]);

/**
 * Returns f'(x) for every element, from y = f(x), or from x if needsInput(). NaN gives NaN. A y that f cannot reach (it comes from
 * rounding) counts as saturated: 0.
 */
export function derivativeFromSaved(saved: Values, attributes: Attributes): Values {
  const { derivative } = reference(attributes);
  const { slope = 0 } = attributes;
  if (needsInput(attributes)) return map(saved, (x) => (Number.isNaN(x) ? x : derivative(x, slope, x < 0)));
  return map(saved, (value) => {
    if (Number.isNaN(value)) return value;
    // With slope 0, or one so small that the products underflow, x < 0 gives y = 0 or -0: 0 belongs to the negative side.
    const negative = slope >= 2 ** -23 ? value < 0 : value <= 0;
    const result = derivative(value, slope, negative);
    return Number.isNaN(result) ? 0 : Math.max(0, result);
  });
}

export function activationGradient(dy: Values, y: Values, attributes: Attributes): Values[] {
  const slopes = derivativeFromSaved(y, attributes);
  const dx = map(need(dy), (value, i) => value * at(slopes.data, i));
  return [dx, sumOverRows(dx)];
}

export function clamp(x: Values, { low = 0, high = 0 }: Attributes): Values {
  return map(x, (value) => (value < low ? low : value > high ? high : value));
}

export function clampGradient(dy: Values, y: Values, { low = 0, high = 0 }: Attributes): Values {
  return map(dy, (value, i) => {
    const result = at(y.data, i);
    if (Number.isNaN(result)) return result;
    return value * (result > low && result < high ? 1 : 0);
  });
}
