/** Cases of the finite check, gradient clipping and loss scaling. */
import { adjustLossScale, clipFactor, finiteCheck, unscale } from '../../lib/ops/scaling';
import { Parameter, State, StateBuffer } from '../../lib/tensor/state';
import { stateTensor, type Tensor } from '../../lib/tensor/tensor';
import { all, type Fill, gaussian, scaled, withOne } from './fills';
import { type Case, graphCase, stateCase } from './problem';

const clipCase = (name: string, norm: number): Case =>
  graphCase(`clipFactor ${name}`, ['clipFactor'], (b) => ({
    factor: clipFactor(b.plain('norm', [1], all(norm)), 2.5),
  }));

const unscaleCase = (name: string, [loss, norm, scale, limit]: [number, number, number, number | null]): Case =>
  graphCase(`unscale ${name}`, ['unscale'], (b) => {
    const overflow = b.i32('overflow', [Number.isFinite(loss) && Number.isFinite(norm) ? 0 : 1]);
    const number = (label: string, value: number) => b.plain(label, [1], all(value));
    return {
      ...unscale(
        { loss: number('loss', loss), overflow, norm: number('norm', norm), scale: number('scale', scale) },
        limit,
      ),
    };
  });

const adjustCase = (name: string, [overflow, scale, steps]: [number, number, number], gate = 0): Case =>
  stateCase(`adjustLossScale ${name}`, ['adjustLossScale'], (b) => {
    const buffers = ['scale', 'steps'].map((label) => new StateBuffer({ name: label, shape: [1] }));
    const initialize = () => new Float32Array(1);
    const state = new State([new Parameter({ name: 'a', shape: [1], decay: false, initialize })], { buffers });
    const values = new Float32Array(48);
    const [first, second] = buffers.map((buffer, index) => {
      const byteOffset = state.byteOffsetOf(buffer);
      values[byteOffset / 4] = [scale, steps][index] as number;
      return stateTensor(state, 'buffers', byteOffset, { dtype: 'f32', shape: [1], image: false }, buffer.name);
    }) as [Tensor, Tensor];
    const flag = b.i32('gate', [gate]);
    const inputs = { gate: flag, overflow: b.i32('overflow', [overflow]), scale: first, steps: second };
    return { state, arenas: { buffers: values }, updates: [adjustLossScale(inputs, 10)], gate: flag };
  });

const finiteCase = (name: string, size: number, fill: Fill, loss: number): Case =>
  graphCase(`finiteCheck ${name} [${size}]`, ['finiteCheck'], (b) => ({
    ...finiteCheck(b.plain('loss', [1], all(loss)), b.plain('gradient', [size], fill)),
  }));

export const scalingCases: readonly Case[] = [
  unscaleCase('without a limit', [2.3, 5000, 1024, null]),
  unscaleCase('of a norm below the limit', [2.3, 5000, 1024, 7]),
  unscaleCase('of a norm above the limit', [2.3, 5000, 1024, 2.5]),
  unscaleCase('after an overflow', [2.3, Number.POSITIVE_INFINITY, 1024, null]),
  unscaleCase('after an overflow, clipped', [2.3, Number.NaN, 1024, 2]),
  unscaleCase('after an overflow at the smallest scale', [2.3, Number.POSITIVE_INFINITY, 1, null]),
  unscaleCase('of a loss that is not finite', [Number.NaN, 3, 1024, null]),
  adjustCase('counts', [0, 1024, 3]),
  adjustCase('doubles', [0, 1024, 9]),
  adjustCase('doubles no further', [0, 2 ** 24, 9]),
  adjustCase('halves', [1, 1024, 9]),
  adjustCase('halves no further', [1, 1, 2]),
  adjustCase('of NaN', [1, Number.NaN, 9]),
  adjustCase('of NaN that would grow', [0, Number.NaN, 9]),
  adjustCase('behind a closed gate', [1, 1024, 2], 1),
  clipCase('of a norm above the limit', 7.3),
  clipCase('of a norm below the limit', 1.2),
  clipCase('of zero', 0),
  clipCase('of infinity', Number.POSITIVE_INFINITY),
  clipCase('of NaN', Number.NaN),
  ...[1, 7, 33, 1000, 40000].map((size) => finiteCase('', size, gaussian, 1)),
  finiteCase('whose squares f32 does not hold', 1000, scaled(1e25), 1),
  finiteCase('of a tiny gradient', 1000, scaled(1e-18), 1),
  finiteCase('of zeros', 100, all(0), 1),
  finiteCase('of a NaN', 1000, withOne(Number.NaN), 1),
  finiteCase('of an infinity', 1000, withOne(Number.NEGATIVE_INFINITY), 1),
  finiteCase('with a loss of NaN', 100, gaussian, Number.NaN),
  finiteCase('with an infinite loss', 100, gaussian, Number.POSITIVE_INFINITY),
];
