/** What Section 2 of the paper, and its exact form for wide layers, predict of a plain chain: docs/variance.md derives it. */
import { checkInteger, checkNumber, checkOptions } from '../errors';
import { type Activation, meanSquareGain } from '../ops/activation';
import { curveOf } from './predictionCurve';
import { expectation, squaredDifference } from './predictionQuadrature';

/**
 * E[f'(y)²] of y ~ N(0, q): the factor of the gradient's variance at an activation whose pre-activation has variance q
 * (equation 6 of the paper; at q = 0 its f'(0)², or the mean of both sides). @throws ERR_INVALID_ARGUMENT
 */
export function expectedSquaredSlope(activation: Activation, q: number): number {
  checkNumber('q', q, 0, 1e12);
  const { slope } = curveOf(activation);
  return expectation((x) => slope(x) ** 2, q);
}

/** E[f(y)²] of y ~ N(0, q). @throws ERR_INVALID_ARGUMENT */
export function expectedSquare(activation: Activation, q: number): number {
  checkNumber('q', q, 0, 1e12);
  const { value } = curveOf(activation);
  return expectation((x) => value(x) ** 2, q);
}

/** Below this, what two inputs differ by is so small that f is a straight line between them. */
const straight = 1e-10;

/**
 * E[(f(u) - f(v))²] / 2 of u and v, each N(0, q), that differ by E[(u - v)²] / 2 = d: the variance over inputs of the activation's
 * output, from that of its pre-activation, where q - d of the pre-activation's mean square is the same for all inputs.
 */
export function expectedSquaredDifference(activation: Activation, q: number, d: number): number {
  checkNumber('q', q, 0, 1e12);
  checkNumber('d', d, 0, q);
  if (d <= straight * Math.min(1, q)) return d * expectedSquaredSlope(activation, q);
  return squaredDifference(curveOf(activation).value, q - d / 2, d / 2) / 2;
}

export interface ChainOptions {
  /** Of the chain: y1 = W1 x, y2 = W2 f(y1), ... */
  layers: number;
  activation: Activation;
  /** Channels times Var[w]; default: what the default initialiser gives, 1 / E[f'²] near 0 (1 for sigmoid, as for tanh). */
  magnitude?: number;
  /** Of every element of the images, whose mean is 0; default 1. */
  inputVariance?: number;
  /** Of every element of dE/dy of the last layer; default 1. */
  gradientVariance?: number;
}

/** Of one layer's pre-activation y, averaged over weights. */
export interface ChainLayer {
  /** E[y²] over inputs and channels: q of docs/variance.md. */
  readonly meanSquare: number;
  /** Var[y] over inputs within a channel, for many inputs: d of docs/variance.md. */
  readonly variance: number;
  /** Var[dE/dy]. */
  readonly gradient: number;
  /** What equations 4 and 6 say with the same slope in every layer: f'(0)², or E[f'²] over both signs where f has a kink at 0. */
  readonly linear: { readonly variance: number; readonly gradient: number };
}

/** The initialisers' magnitude. @throws ERR_INVALID_ARGUMENT */
export function defaultMagnitude(activation: Activation): number {
  return activation.kind === 'sigmoid' ? 1 : 1 / meanSquareGain(activation);
}

/**
 * Mean-field prediction of a plain chain (docs/variance.md, equations 7 to 12), in the limit of many channels, beside the
 * linear one of the paper. Inputs and biases: independent N(0, inputVariance), and 0.
 * @throws ERR_INVALID_ARGUMENT
 */
export function predictChain(options: ChainOptions): ChainLayer[] {
  checkOptions('{ layers, activation }', options);
  const { activation, inputVariance = 1, gradientVariance = 1 } = options;
  const layers = checkInteger('layers', options.layers, 1, 10_000);
  const magnitude = checkNumber('magnitude', options.magnitude ?? defaultMagnitude(activation), 1e-6, 1e6);
  checkNumber('inputVariance', inputVariance, 1e-12, 1e12);
  checkNumber('gradientVariance', gradientVariance, 1e-30, 1e30);
  const slope = magnitude * meanSquareGain(activation);
  let meanSquare = magnitude * inputVariance;
  // Images are independent: what one pre-activation has in common with another's is nothing yet.
  let variance = meanSquare;
  const forward: { meanSquare: number; variance: number }[] = [];
  for (let layer = 0; layer < layers; layer++) {
    forward.push({ meanSquare, variance });
    const passed = Math.min(variance, meanSquare);
    variance = magnitude * expectedSquaredDifference(activation, meanSquare, passed);
    meanSquare = magnitude * expectedSquare(activation, meanSquare);
  }
  const gradients: number[] = [gradientVariance];
  for (const { meanSquare: q } of forward.slice(0, -1).reverse())
    gradients.unshift(gradients[0]! * magnitude * expectedSquaredSlope(activation, q));
  return forward.map((layer, index) => ({
    ...layer,
    gradient: gradients[index]!,
    linear: {
      variance: magnitude * inputVariance * slope ** index,
      gradient: gradientVariance * slope ** (layers - 1 - index),
    },
  }));
}
