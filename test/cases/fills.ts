/** Kinds of random values for inputs. */
import type { TestRandom } from '../random';

export type Fill = (random: TestRandom, size: number) => Float32Array;

const each =
  (draw: (random: TestRandom) => number): Fill =>
  (random, size) =>
    Float32Array.from({ length: size }, () => draw(random));

export const gaussian: Fill = each((random) => random.gaussian());

export const scaled = (factor: number): Fill => each((random) => factor * random.gaussian());

/** Far into both tails of every activation. */
export const saturated: Fill = each((random) => 30 * random.gaussian());

/** Few different values, so that the windows of a pool are full of ties. */
export const coarse: Fill = each((random) => Math.round(random.gaussian()));

/** Values at which something is special: signed zeros, infinities, numbers that f32 barely holds; the rest is gaussian. */
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

/** `fill`, with NaN at `count` places. */
export const withNaN =
  (fill: Fill = gaussian, count = 1): Fill =>
  (random, size) => {
    const values = fill(random, size);
    for (let i = 0; i < count; i++) values[random.integer(size)] = Number.NaN;
    return values;
  };

/** The same value everywhere. */
export const all = (value: number): Fill => each(() => value);

/** `fill` through a function, rounded to f32. */
export const mapped =
  (fill: Fill, f: (value: number) => number): Fill =>
  (random, size) =>
    fill(random, size).map(f);

/** One element with this value; the rest is gaussian. */
export const withOne =
  (value: number): Fill =>
  (random, size) => {
    const values = gaussian(random, size);
    values[random.integer(size)] = value;
    return values;
  };
