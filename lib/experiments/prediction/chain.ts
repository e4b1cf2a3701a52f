/**
 * Predicts variances along a plain chain: Section 2 of the paper, extended to pre-activations of any size (docs/variance.md).
 */
import type { Range } from '../../errors';
import { activationField, curveOf, initialGain, meanSquareGain } from '../../ops/activation';
import type { Activation, ActivationCurve as Curve } from '../../ops/activations';
import { flag, integer, number, optional } from '../../options/field';
import { type Fields, Options } from '../../options/options';
import { type PairMoments, pairMoments } from './pair';
import { expectation, type PairCovariance } from './quadrature';

/** The chain of predictChain(). */
export interface ChainOptions {
  /** Number of layers, 1 to 10,000: y1 = W1 x, y2 = W2 f(y1), ... */
  layers: number;
  /** The activation f between the layers. */
  activation: Activation;
  /** Uses f - f(0) as the activation. For sigmoid its outputs have mean 0. Default false. */
  centred?: boolean;
  /** Channels times Var[w], 1e-6 to 1e6. Default: defaultMagnitude(), as the default initialiser gives. */
  magnitude?: number;
  /**
   * Channels of every layer, at least 2: adds the corrections of first order in 1 / width. Default: infinitely many channels.
   */
  width?: number;
  /** Variance of every element of the inputs, whose mean is 0, 1e-12 to 1e12. Default 1. */
  inputVariance?: number;
  /** Variance of every element of dE/dy of the last layer, 1e-30 to 1e30. Default 1. */
  gradientVariance?: number;
}

/** Limits of the magnitude of a chain: channels times Var[w]. */
const magnitudeRange: Range = [1e-6, 1e6];

/** Schema of the options of predictChain(). */
export const predictedChainFields: Fields<ChainOptions> = {
  layers: integer(1, 10_000),
  activation: activationField,
  centred: optional(flag),
  magnitude: optional(number(magnitudeRange)),
  width: optional(integer(2)),
  inputVariance: optional(number([1e-12, 1e12])),
  gradientVariance: optional(number([1e-30, 1e30])),
};

const chainOptions = new Options('predictChain()', predictedChainFields);

/** Predictions for one layer's pre-activation y, averaged over random weights. */
export interface ChainLayer {
  /** E[y²] over inputs and channels: q of docs/variance.md. */
  readonly meanSquare: number;
  /** Var[y] over inputs within a channel, for many inputs: d of docs/variance.md. */
  readonly variance: number;
  /** Var[dE/dy]: G of docs/variance.md. */
  readonly gradient: number;
  /**
   * Prediction by equations 4 and 6 of the paper, which assume the same squared slope everywhere: f'(0)², or E[f'²] over both
   * signs if f has a kink at 0.
   */
  readonly linear: { readonly variance: number; readonly gradient: number };
}

/**
 * Returns the magnitude (channels times Var[w]) of the default initialiser: 1 / E[f'²] near 0, 2 for gelu, silu and hardSwish, and 1 for sigmoid.
 * @throws ERR_INVALID_ARGUMENT if the activation is not known
 */
export function defaultMagnitude(activation: Activation): number {
  return activation?.kind === 'sigmoid' ? 1 : 1 / initialGain(activation);
}

/**
 * Predicts mean squares, variances and gradients of a plain chain with gaussian weights, biases of 0, independent inputs
 * N(0, inputVariance) and an independent dE/dy of the last layer: equations (7) to (20) of docs/variance.md.
 * @returns one entry per layer, the first layer first
 * @throws ERR_INVALID_ARGUMENT if an option is out of range
 */
export function predictChain(given: ChainOptions): ChainLayer[] {
  const options = chainOptions.check(given);
  const { activation, inputVariance = 1, gradientVariance = 1, width, layers } = options;
  const curve = options.centred ? centre(curveOf(activation)) : curveOf(activation);
  const { magnitude = defaultMagnitude(activation) } = options;
  const inverseWidth = width === undefined ? 0 : 1 / width;
  const setting = { curve, magnitude, inverseWidth };
  const squares = [firstSquare(setting, inputVariance)];
  const pairs = [firstPair(setting, inputVariance)];
  while (squares.length < layers) {
    const [square, pair] = [squares[squares.length - 1]!, pairs[pairs.length - 1]!];
    const next = nextSquare(setting, square);
    squares.push(next);
    pairs.push(nextPair(setting, pair, next.q));
  }
  const gradients = backward(setting, squares, gradientVariance);
  const slope = magnitude * meanSquareGain(activation);
  return squares.map(({ q }, index) => ({
    meanSquare: q,
    variance: 2 * pairs[index]!.mean.tt,
    gradient: gradients[index]!,
    linear: {
      variance: magnitude * inputVariance * slope ** index,
      gradient: gradientVariance * slope ** (layers - 1 - index),
    },
  }));
}

