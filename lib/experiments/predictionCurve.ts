/** The activations as functions of the pre-activation, in double: what predictions integrate. */
import { invalid } from '../errors';
import { type Activation, type ActivationKind, encodeActivation } from '../ops/activation';

export interface Curve {
  /** f(x). */
  value(x: number): number;
  /** f'(x); at a kink that of the side x lies on, 0 counting as positive. */
  slope(x: number): number;
  /** f' or f'' jumps at 0. */
  readonly kink: boolean;
}

const sech2 = (x: number): number => 1 / Math.cosh(x) ** 2;
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

type Row = (a: number) => Curve;

const rows: Readonly<Record<ActivationKind, Row>> = {
  sigmoid: () => ({ value: logistic, slope: (x) => sech2(x / 2) / 4, kink: false }),
  scaledSigmoid: () => ({ value: (x) => 2 * Math.tanh(x / 2), slope: (x) => sech2(x / 2), kink: false }),
  tanh: () => ({ value: Math.tanh, slope: sech2, kink: false }),
  leakyTanh: (a) => ({
    value: (x) => (x < 0 ? a : 1) * Math.tanh(x),
    slope: (x) => (x < 0 ? a : 1) * sech2(x),
    kink: true,
  }),
  relu: () => leaky(0),
  leakyRelu: (a) => leaky(a),
  // In inference, with the mean of its slopes.
  rrelu: (a) => leaky(a),
  elu: (a) => ({
    value: (x) => (x < 0 ? a * Math.expm1(x) : x),
    slope: (x) => (x < 0 ? a * Math.exp(x) : 1),
    kink: true,
  }),
};

const leaky: Row = (a) => ({ value: (x) => (x < 0 ? a * x : x), slope: (x) => (x < 0 ? a : 1), kink: true });

/** @throws ERR_INVALID_ARGUMENT */
export function curveOf(activation: Activation): Curve {
  encodeActivation(activation); // Refuses an unknown kind and a slope out of range.
  const row = rows[activation.kind];
  if (!row) throw invalid('activation', `one of ${Object.keys(rows).join(', ')}`, activation.kind);
  return row(activation.slope);
}
