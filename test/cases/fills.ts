/** Functions that draw the values of inputs. */
import type { TestRandom } from '../random';

/** Draws `size` values. */
export type Fill = (random: TestRandom, size: number) => Float32Array;

const each =
  (draw: (random: TestRandom) => number): Fill =>
  (random, size) => {
    const values = new Float32Array(size);
    for (let i = 0; i < size; i++) values[i] = draw(random);
    return values;
  };

export const gaussian: Fill = each((random) => random.gaussian());

export const scaled = (factor: number): Fill => each((random) => factor * random.gaussian());

/** Values far in both tails of every activation. */
export const saturated: Fill = each((random) => 30 * random.gaussian());

/** Few different values, so that the windows of a pool are full of ties. */
export const coarse: Fill = each((random) => Math.round(random.gaussian()));

/** Gaussian values with some special ones among them: signed zeros, infinities, numbers near the limits of f32 and of exp. */
export const special: Fill = (random, size) => {
  const values = gaussian(random, size);
  const rare = [
    0,
    -0,
    1e-40,
    -1e-40,
    1e-30,
    -1e-30,
    88,
    -88,
    104,
    -104,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  for (const value of rare) values[random.integer(size)] = value;
  return values;
};

/** The values of `fill`, with NaN at `count` random places (or fewer, if places coincide). */
export const withNaN =
  (fill: Fill = gaussian, count = 1): Fill =>
  (random, size) => {
    const values = fill(random, size);
    for (let i = 0; i < count; i++) values[random.integer(size)] = Number.NaN;
    return values;
  };

/** The same value everywhere. */
export const all = (value: number): Fill => each(() => value);

/** Each value of `fill` through `f`, rounded to f32. */
export const mapped =
  (fill: Fill, f: (value: number) => number): Fill =>
  (random, size) =>
    fill(random, size).map(f);

/** Gaussian values with `value` at one random place. */
export const withOne =
  (value: number): Fill =>
  (random, size) => {
    const values = gaussian(random, size);
    values[random.integer(size)] = value;
    return values;
  };
