/** Averages of an activation over gaussian pre-activations: the factors of Section 2 of the paper, not only near 0. */
import { checkNumber } from '../../errors';
import { curveOf } from '../../ops/activation';
import type { Activation } from '../../ops/activations';
import { pairMoments } from './pair';
import { expectation } from './quadrature';

/**
 * Returns E[f'(y)²] for y ~ N(0, q): the factor on the gradient's variance of an activation f whose pre-activation y has
 * variance q (equation 6 of the paper). At q = 0 it is f'(0)², or the mean of both sides if f has a kink at 0.
 * @param q variance, 0 to 1e12
 * @throws ERR_INVALID_ARGUMENT if the activation is not known or q is out of range
 */
export function expectedSquaredSlope(activation: Activation, q: number): number {
  checkNumber('q', q, 0, 1e12);
  const { slope } = curveOf(activation);
  return expectation((x) => slope(x) ** 2, q);
}

/**
 * Returns E[f(y)²] for y ~ N(0, q): the mean square of an activation's output.
 * @param q variance, 0 to 1e12
 * @throws ERR_INVALID_ARGUMENT if the activation is not known or q is out of range
 */
export function expectedSquare(activation: Activation, q: number): number {
  checkNumber('q', q, 0, 1e12);
  const { value } = curveOf(activation);
  return expectation((x) => value(x) ** 2, q);
}

/**
 * Returns E[(f(u) - f(v))²] / 2 for gaussian u and v, each N(0, q), with E[(u - v)²] / 2 = d. It is the variance, over
 * inputs, of the output of an activation whose pre-activation has the mean square q and the variance d over inputs.
 * @param q mean square of the pre-activation, 1e-300 to 1e12
 * @param d variance of the pre-activation over inputs, 0 to q
 * @throws ERR_INVALID_ARGUMENT if the activation is not known, or q or d is out of range
 */
export function expectedSquaredDifference(activation: Activation, q: number, d: number): number {
  checkNumber('q', q, 1e-300, 1e12);
  checkNumber('d', d, 0, q);
  if (d === 0) return 0;
  return 2 * pairMoments(curveOf(activation), { ss: q - d / 2, tt: d / 2, st: 0 }).tt;
}
