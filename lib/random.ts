/**
 * Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): each value is a pure function of seed, stream and position,
 * so a run can be repeated or resumed without the state of a generator. Kernels use the same function.
 */
import { checkInteger, invalid, type Range } from './errors';
import { isArray } from './options/values';

/** Limits of a seed: the State keeps it as an i32. */
export const seedRange: Range = [0, 2 ** 31 - 1];

const multiplierA = 0xd2511f53;
const multiplierB = 0xcd9e8d57;
const weylA = 0x9e3779b9;
const weylB = 0xbb67ae85;
const rounds = 10;

/** Returns the high 32 bits of the exact product of two unsigned 32-bit integers. */
export function mulhi(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // All partial products and sums below are less than 2^32.
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) >>> 0;
}

/** Checks the words of a counter or key. @throws ERR_INVALID_ARGUMENT */
function checkWords(argument: string, words: readonly number[], count: number): void {
  const fits = isArray(words) && words.length === count && Array.from(words, Number.isInteger).every(Boolean);
  if (!fits) throw invalid(argument, `${count} words of 32 bits`, words);
}

/**
 * Returns one block of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): four random words from
 * a counter of four words and a key of two, all of them unsigned 32-bit integers.
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  checkWords('counter', counter, 4);
  checkWords('key', key, 2);
  return blockOf(counter, key);
}

/** Returns the same, without looking at its arguments: this is called for each random number. */
function blockOf(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < rounds; round++) {
    const highA = mulhi(multiplierA, c0);
    const lowA = Math.imul(multiplierA, c0) >>> 0;
    const highB = mulhi(multiplierB, c2);
    const lowB = Math.imul(multiplierB, c2) >>> 0;
    c0 = (highB ^ c1 ^ k0) >>> 0;
    c1 = lowB;
    c2 = (highA ^ c3 ^ k1) >>> 0;
    c3 = lowA;
    k0 = (k0 + weylA) >>> 0;
    k1 = (k1 + weylB) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Streams that are reserved for a purpose. The small numbers are free: a State uses them for its parameters. */
export const streams = { shuffle: 0x73687566, data: 0x64617461, lsuv: 0x6c737576, split: 0x73706c74 } as const;

/** Returns the stream of a layer's random numbers: a signed 32-bit hash (FNV-1a) of its name. */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}

/** The fourth counter word of every sequence. Kernels have 0 there, so their numbers differ from all sequences. */
const sequenceMark = 1;
/** The same of the sequences of items. */
const itemMark = 2;

/**
 * A sequence of random numbers (Philox4x32-10). Equal seed, stream and substream give the same sequence; any other choice gives
 * an independent one.
 */
export class Philox {
  readonly #key: readonly [number, number];
  readonly #substream: number;
  readonly #item: number | undefined;
  #block = 0;
  #words: readonly number[] = [];
  #next = 4;
  #spare: number | null = null;

  /**
   * All arguments are integers from 0 to 2^32 - 1. An `item` (the index of an image) has a sequence of its own in every substream.
   * @throws ERR_INVALID_ARGUMENT
   */
  constructor(seed: number, stream: number, substream = 0, item?: number) {
    const maximum = 0xffffffff;
    this.#key = [checkInteger('seed', seed, 0, maximum), checkInteger('stream', stream, 0, maximum)];
    this.#substream = checkInteger('substream', substream, 0, maximum);
    this.#item = item === undefined ? undefined : checkInteger('item', item, 0, maximum);
  }

  /** Returns the next integer, from 0 to 2^32 - 1. */
  uint32(): number {
    if (this.#next === 4) {
      const { item = Math.floor(this.#block / 2 ** 32) } = { item: this.#item };
      const mark = this.#item === undefined ? sequenceMark : itemMark;
      this.#words = blockOf([this.#block >>> 0, item, this.#substream, mark], this.#key);
      this.#block++;
      this.#next = 0;
    }
    return this.#words[this.#next++]!;
  }

  /** Returns a number that is uniformly distributed in [0, 1), a multiple of 2^-32. */
  uniform(): number {
    return this.uint32() * 2 ** -32;
  }

  /** Returns an integer from 0 to limit - 1, with a bias below limit / 2^32. `limit`: 1 to 2^32 - 1, not checked. */
  integer(limit: number): number {
    if (typeof limit !== 'number') throw invalid('limit', 'a number', limit);
    return mulhi(this.uint32(), limit);
  }

  /** Returns a normally distributed number, mean 0 and standard deviation 1 (Box-Muller, two calls share a pair of uniforms). */
  gaussian(): number {
    if (this.#spare !== null) {
      const value = this.#spare;
      this.#spare = null;
      return value;
    }
    // 1 - uniform lies in (0, 1]: the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Returns the integers 0 to count - 1 in random order (Fisher-Yates). */
  permutation(count: number): Int32Array {
    checkInteger('count', count, 0, 2 ** 31 - 1);
    const order = Int32Array.from({ length: count }, (_, index) => index);
    for (let last = count - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const value = order[last]!;
      order[last] = order[other]!;
      order[other] = value;
    }
    return order;
  }
}
