/** Reference of dropout, and its allowed rounding error. */
import { philox } from './philox';
import type { Rounding } from './rounding';
import { type Attributes, at, map, need, type Values } from './values';

/** Key word 1 of dropout's random numbers: "drop" in ASCII. */
const purpose = 0x64726f70;

/** Returns the factor on each element: 0 if it is dropped, else 1 / (1 - rate). counter: seed and step. */
function dropoutFactors(count: number, counter: Values, { rate = 0, stream = 0 }: Attributes): Float64Array {
  const [seed, step] = [at(counter.data, 0) >>> 0, at(counter.data, 1) >>> 0];
  return Float64Array.from({ length: count }, (_, element) => {
    const words = philox([Math.floor(element / 4), step, stream >>> 0, 0], [seed, purpose]);
    return at(words, element % 4) < Math.floor(rate * 2 ** 32) ? 0 : 1 / (1 - rate);
  });
}

export function dropout(x: Values, counter: Values, attributes: Attributes): Values {
  const factors = dropoutFactors(x.data.length, counter, attributes);
  return map(x, (value, i) => value * at(factors, i));
}

/** The error of one product. Dropped elements are exactly 0. */
export const dropoutRounding: Rounding = ({ outputs: [y] }, { relative }) => [
  need(y).data.map((want) => relative * Math.abs(want)),
];