function centre(curve: Curve): Curve {
  const offset = curve.value(0);
  return { ...curve, value: (x) => curve.value(x) - offset };
}

interface ChainSetting {
  readonly curve: Curve;
  readonly magnitude: number;
  readonly inverseWidth: number;
}

/** The mean of y² over channels, for one input, varies with the weights. `q` is its mean and `spread` its variance. */
interface Square {
  readonly q: number;
  readonly spread: number;
}

function firstSquare({ magnitude, inverseWidth }: ChainSetting, inputVariance: number): Square {
  const q = magnitude * inputVariance;
  return { q, spread: 2 * q * q * inverseWidth };
}

/** Relative step of the difference quotients. It may be large: the functions are smooth, and corrections need few digits. */
const step = 0.05;

/** First and second derivative of g at x > 0. */
function derivatives(g: (x: number) => number, x: number): [first: number, second: number] {
  const h = step * x;
  const [low, high] = [g(x - h), g(x + h)];
  return [(high - low) / (2 * h), (high - 2 * g(x) + low) / (h * h)];
}

/** Passes a Square on to the next layer: equations (8) and (14). */
function nextSquare({ curve, magnitude, inverseWidth }: ChainSetting, { q, spread }: Square): Square {
  const square = (variance: number) => magnitude * expectation((y) => curve.value(y) ** 2, variance);
  const mean = square(q);
  if (inverseWidth === 0) return { q: mean, spread: 0 };
  const fourth = magnitude * magnitude * expectation((y) => curve.value(y) ** 4, q);
  const [first, second] = derivatives(square, q);
  return {
    q: mean + (second * spread) / 2,
    spread: (fourth - mean * mean) * inverseWidth + first * first * spread,
  };
}

/**
 * The covariance, over channels, of the half sum s and half difference t of the pre-activations of two inputs. It varies with
 * the weights. `mean` is its mean over them; `spread` holds the variances of its entries, and `cross` the covariance of ss and
 * tt.
 */
interface InputPair {
  readonly mean: PairCovariance;
  readonly spread: { readonly ss: number; readonly st: number; readonly tt: number; readonly cross: number };
}

function firstPair({ magnitude, inverseWidth }: ChainSetting, inputVariance: number): InputPair {
  const half = (magnitude * inputVariance) / 2;
  const squares = 2 * half * half * inverseWidth;
  return { mean: { ss: half, tt: half, st: 0 }, spread: { ss: squares, tt: squares, st: squares / 2, cross: 0 } };
}

/** Passes a Pair on to the next layer: equations (10) and (15). @param q mean square of the next layer */
function nextPair({ curve, magnitude, inverseWidth }: ChainSetting, { mean, spread }: InputPair, q: number): InputPair {
  const at = (ss: number, tt: number, st = 0): PairMoments => pairMoments(curve, { ss, tt, st });
  const { ss, tt } = mean;
  const centre = at(ss, tt);
  const straight = magnitude * centre.tt;
  if (inverseWidth === 0) return { mean: { ss: q - straight, tt: straight, st: 0 }, spread };
  const [hs, ht, hc] = [step * ss, step * tt, 2 * step * Math.sqrt(ss * tt)];
  const [sHigh, sLow, tHigh, tLow] = [at(ss + hs, tt), at(ss - hs, tt), at(ss, tt + ht), at(ss, tt - ht)];
  const corners = [at(ss + hs, tt + ht), at(ss + hs, tt - ht), at(ss - hs, tt + ht), at(ss - hs, tt - ht)] as const;
  const tilted = at(ss, tt, hc);
  /** First derivatives of the next layer's entry ss or tt, and the shift of its mean by the second derivatives. */
  const linearised = (of: (moments: PairMoments) => number) => {
    const middle = of(centre);
    const bySs = (of(sHigh) - of(sLow)) / (2 * hs);
    const byTt = (of(tHigh) - of(tLow)) / (2 * ht);
    const ssSs = (of(sHigh) - 2 * middle + of(sLow)) / (hs * hs);
    const ttTt = (of(tHigh) - 2 * middle + of(tLow)) / (ht * ht);
    const [a, b, c, d] = corners.map(of) as [number, number, number, number];
    const ssTt = (a - b - c + d) / (4 * hs * ht);
    // The function is even in st, because exchanging the inputs only changes the sign of st.
    const stSt = (2 * (of(tilted) - middle)) / (hc * hc);
    const shift = (ssSs * spread.ss + ttTt * spread.tt + 2 * ssTt * spread.cross + stSt * spread.st) / 2;
    return { bySs: magnitude * bySs, byTt: magnitude * byTt, shift: magnitude * shift };
  };
  const s = linearised((moments) => moments.ss);
  const t = linearised((moments) => moments.tt);
  const bySt = (magnitude * tilted.st) / hc;
  const passed = (a: typeof s, b: typeof s) =>
    a.bySs * b.bySs * spread.ss + a.byTt * b.byTt * spread.tt + (a.bySs * b.byTt + a.byTt * b.bySs) * spread.cross;
  const noise = magnitude * magnitude * inverseWidth;
  return {
    mean: { ss: q - straight - t.shift, tt: straight + t.shift, st: 0 },
    spread: {
      ss: passed(s, s) + noise * (centre.ssss - centre.ss ** 2),
      tt: passed(t, t) + noise * (centre.tttt - centre.tt ** 2),
      cross: passed(s, t) + noise * (centre.sstt - centre.ss * centre.tt),
      st: bySt * bySt * spread.st + noise * centre.sstt,
    },
  };
}

