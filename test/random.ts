/** Random numbers for tests: uniform and gaussian, from a seed that a failing test prints. */
import { type Four, philox } from './reference/philox';

export class TestRandom {
  #block = 0;
  #words: number[] = [];

  constructor(
    readonly seed: number,
    readonly stream = 0,
  ) {}

  uint32(): number {
    if (this.#words.length === 0) {
      const counter: Four = [this.#block++, this.stream, 0, 0];
      this.#words = [...philox(counter, [this.seed >>> 0, 0x74657374])];
    }
    return this.#words.pop() as number;
  }

  /** In [0, 1). */
  readonly uniform = (): number => this.uint32() / 2 ** 32;

  /** 0 .. count - 1 */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  readonly gaussian = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  };
}

/** SATURNN_TEST_SEED, to repeat a failure; else another one in every process. */
export const testSeed: number = Number(process.env.SATURNN_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Deals items out into parts, by this process's seed: what costs too much to run in every way runs in one, and in time in all. */
export function deal<T>(items: readonly T[], parts: number): T[][] {
  const random = new TestRandom(testSeed, 1);
  const dealt: T[][] = Array.from({ length: parts }, () => []);
  for (const item of items) dealt[random.integer(parts)]?.push(item);
  return dealt;
}
