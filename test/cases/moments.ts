/** Mean and variance of images, matrices and vectors, and of slices that are read where they lie. */
import { activate, leakyTanh } from '../../lib/ops/activation';
import { concat } from '../../lib/ops/concat';
import { conv2d } from '../../lib/ops/conv2d';
import { moments } from '../../lib/ops/moments';
import { slice } from '../../lib/ops/slice';
import { all, type Fill, gaussian, mapped, saturated, scaled, special, withNaN } from './fills';
import { type Case, graphCase } from './problem';

const shapes: readonly (readonly number[])[] = [
  [1],
  [19],
  [5, 100],
  [2, 3, 5],
  [3, 5, 4, 16],
  [2, 3, 3, 7],
  [4, 28, 28, 48],
];

/** Where a sum of squares minus the square of the mean would be left without digits. */
const farFromZero: Fill = mapped(gaussian, (value) => 1000 + value);

const fills: Readonly<Record<string, Fill>> = {
  ', far from zero': farFromZero,
  ', far into both tails': saturated,
  ', tiny': scaled(1e-18),
  ', all equal': all(0.1),
  ', infinities': special,
  ', a NaN': withNaN(),
};

export const momentsCases: readonly Case[] = [
  ...shapes.map((shape) => graphCase(`moments [${shape}]`, ['moments'], (b) => ({ m: moments(b.f32('x', shape)) }))),
  ...Object.entries(fills).map(([what, fill]) =>
    graphCase(`moments${what}`, ['moments'], (b) => ({ m: moments(b.f32('x', [3, 7, 5, 32], fill)) })),
  ),
  ...[16, 7].map((channels) =>
    graphCase(`moments of slices of ${channels} channels`, ['moments', 'slice'], (b) => {
      const joined = concat([
        activate(b.f32('x', [2, 5, 6, channels]), leakyTanh()),
        activate(b.f32('other', [2, 5, 6, 2 * channels], farFromZero), leakyTanh(0)),
      ]);
      return { joined, m: moments(slice(joined, { channelOffset: channels, channels })) };
    }),
  ),
  graphCase('moments of a pre-activation, which its activation leaves as it is', ['moments', 'conv2d'], (b) => {
    const before = conv2d(b.f32('x', [2, 6, 6, 16]), b.plain('weight', [32, 3, 3, 16]), { padding: 1 });
    return { m: moments(before), y: activate(before, leakyTanh()) };
  }),
];
