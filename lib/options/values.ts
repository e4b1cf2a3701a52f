/** Kinds of values that a caller of JavaScript may give in another one's place. They are told apart by structure, as realms differ. */

/**
 * Whether a value is an array with the methods of arrays. An array whose prototype was replaced (`array.__proto__ = null`, for example
 * by a careless merge of options) has none, although Array.isArray() accepts it.
 */
export const isArray = ((value: unknown): boolean => {
  if (!Array.isArray(value)) return false;
  for (let at: unknown = value; at; at = Object.getPrototypeOf(at))
    if (Array.isArray(at) && Object.hasOwn(at, 'findIndex')) return true;
  return false;
}) as typeof Array.isArray;

/**
 * Whether a function is a class, which must not be called without `new`. Constructors of the language that may be called (Number) count as
 * classes too.
 */
export function isClass(value: unknown): boolean {
  if (typeof value !== 'function' || Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false)
    return false;
  // The prototype of a frozen function cannot be written either.
  const source = Function.prototype.toString.call(value);
  return source.startsWith('class') || source.endsWith('{ [native code] }');
}

/** Whether a value is a function that may be called. */
export const isCallback = (value: unknown): value is (...args: never[]) => unknown =>
  typeof value === 'function' && !isClass(value);

/** Returns the entry of a table with this name; undefined if there is none, or the name is no text. */
export const entryOf = <T>(table: Readonly<Record<string, T>>, name: unknown): T | undefined =>
  typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;
