/** The values that options take: each field says what it accepts, and how messages describe that. */
import { types } from 'node:util';
import type { GenericSchema } from 'valibot';
import type { Range } from '../errors';
import { valibot } from './valibot';
import { isArray, isCallback } from './values';

/** Limits of a number. `open` names the end that is itself refused. */
export interface Limits {
  readonly least: number;
  readonly most?: number;
  readonly open?: 'least' | 'most';
}

/**
 * The accepted values of an option. It is invariant in its type: a field that accepts less than the option's type says, or more, does not
 * compile.
 */
export class Field<in out T> {
  /** Only for the compiler: see above. */
  declare readonly type: (value: T) => T;
  #schema: unknown = null;

  /** @param makeSchema returns the schema of valibot. Its type stays out of the declarations that users compile. */
  constructor(
    private readonly makeSchema: () => unknown,
    /** Describes the accepted values: "a number from 0 to 1". */
    readonly expected: string,
    /** Limits, if the field is a number. */
    readonly limits: Limits | null = null,
  ) {}

  /** The schema of valibot, made at the first check: most programs use few options, and should start quickly. */
  get schema(): unknown {
    this.#schema ??= this.makeSchema();
    return this.#schema;
  }
}

/** Returns the schema of a field. Not exported: the declarations of valibot need a newer TypeScript than those of saturnn. */
const schemaOf = <T>(field: Field<T>) => field.schema as GenericSchema<unknown, T>;

/** Whether a field accepts a value. */
export const accepts = (field: Pick<Field<unknown>, 'schema'>, value: unknown): boolean =>
  valibot().is(field.schema as GenericSchema, value);

/** Accepts the values for which `is` returns true. `is` looks at the value's structure, so that values of another realm pass. */
export const custom = <T>(expected: string, is: (value: unknown) => boolean, limits: Limits | null = null): Field<T> =>
  new Field<T>(() => valibot().custom<T>(is, expected), expected, limits);

/** Accepts every array: for values whose function checks their elements itself. */
export const anyArray = <T extends readonly unknown[]>(expected: string): Field<T> => custom<T>(expected, isArray);

/** Accepts objects, and functions with properties, for which `is` returns true: a Model, a Device. */
export const instance = <T extends object>(expected: string, is: (value: T) => boolean): Field<T> =>
  custom<T>(expected, (value) => isObject(value) && is(value as T));

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Accepts an object by whose keys the caller names things. The function checks the values. */
export const record = <T extends object>(expected: string): Field<T> =>
  instance<T>(expected, (value) => !Array.isArray(value) && !ArrayBuffer.isView(value));

/** Accepts true and false. */
export const flag: Field<boolean> = custom('true or false', (value) => typeof value === 'boolean');

/** Accepts strings. */
export const text: Field<string> = custom('a string', (value) => typeof value === 'string');

/** Accepts every number, NaN included: for options whose function checks their range itself. */
export const anyNumber: Field<number> = custom('a number', (value) => typeof value === 'number');

/** Accepts a Float32Array, also one of another realm. */
export const floats: Field<Float32Array> = custom('a Float32Array', types.isFloat32Array);

/** Accepts functions, but no classes, which cannot be called. */
export const callback = <T>(expected = 'a function'): Field<T> => custom<T>(expected, isCallback);

/** Accepts what has the members of an AbortSignal. */
export const signal: Field<AbortSignal> = instance(
  'an AbortSignal',
  (value) => typeof value.aborted === 'boolean' && typeof value.addEventListener === 'function',
);

/** Accepts integers from `least` to `most`, both included. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): Field<number> {
  const bounded = most !== Number.MAX_SAFE_INTEGER;
  const expected = `an integer ${bounded ? `from ${least} to ${most}` : `of at least ${least}`}`;
  return custom(expected, (value) => Number.isInteger(value) && within(value, least, most), {
    least,
    ...(bounded && { most }),
  });
}

const within = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && value >= least && value <= most;

/** Accepts numbers of a range, both ends included. */
export const number = ([least, most]: Range): Field<number> =>
  custom(`a number from ${least} to ${most}`, (value) => within(value, least, most), { least, most });

/** Accepts numbers within limits, of which one end may be open; without `most`, any finite number from `least` on. */
export function numberWithin(limits: Limits, expected = describeLimits(limits)): Field<number> {
  const { least, most = Number.MAX_VALUE, open } = limits;
  const accepts = (value: unknown) =>
    within(value, least, most) && !(open === 'least' && value === least) && !(open === 'most' && value === most);
  return custom(expected, accepts, limits);
}

function describeLimits({ least, most, open }: Limits): string {
  if (most === undefined) return open === 'least' ? `a number above ${least}` : `a number of at least ${least}`;
  if (open === 'least') return `a number above ${least} and at most ${most}`;
  return open === 'most' ? `a number of at least ${least} and less than ${most}` : `a number from ${least} to ${most}`;
}

/** Accepts any of several words, or numbers. */
export const oneOf = <T extends string | number>(
  choices: readonly T[],
  expected: string = listing(choices.map(String)),
): Field<T> => custom(expected, (value) => choices.includes(value as T));

const isTriple = (value: unknown): boolean => isArray(value) && value.length === 3;
const isPair = (value: unknown): boolean => isArray(value) && value.length === 2;

/** Accepts a height and a width in pixels, and copies them. */
export const size: Field<readonly [number, number]> = new Field(() => {
  const v = valibot();
  const each = schemaOf(integer(1));
  return v.pipe(v.custom(isPair, '[height, width]'), v.tuple([each, each], '[height, width]'));
}, '[height, width]');

/** Accepts three positive integers, and copies them. */
export const imageShape = (expected: string): Field<readonly [number, number, number]> =>
  new Field(() => {
    const v = valibot();
    const each = schemaOf(integer(1));
    return v.pipe(v.custom(isTriple, expected), v.tuple([each, each, each], expected));
  }, expected);

/** Joins words: "a, b or c". */
export function listing(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** Accepts what `field` accepts, and null. */
export const orNull = <T>(field: Field<T>): Field<T | null> =>
  new Field(() => valibot().nullable(schemaOf(field)), `${field.expected}, or null`, field.limits);

/** Accepts what `field` accepts, and nothing. */
export const optional = <T>(field: Field<T>): Field<T | undefined> =>
  new Field(() => valibot().optional(schemaOf(field)), field.expected, field.limits);

/** Accepts what one of the fields accepts. `expected` describes them all. */
export const anyOf = <T extends readonly unknown[]>(
  expected: string,
  ...fields: { readonly [K in keyof T]: Field<T[K]> }
): Field<T[number]> =>
  new Field(() => valibot().union((fields as readonly Field<unknown>[]).map(schemaOf), expected), expected);

/** Accepts arrays, without holes, of what `field` accepts, and copies them. */
export const arrayOf = <T>(
  field: Field<T>,
  expected = `an array, each element ${field.expected}`,
): Field<readonly T[]> =>
  new Field(() => {
    const v = valibot();
    return v.pipe(v.custom(isArray, expected), v.array(schemaOf(field), expected));
  }, expected);

/** Accepts a path: any string but the empty one, without NUL. */
export const pathField: Field<string> = custom(
  'a path',
  (value) => typeof value === 'string' && /^[^\0]+$/.test(value),
);
