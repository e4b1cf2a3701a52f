/** Mutations of files, as accidents and attackers make them. */

/** A small and fast random generator (mulberry32). A million inputs need many numbers, but not good ones. */
export class FuzzRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** Draws an integer from 0 to count - 1. */
  integer(count: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * count);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)]!;
  }
}

const lengths = [
  0n,
  1n,
  7n,
  8n,
  255n,
  65535n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const numbers = [
  '-1',
  '0',
  '-0',
  '1e999',
  '-1e999',
  '1e-320',
  '0.5',
  '4294967296',
  '2147483648',
  '9007199254740993',
  '1e18',
  'NaN',
  'null',
  'true',
  '"1"',
  '[]',
  '{}',
  '01',
  '0x10',
];
const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '__metadata__',
  '',
  '\\u0000',
  'length',
  'shape',
  'dtype',
  'data_offsets',
];
const values = [
  '"F32"',
  '"F64"',
  '"f32"',
  '[4,4]',
  '[2147483647,2147483647,2147483647]',
  '[1e308,1e308]',
  '[-1,-4]',
  '[0]',
  '[]',
  '[null]',
  '[[]]',
  'null',
  '{"__proto__":{"polluted":1}}',
  '{"polluted":1}',
  '"\\ud800"',
];

type Mutation = (bytes: Buffer, random: FuzzRandom, others: readonly Uint8Array[]) => Buffer;

const spot = (bytes: Buffer, random: FuzzRandom): number => random.integer(bytes.length + 1);

/** Replaces bytes [from, to) by `middle`. */
const splice = (bytes: Buffer, from: number, to: number, middle: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);

/** Replaces a random match of `pattern` in the first 4096 bytes by `text`. */
function replaceText(bytes: Buffer, random: FuzzRandom, pattern: RegExp, text: string): Buffer {
  const found = [...bytes.toString('latin1', 0, 4096).matchAll(pattern)];
  if (found.length === 0) return bytes;
  const match = random.pick(found);
  return splice(bytes, match.index, match.index + match[0].length, Buffer.from(text));
}

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
    return bytes;
  },
  function setByte(bytes, random) {
    if (bytes.length > 0)
      bytes[random.integer(bytes.length)] = random.pick([0, 1, 9, 10, 32, 48, 99, 100, 127, 128, 255]);
    return bytes;
  },
  function flipEarlyBit(bytes, random) {
    if (bytes.length > 0) bytes[random.integer(Math.min(64, bytes.length))]! ^= 1 << random.integer(8);
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, spot(bytes, random)),
  (bytes, random) => bytes.subarray(0, Math.max(0, bytes.length - 1 - random.integer(16))),
  function insertNoise(bytes, random) {
    const at = spot(bytes, random);
    return splice(
      bytes,
      at,
      at,
      Buffer.from(Array.from({ length: 1 + random.integer(32) }, () => random.integer(256))),
    );
  },
  function remove(bytes, random) {
    const at = spot(bytes, random);
    return splice(bytes, at, Math.min(bytes.length, at + 1 + random.integer(64)), Buffer.alloc(0));
  },
  function repeat(bytes, random) {
    const at = spot(bytes, random);
    return splice(bytes, at, at, bytes.subarray(at, at + 1 + random.integer(1024)));
  },
  function append(bytes, random) {
    return Buffer.concat([bytes, Buffer.alloc(1 + random.integer(1024), random.integer(256))]);
  },
  function crossOver(bytes, random, others) {
    const other = random.pick(others);
    return Buffer.concat([bytes.subarray(0, spot(bytes, random)), other.subarray(random.integer(other.length + 1))]);
  },
  function attackLength(bytes, random) {
    const at = random.integer(2) ? 0 : spot(bytes, random);
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(random.pick(lengths));
    return splice(bytes, at, at + (random.integer(2) ? 8 : 4), word.subarray(0, random.integer(2) ? 8 : 4));
  },
  function nudgeLength(bytes, random) {
    if (bytes.length > 0) bytes[0]! += random.integer(17) - 8;
    return bytes;
  },
  (bytes, random) => replaceText(bytes, random, /-?\d+/g, random.pick(numbers)),
  (bytes, random) => replaceText(bytes, random, /"[^"]*"(?=\s*:)/g, `"${random.pick(names)}"`),
  (bytes, random) => replaceText(bytes, random, /\[[^[\]]*\]|"[^"]*"/g, random.pick(values)),
  (bytes, random) => replaceText(bytes, random, /[{,]/g, random.pick([',,', '{', '}', '[', ']', ':', '"', '\\'])),
  (bytes, random) => replaceText(bytes, random, /[{[]/g, random.pick(['[', '{"a":']).repeat(2 ** random.integer(14))),
  (bytes, random) => replaceText(bytes, random, /(?<=\{|,)"/g, `"${random.pick(names)}":${random.pick(values)},"`),
];

/** Returns a copy of `bytes` with one to four mutations. Some of them insert parts of `others`. */
export function mutate(bytes: Uint8Array, others: readonly Uint8Array[], random: FuzzRandom): Buffer {
  let mutated: Buffer = Buffer.from(bytes);
  for (let left = 1 + random.integer(4); left > 0; left--) mutated = random.pick(mutations)(mutated, random, others);
  return mutated;
}
