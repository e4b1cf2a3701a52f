/** What Section 2 of the paper, and its exact form for wide layers, predict of a plain chain: docs/variance.md derives it. */
import { checkInteger, checkNumber, checkOptions } from '../errors';
import { defaultInitializer } from '../initializers';
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
