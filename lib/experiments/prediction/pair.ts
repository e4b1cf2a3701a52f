/** Two inputs of a network side by side: what an activation makes of their half sum and half difference. */
import type { ActivationCurve as Curve } from '../../ops/activations';
import { integratePair, type PairCovariance } from './quadrature';

/** Moments of the half sum s' = (f(s + t) + f(s - t)) / 2 and half difference t' = (f(s + t) - f(s - t)) / 2. */
export interface PairMoments extends PairCovariance {
  /** E[s'^4], E[s'² t'²], E[t'^4]. */
  readonly ssss: number;
  readonly sstt: number;
  readonly tttt: number;
}

/** Below this f is a straight line between two inputs, to more digits than their difference would have. */
const straight = 1e-6;

/** Of pre-activations s + t and s - t with this covariance. */
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
