/** Moments of the half sum and half difference of an activation's outputs for two inputs of a network. */
import type { ActivationCurve as Curve } from '../../ops/activations';
import { integratePair, type PairCovariance } from './quadrature';

/** Moments of the half sum s' = (f(s + t) + f(s - t)) / 2 and half difference t' = (f(s + t) - f(s - t)) / 2. */
export interface PairMoments extends PairCovariance {
  /** E[s'^4]. */
  readonly ssss: number;
  /** E[s'² t'²]. */
  readonly sstt: number;
  /** E[t'^4]. */
  readonly tttt: number;
}

/** |t|, and |t / s|, below which t f'(s) has more correct digits than (f(s + t) - f(s - t)) / 2. */
const straight = 1e-6;

/** Computes the moments for pre-activations s + t and s - t, where s and t are gaussian with this covariance. */
export function pairMoments(curve: Curve, covariance: PairCovariance): PairMoments {
  let [ss, tt, st, ssss, sstt, tttt] = [0, 0, 0, 0, 0, 0];
  integratePair(covariance, curve.kink, (s, t, weight) => {
    const isStraight = Math.abs(t) < straight && Math.abs(t) < straight * Math.abs(s);
    const high = curve.value(s + t);
    const low = curve.value(s - t);
    const sum = (high + low) / 2;
    const difference = isStraight ? t * curve.slope(s) : (high - low) / 2;
    const [sum2, difference2] = [sum * sum, difference * difference];
    ss += weight * sum2;
    tt += weight * difference2;
    st += weight * sum * difference;
    ssss += weight * sum2 * sum2;
    sstt += weight * sum2 * difference2;
    tttt += weight * difference2 * difference2;
  });
  return { ss, tt, st, ssss, sstt, tttt };
}
