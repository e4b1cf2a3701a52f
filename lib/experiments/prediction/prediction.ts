/** Gaussian averages of an activation: the factors of Section 2 of the paper where pre-activations are not near 0. */
import { checkNumber } from '../../errors';
import { curveOf } from '../../ops/activation';
import type { Activation } from '../../ops/activations';
import { pairMoments } from './pair';
import { expectation } from './quadrature';

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

/**
 * E[(f(u) - f(v))²] / 2 of u and v, each N(0, q), with E[(u - v)²] / 2 = d: the variance over inputs of an activation's output,
 * where d is that of its pre-activation, and q - d of its mean square is the same for all inputs. @throws ERR_INVALID_ARGUMENT
 */
export function expectedSquaredDifference(activation: Activation, q: number, d: number): number {
  checkNumber('q', q, 1e-300, 1e12);
  checkNumber('d', d, 0, q);
  if (d === 0) return 0;
  return 2 * pairMoments(curveOf(activation), { ss: q - d / 2, tt: d / 2, st: 0 }).tt;
}
