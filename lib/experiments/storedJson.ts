/** Reads JSON files that earlier calls have written into a folder of results, and checks what they hold before it is used. */
import { existsSync } from 'node:fs';
import { invalid, reasonOf, SaturnnError, show } from '../errors';
import { readJsonFile } from '../files/json';

/** An object of a JSON file, whose fields are not checked yet. */
export type Stored = Readonly<Record<string, unknown>>;

/** A check of a stored field, and the words for messages that say what it must be. */
export type Expected = readonly [expected: string, is: (value: unknown) => boolean];

const isObject = (value: unknown): value is Stored =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A number; null stands for NaN, which JSON does not have. */
export const number: Expected = ['a number', (value) => typeof value === 'number' || value === null];
export const count: Expected = [
  'an integer of at least 0',
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
];
export const text: Expected = ['a string', (value) => typeof value === 'string'];
export const object: Expected = ['an object', isObject];
export const texts: Expected = [
  'an array of strings',
  (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
];

/** Accepts an object with these fields, and others. */
export const objectWith = (fields: Readonly<Record<string, Expected>>): Expected => [
  `an object with ${Object.keys(fields).join(', ')}`,
  (value) => isObject(value) && Object.entries(fields).every(([name, [, is]]) => is(value[name])),
];

/** Accepts one of these words. */
export const word = (...words: readonly string[]): Expected => [
  words.map(show).join(' or '),
  (value) => words.some((one) => one === value),
];

/** Accepts null, or what `expected` accepts. */
export const orNull = ([expected, is]: Expected): Expected => [
  `${expected}, or null`,
  (value) => value === null || is(value),
];

/** Accepts nothing, or an array whose items `expected` accepts. */
export const someOf = ([expected, is]: Expected): Expected => [
  `an array, each element ${expected}`,
  (value) => value === undefined || (Array.isArray(value) && value.every(is)),
];

/**
 * Reads a JSON file that holds an object.
 * @param fields what its fields must be; it may have others
 * @returns the object; null if there is no such file
 * @throws ERR_CHECKPOINT, naming file and field, if it cannot be read or is damaged
 */
export function readStored(path: string, fields: Readonly<Record<string, Expected>> = {}): Stored | null {
  if (!existsSync(path)) return null;
  try {
    const stored = readJsonFile(path);
    if (!isObject(stored)) throw invalid('its content', 'an object', stored);
    for (const [name, [expected, is]] of Object.entries(fields))
      if (!is(stored[name])) throw invalid(`its field "${name}"`, expected, stored[name]);
    return stored;
  } catch (error) {
    throw new SaturnnError('ERR_CHECKPOINT', `Cannot use ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
