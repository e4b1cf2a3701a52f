/** Compares the folder of a command that was killed and continued with the folder of one that was not. */
import { readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { filesOf } from './variants';

/** A difference: altered weights, lost or repeated lines of a log, another table, a file that is missing or should not be there. */
export interface Difference {
  readonly kind: 'weights' | 'lines' | 'table' | 'files';
  readonly text: string;
}

/**
 * Compares all files of two folders, without times.
 * @param reported texts of warnings: a log that one of them names may lack lines
 */
export function compareFolders(whole: string, other: string, reported: readonly string[]): Difference[] {
  const [expected, found] = [whole, other].map(namesIn) as [string[], string[]];
  const missing = expected.filter((name) => !found.includes(name)).map((name) => `${name} is missing`);
  const left = found.filter((name) => !expected.includes(name)).map((name) => `${name} stays`);
  const both = expected.filter((name) => found.includes(name));
  return [
    ...[...missing, ...left].map((text) => ({ kind: 'files', text }) as const),
    ...both.flatMap((name) => {
      const [a, b] = [join(whole, name), join(other, name)];
      return compareFiles(
        a,
        b,
        reported.some((text) => text.includes(name)),
      ).map((text) => ({ kind: kindOf(name), text: `${name} ${text}` }));
    }),
  ];
}

const namesIn = (folder: string): string[] =>
  filesOf(folder)
    .map((path) => relative(folder, path))
    .sort();

const kindOf = (name: string): Difference['kind'] =>
  name.endsWith('.safetensors') ? 'weights' : /\.(jsonl|csv)$/.test(name) ? 'lines' : 'table';

/** Returns what differs between two files of the same name. */
function compareFiles(a: string, b: string, mayLackLines: boolean): string[] {
  const [bytes, others] = [readFileSync(a), readFileSync(b)];
  const name = basename(a);
  if (/\.(safetensors|svg)$/.test(name)) return bytes.equals(others) || name === 'curves.svg' ? [] : ['differs'];
  const [text, other] = [`${bytes}`, `${others}`];
  if (name === 'metrics.jsonl')
    return [...compareLines(eventsOf(text), eventsOf(other), mayLackLines), ...compareSteps(text, other, mayLackLines)];
  if (name === 'epochs.csv') return compareLines(rowsOf(text), rowsOf(other), mayLackLines);
  if (name === 'table.json' || name === 'result.json')
    return isDeepStrictEqual(withoutTimes(text), withoutTimes(other)) ? [] : ['differs'];
  return [];
}

/** Compares the lines of two logs, in which none may be missing (unless `mayLackLines`), nor be there twice or in another order. */
function compareLines(whole: readonly string[], other: readonly string[], mayLackLines: boolean): string[] {
  const expected = mayLackLines ? whole.filter((line) => other.includes(line)) : whole;
  return expected.join('\n') === other.join('\n')
    ? []
    : [`differs: ${other.join(' | ')} instead of ${expected.join(' | ')}`];
}

/** Compares step events. How steps are grouped into events depends on time, but no event may be there twice, nor the last be missing. */
function compareSteps(whole: string, other: string, mayLackLines: boolean): string[] {
  const [expected, steps] = [whole, other].map((text) =>
    [...text.matchAll(/"event":"step","step":(\d+)/g)].map(([, step]) => Number(step)),
  ) as [number[], number[]];
  const isAscending = steps.every((step, index) => index === 0 || step > steps[index - 1]!);
  const isComplete = mayLackLines || steps.at(-1) === expected.at(-1);
  return isAscending && isComplete ? [] : [`has the steps ${steps}`];
}

/** Returns the events of a log that do not depend on time, without the fields that do. */
const eventsOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.includes('"event":"step"'))
    .map((line) => sorted(withoutTimes(line)));

/** Returns the rows of epochs.csv without the last column but one, images per second. */
const rowsOf = (text: string): string[] => text.split('\n').map((row) => row.replace(/,[^,]*(,[^,]*)$/, '$1'));

/** Writes an object as JSON with its fields in order of their names: those of a restored event come in another order. */
const sorted = (value: unknown): string => JSON.stringify(Object.entries(value ?? {}).sort());

const times = ['imagesPerSecond', 'seconds', 'out', 'report', 'versions'];

/** Returns the value of a JSON text without times and paths; null if it is none. */
function withoutTimes(text: string): unknown {
  try {
    return JSON.parse(text, (key, value) => (times.includes(key) ? undefined : value));
  } catch {
    return null;
  }
}
