/** What ends a training step: gradients into one vector, the finite check, and the updates that it gates. */
import { type Attributes, at, map, type Shape, type Values, zeros } from './values';

/** Elements that no input covers stay what they were; they start as zeros. */
export function pack(inputs: readonly Values[], attributes: Attributes, shape: Shape): Values {
  const flat = zeros(shape);
  inputs.forEach((values, index) => {
    flat.data.set(values.data, attributes[`offset${index}`]);
  });
  return flat;
}

export function finiteCheck(loss: Values, gradient: Values): Values[] {
  const norm = Math.fround(Math.sqrt(gradient.data.reduce((sum, g) => sum + g * g, 0)));
  const flag = Number.isFinite(at(loss.data, 0)) && Number.isFinite(norm) ? 0 : 1;
  return [
    { shape: [1], data: Float64Array.of(flag) },
    { shape: [1], data: Float64Array.of(norm) },
  ];
}

/** A running average: keep old + take value. */
export function blend(old: Values, value: Values, { keep = 0, take = 0 }: Attributes): Values {
  return map(old, (before, i) => keep * before + take * at(value.data, i));
}

export interface SgdState {
  parameters: Values;
  momentum: Values;
}

/** One step: m = momentum m - rate (g + weightDecay w), w = w + m; the first `decayed` weights decay. */
export function sgd(state: SgdState, gradient: Values, rate: number, attributes: Attributes): SgdState {
  const { momentum = 0, weightDecay = 0, decayed = 0 } = attributes;
  const moved = zeros(gradient.shape);
  const next = zeros(gradient.shape);
  gradient.data.forEach((g, i) => {
    const w = at(state.parameters.data, i);
    const decay = i < decayed ? weightDecay * w : 0;
    moved.data[i] = momentum * at(state.momentum.data, i) - rate * (g + decay);
    next.data[i] = w + at(moved.data, i);
  });
  return { parameters: next, momentum: moved };
}
