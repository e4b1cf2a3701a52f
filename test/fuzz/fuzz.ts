/**
 * Gives mutated files to every reader of files. Each call must return a valid result or throw a SaturnnError, quickly and
 * without keeping memory. An input depends on seed and number only, so that a failure can be repeated. Imports no test
 * framework.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SaturnnError } from '../../lib/errors';
import { FuzzRandom, mutate } from './mutate';
import { parquetTarget } from './parquetTarget';
import { targets as ofBytes, type Target } from './targets';

export interface FuzzOptions {
  /** Number of inputs; targets take turns. */
  inputs: number;
  seed: number;
  /** Called before each input. */
  onInput?: (number: number) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly seed: number;
  readonly seconds: number;
  /** The slowest input, with its duration. */
  readonly slowest: { readonly target: string; readonly number: number; readonly milliseconds: number };
  /** Resident memory of the process in MiB, after each tenth of the inputs. */
  readonly rss: readonly number[];
  /** For each target, the number of inputs by outcome: "accepted" or the code of the error. */
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Reports an input that a reader handled wrongly. */
export class FuzzFailure extends Error {}

/** Longest allowed time per input, in milliseconds; far above what these small inputs take even on a busy machine. */
export const timeBound = 5000;

/** Makes an input. Different seeds give different inputs. */
function makeInput(target: Target, seed: number, number: number): Uint8Array {
  const random = new FuzzRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const mutated = mutate(random.pick(target.seeds), target.seeds, random);
  return target.finish?.(mutated, random) ?? mutated;
}

const collectGarbage = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** Returns the resident memory of the process in MiB, after garbage collection. */
async function residentSize(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise(setImmediate);
  }
  return process.memoryUsage().rss / 2 ** 20;
}

const prototypeKeys = Object.getOwnPropertyNames(Object.prototype).length;

/** Runs the inputs. @throws FuzzFailure that names target, seed and number of the first wrong result */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const parquet = await parquetTarget();
  try {
    return await run([...ofBytes, parquet], options);
  } finally {
    parquet.close();
  }
}

async function run(targets: readonly Target[], { inputs, seed, onInput }: FuzzOptions): Promise<FuzzReport> {
  const outcomes = Object.fromEntries(targets.map(({ name }) => [name, {} as Record<string, number>]));
  let slowest = { target: '', number: -1, milliseconds: 0 };
  const rss: number[] = [];
  const tenth = Math.ceil(inputs / 10);
  const started = performance.now();
  for (let number = 0; number < inputs; number++) {
    if (number > 0 && number % tenth === 0) rss.push(await residentSize());
    onInput?.(number);
    const target = targets[number % targets.length]!;
    const bytes = makeInput(target, seed, number);
    const fail = (what: string, cause?: unknown) =>
      new FuzzFailure(`${target.name}, seed ${seed}, input ${number}: ${what}`, { cause });
    const before = performance.now();
    let outcome = 'accepted';
    try {
      await target.read(bytes);
    } catch (error) {
      if (!(error instanceof SaturnnError))
        throw fail(error instanceof Error ? `${error.name}: ${error.message}` : String(error), error);
      if (error.message.length > 10_000) throw fail(`its message has ${error.message.length} characters`);
      outcome = error.code;
    }
    const milliseconds = performance.now() - before;
    if (milliseconds > timeBound) throw fail(`took ${milliseconds.toFixed(0)} ms`);
    if (milliseconds > slowest.milliseconds) slowest = { target: target.name, number, milliseconds };
    if (Object.getOwnPropertyNames(Object.prototype).length !== prototypeKeys)
      throw fail('it changed Object.prototype');
    const counts = outcomes[target.name]!;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  const seconds = (performance.now() - started) / 1000;
  rss.push(await residentSize());
  return { inputs, seed, seconds, slowest, rss, outcomes };
}
