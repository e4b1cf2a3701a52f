/** References of the gated writes that end a training step, and of the rates of LARS. */
import { type Attributes, at, map, type Values, zeros } from './values';

/**
 * Returns rate factor and weight decay of each element: from a table of segments or, without one, rate 1, and weight decay for
 * elements before `decayed`.
 */
export function ratesOf([ends, rates, decays]: Table, { weightDecay = 0, decayed = 0 }: Attributes) {
  return (i: number): { rate: number; decay: number } => {
    if (!ends || !rates || !decays) return { rate: 1, decay: i < decayed ? weightDecay : 0 };
    const segment = ends.data.findIndex((end) => i < end);
    return { rate: at(rates.data, segment), decay: at(decays.data, segment) };
  };
}

/** The inputs ends, rates and decays of a table of segments; or none. */
export type Table = readonly (Values | null | undefined)[];

/** Returns g + decay w. Without decay there is no second term, because 0 times infinity is NaN. */
const decayedGradient = (g: number, decay: number, w: number): number => (decay === 0 ? g : g + decay * w);

export interface SgdState {
  parameters: Values;
  momentum: Values;
}

/** The learning rate, the factor on the gradient, and the table of segments of an update. */
export interface UpdateFactors {
  rate: number;
  scale: number;
  table: Table;
}

/** One step: d = scale g + decay w, m = momentum m - rate d, w = w + m; with Nesterov w = w + momentum m - rate d. */
export function sgd(state: SgdState, gradient: Values, factors: UpdateFactors, attributes: Attributes): SgdState {
  const { momentum = 0, nesterov = 0 } = attributes;
  const of = ratesOf(factors.table, attributes);
  const moved = zeros(gradient.shape);
  const next = zeros(gradient.shape);
  gradient.data.forEach((g, i) => {
    const w = at(state.parameters.data, i);
    const { rate, decay } = of(i);
    const step = factors.rate * rate * decayedGradient(factors.scale * g, decay, w);
    moved.data[i] = momentum * at(state.momentum.data, i) - step;
    next.data[i] = w + (nesterov ? momentum * at(moved.data, i) - step : at(moved.data, i));
  });
  return { parameters: next, momentum: moved };
}

export interface AdamState {
  parameters: Values;
  firstMoment: Values;
  secondMoment: Values;
}

/** Adam's step number `t`, from 1 (Kingma and Ba); decoupled: AdamW (Loshchilov and Hutter), without their schedule. */
export function adam(
  state: AdamState,
  gradient: Values,
  t: number,
  factors: UpdateFactors,
  attributes: Attributes,
): AdamState {
  const { firstRate = 0, secondRate = 0, epsilon = 0, decoupled = 0 } = attributes;
  const [beta1, beta2] = [1 - firstRate, 1 - secondRate];
  const of = ratesOf(factors.table, attributes);
  const [next, first, second] = [zeros(gradient.shape), zeros(gradient.shape), zeros(gradient.shape)];
  gradient.data.forEach((gradientAt, i) => {
    const w = at(state.parameters.data, i);
    const { rate, decay } = of(i);
    const lr = factors.rate * rate;
    const g = decayedGradient(factors.scale * gradientAt, decoupled ? 0 : decay, w);
    const m = beta1 * at(state.firstMoment.data, i) + (1 - beta1) * g;
    const v = beta2 * at(state.secondMoment.data, i) + (1 - beta2) * g * g;
    const step = (lr * (m / (1 - beta1 ** t))) / (Math.sqrt(v / (1 - beta2 ** t)) + epsilon);
    next.data[i] = decayedGradient(w - step, decoupled ? -lr * decay : 0, w);
    first.data[i] = m;
    second.data[i] = v;
  });
  return { parameters: next, firstMoment: first, secondMoment: second };
}

/** Returns the rates of LARS: rate trust |w| / (|scale g| + decay |w|) for each segment. */
export function trustRatios(
  parameters: Values,
  gradient: Values,
  scale: number,
  [ends, rates, decays]: readonly [Values, Values, Values],
  { trust = 0, trusted = 0 }: Attributes,
): Values {
  const norm = (data: Float64Array) => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
  return map(rates, (rate, segment) => {
    const [begin, end] = [segment === 0 ? 0 : at(ends.data, segment - 1), at(ends.data, segment)];
    const weights = norm(parameters.data.subarray(begin, end));
    const divisor = decayedGradient(
      scale * norm(gradient.data.subarray(begin, end)),
      at(decays.data, segment),
      weights,
    );
    return end > trusted || weights === 0 || divisor === 0 ? rate : (rate * trust * weights) / divisor;
  });
}

/** Returns sum + gradient, or the gradient alone if `adds` is 0. */
export function accumulate(adds: Values, sum: Values, gradient: Values): Values {
  return at(adds.data, 0) === 0 ? gradient : map(sum, (old, i) => old + at(gradient.data, i));
}

/** Returns d average + (1 - d) weights with d = min(decay, (1 + t) / (10 + t)), after t steps. */
export function averageWeights(average: Values, parameters: Values, t: number, { rate = 0 }: Attributes): Values {
  const d = Math.min(1 - rate, (1 + t) / (10 + t));
  return map(average, (old, i) => d * old + (1 - d) * at(parameters.data, i));
}

/**
 * Returns the flag of a check before an update, [1]: 1 if the gate is not 0, or if the step is not skipped and one of the new
 * values is not at most 2^126 in magnitude.
 */
export function overflowFlag(
  gate: Values | null | undefined,
  skip: Values | null | undefined,
  update: () => readonly Values[],
): Values {
  const isSet = (flag: Values | null | undefined) => flag != null && at(flag.data, 0) !== 0;
  const overflows = () => update().some(({ data }) => !data.every((value) => Math.abs(value) <= 2 ** 126));
  return { shape: [1], data: Float64Array.of(Number(isSet(gate) || (!isSet(skip) && overflows()))) };
}
