/** Random numbers for tests, from a seed that a failing test prints. */
import { type Four, philox } from './reference/philox';

export class TestRandom {
  #block = 0;
  /** The last block of random numbers, which are used from the last to the first. */
  #words: Four = [0, 0, 0, 0];
  #left = 0;

  constructor(
    readonly seed: number,
    readonly stream = 0,
  ) {}

  uint32(): number {
    if (this.#left === 0) {
      this.#words = philox([this.#block++, this.stream, 0, 0], [this.seed >>> 0, 0x74657374]);
      this.#left = 4;
    }
    return this.#words[--this.#left] as number;
  }

  /** Draws a number in [0, 1). */
  readonly uniform = (): number => this.uint32() / 2 ** 32;

  /** Draws an integer from 0 to count - 1. */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  readonly gaussian = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  };
}

/** Seed of this process's tests: SATURNN_TEST_SEED, which repeats a failure, or a random one. */
export const testSeed: number = Number(process.env.SATURNN_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

/**
 * Assigns each item to one of `parts` lists at random, by `testSeed`, so that no list is longer than another by more than one. For
 * checks that are too expensive to run every case in every way: each case runs in one way per process, and over many runs in all.
 */
export function deal<T>(items: readonly T[], parts: number): T[][] {
  const random = new TestRandom(testSeed, 1);
  const dealt: T[][] = Array.from({ length: parts }, () => []);
  let left: T[][] = [];
  for (const item of items) {
    if (left.length === 0) left = [...dealt];
    left.splice(random.integer(left.length), 1)[0]?.push(item);
  }
  return dealt;
}
