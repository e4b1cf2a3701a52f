/** Reference of RReLU in training: every negative pre-activation is multiplied by its own random slope, from Philox. */
import { preActivation } from './activation';
import { sumOverRows } from './convolution';
import { type Four, philox } from './philox';
import type { Rounding } from './rounding';
import { type Attributes, at, map, need, type Values } from './values';

/** Key word 1 of these random numbers: "rrlu" in ASCII. */
const purpose = 0x72726c75;

/** Returns the slope of element `index` (row-major), made from 24 bits of word index % 4 of Philox block floor(index / 4). */
function slopesOf(counter: Values, { lower = 0, upper = 0, stream = 0 }: Attributes): (index: number) => number {
  const [seed, step] = [at(counter.data, 0) >>> 0, at(counter.data, 1) >>> 0];
  let known = -1;
  let words: Four = [0, 0, 0, 0];
  return (index) => {
    const block = Math.floor(index / 4);
    if (block !== known) words = philox([block, step, stream >>> 0, 0], [seed, purpose]);
    known = block;
    return lower + (upper - lower) * (Math.floor((words[index % 4] as number) / 256) / 2 ** 24);
  };
}

type Inputs = readonly (Values | null)[];

export function randomizedRelu([x, bias, counter]: Inputs, attributes: Attributes): Values {
  const slope = slopesOf(need(counter), attributes);
  return map(preActivation(need(x), bias), (value, i) => (value < 0 ? slope(i) * value : value));
}

export function randomizedReluGradient([dy, y, counter]: Inputs, attributes: Attributes): Values[] {
  const slope = slopesOf(need(counter), attributes);
  const dx = map(need(dy), (value, i) => {
    const output = at(need(y).data, i);
    if (Number.isNaN(output)) return output;
    return output < 0 ? slope(i) * value : value;
  });
  return [dx, sumOverRows(dx)];
}

/** The errors of x + bias, of the slope and of their product. */
export const randomizedReluRounding: Rounding = ({ outputs: [y] }, { relative }) => [
  need(y).data.map((want) => 2 * relative * Math.abs(want) + 1e-37),
];
