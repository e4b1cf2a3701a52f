/**
 * Gives every reader mutated files. Each must end in a valid result or in a SaturnnError, soon, and nothing may stay behind.
 * An input depends on seed and number alone, so that a failure can be repeated. Imports no test framework.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SaturnnError } from '../../lib/errors';
import { FuzzRandom, mutate } from './mutate';
import { type Target, targets } from './targets';

export interface FuzzOptions {
  /** How many inputs, over all targets in turn. */
  inputs: number;
  seed: number;
  /** Called before each input. */
  onInput?: (number: number) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly seed: number;
  readonly seconds: number;
  /** Milliseconds of the slowest input, and which it was. */
  readonly slowest: { readonly target: string; readonly number: number; readonly milliseconds: number };
  /** Megabytes of the process after each tenth of the inputs. */
  readonly rss: readonly number[];
  /** By target: how many inputs were accepted and how many were refused, by error code. */
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** An input that broke a reader. */
export class FuzzFailure extends Error {}

/** Far above what any of these small inputs takes, even on a machine that is busy with something else. */
export const timeBound = 5000;

/** Inputs are made anew from it: two seeds have none in common. */
function makeInput(target: Target, seed: number, number: number): Uint8Array {
  const random = new FuzzRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const mutated = mutate(random.pick(target.seeds), target.seeds, random);
  return target.finish?.(mutated, random) ?? mutated;
}

const collectGarbage = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** Megabytes, after everything that nobody holds is gone. */
async function residentSize(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise(setImmediate);
  }
  return process.memoryUsage().rss / 2 ** 20;
}

const prototypeKeys = Object.getOwnPropertyNames(Object.prototype).length;

/** @throws FuzzFailure naming target, seed and number */
export async function fuzz({ inputs, seed, onInput }: FuzzOptions): Promise<FuzzReport> {
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