/** Values of a layer below the last that the backward pass needs. */
interface Slopes {
  /** E[f'²]. */
  readonly square: number;
  /** Derivative of `square` by q. */
  readonly change: number;
  /** Mean of E[f'²] over weights: `square` with the shift by its second derivative. */
  readonly mean: number;
  /** Derivative of the next layer's q by q. */
  readonly pass: number;
  /**
   * Part of the covariance of this layer's mean f'² and the next layer's q that comes from averaging over finitely many
   * channels.
   */
  readonly joint: number;
  readonly spread: number;
}

/** Returns Var[dE/dy] of every layer: equations (11) and (16) to (20). */
function backward(setting: ChainSetting, squares: readonly Square[], top: number): number[] {
  const { magnitude, inverseWidth } = setting;
  const below = squares.slice(0, -1);
  const slopes = below.map((square) => slopesOf(setting, square));
  const gradients = [top];
  // E[(y · dE/dy)²] / width measures the gradient's part along y. The weights have produced y, so they pass that part on in
  // full.
  let along = squares[squares.length - 1]!.q * top;
  let tied = 0;
  let product = top;
  for (let layer = below.length - 1; layer >= 0; layer--) {
    const { mean } = slopes[layer]!;
    const { q } = squares[layer]!;
    if (inverseWidth > 0) {
      const { value, slope } = setting.curve;
      const of = (g: (y: number) => number) => expectation(g, q);
      const square = of((y) => value(y) ** 2);
      const relative = of((y) => (slope(y) * value(y)) ** 2) / (square * slopes[layer]!.square);
      tied += inverseWidth * relative * (along / (magnitude * square * product) - 1);
      const coherent = of((y) => y * slope(y) * value(y)) / square;
      const across = of((y) => (y * slope(y)) ** 2) - coherent * coherent * square;
      along = coherent * coherent * along + magnitude * across * product;
    }
    product *= magnitude * mean;
    gradients.unshift(product * Math.exp(tied + together(slopes, layer)));
  }
  return gradients;
}

function slopesOf({ curve, magnitude, inverseWidth }: ChainSetting, { q, spread }: Square): Slopes {
  const slopeSquare = (variance: number) => expectation((y) => curve.slope(y) ** 2, variance);
  const square = slopeSquare(q);
  if (inverseWidth === 0) return { square, mean: square, change: 0, pass: 0, joint: 0, spread };
  const [change, second] = derivatives(slopeSquare, q);
  const valueSquare = (variance: number) => expectation((y) => curve.value(y) ** 2, variance);
  const both = expectation((y) => (curve.slope(y) * curve.value(y)) ** 2, q);
  return {
    square,
    mean: square + (second * spread) / 2,
    change,
    pass: magnitude * derivatives(valueSquare, q)[0],
    joint: magnitude * inverseWidth * (both - square * valueSquare(q)),
    spread,
  };
}

/**
 * Sum, over every two layers from `first` on, of the relative covariance of their mean f'², which raises the mean of the
 * product.
 */
function together(slopes: readonly Slopes[], first: number): number {
  let sum = 0;
  for (let low = first; low < slopes.length; low++) {
    const from = slopes[low]!;
    let covariance = from.joint + from.change * from.pass * from.spread; // covariance of f'² here and q of layer `high`
    for (let high = low + 1; high < slopes.length; high++) {
      const to = slopes[high]!;
      sum += (covariance * to.change) / (from.square * to.square);
      covariance *= to.pass;
    }
  }
  return sum;
}
