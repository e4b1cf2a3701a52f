/**
 * Strict options: each function that takes an object of options declares what its options accept, beside the interface that
 * documents them. An unknown name, a value of another type and something else in the object's place are errors that say so.
 */
import type { BaseIssue, GenericSchema } from 'valibot';
import { invalid, isError, SaturnnError, show } from '../errors';
import { Field } from './field';
import { nearestName } from './nearest';
import { valibot } from './valibot';
import { isArray } from './values';

/** A field for each option of T: a missing or superfluous one, or one of another type, does not compile. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

/** Settings of a declaration. */
interface Settings {
  /** Name of the argument that takes the object; default "options". */
  readonly argument?: string;
  /** Whether messages about an option add the option `name`: "inputs of conv1". */
  readonly named?: boolean;
  /** Returns what to do instead if this value was given in the object's place; undefined: no hint. */
  readonly hint?: (value: unknown) => string | undefined;
}

/** The declared options of a function. */
export class Options<T extends object> {
  readonly #object: Field<T>;
  readonly #names: readonly string[];

  constructor(
    /** The function as users know it: "conv2d()", "Trainer". */
    readonly owner: string,
    /** The accepted values of each option. */
    readonly fields: Fields<T>,
    private readonly settings: Settings = {},
  ) {
    this.#names = Object.keys(fields);
    this.#object = this.nested();
  }

  #makeSchema(): unknown {
    const v = valibot();
    const entries: Record<string, GenericSchema> = {};
    for (const name of this.#names) entries[name] = this.#field(name)!.schema as GenericSchema;
    const message = ({ expected, path }: { expected: string | null; path?: readonly { key?: unknown }[] }) => {
      const name = String(path?.at(-1)?.key);
      return expected === 'never' ? this.#unknown(name) : (this.#field(name)?.expected ?? '');
    };
    const strict = v.strictObject(entries, message as never);
    return v.pipe(v.custom(isOptions, this.#described()), strict as never);
  }

  /**
   * Returns a copy of options after checking every one of them.
   * @param of what the options describe, for messages: "inputs of conv1"
   * @throws ERR_INVALID_ARGUMENT for something that is no object of options, an unknown name, or a value that is not accepted
   */
  check(options: unknown, of?: string): T {
    try {
      return this.#check(options, of);
    } catch (error) {
      if (error instanceof SaturnnError) throw error;
      throw unreadable(`${this.settings.argument ?? 'options'} of ${this.owner}`, error);
    }
  }

  #check(options: unknown, of?: string): T {
    if (!isOptions(options)) throw this.#misplaced(options);
    for (const name in options) if (!this.#names.includes(name)) throw this.#refused(name, options);
    const result = parse(this.#object, options);
    if (result.success) return result.output;
    throw this.#errorOf(result.issues[0], of ?? this.#nameOf(options));
  }

  /** Returns these options as a field of other options. */
  nested(expected = this.#described()): Field<T> {
    return new Field<T>(() => this.#makeSchema(), expected);
  }

  #nameOf({ name }: { name?: unknown }): string | undefined {
    return this.settings.named && typeof name === 'string' ? name : undefined;
  }

  #errorOf(issue: BaseIssue<unknown>, of: string | undefined): SaturnnError {
    if (issue.type === 'strict_object' && issue.expected === 'never') {
      return new SaturnnError('ERR_INVALID_ARGUMENT', issue.message);
    }
    const path = pathOf(issue);
    return invalid(of === undefined || path === 'name' ? path : `${path} of ${of}`, issue.message, issue.input);
  }

  #field(name: string): Field<unknown> | undefined {
    return (this.fields as Record<string, Field<unknown>>)[name];
  }

  #described(): string {
    return `an object { ${this.#names.join(', ')} }`;
  }

  #misplaced(value: unknown): SaturnnError {
    const { argument = 'options', hint } = this.settings;
    const error = invalid(`${argument} of ${this.owner}`, this.#described(), value);
    const remedy = hint?.(value);
    return remedy === undefined ? error : new SaturnnError(error.code, `${error.message}: ${remedy}`);
  }

  /** An unknown name in an instance of a class means that the instance is in the options' place. */
  #refused(name: string, options: object): SaturnnError {
    if (!isPlain(options) && nearestName(name, this.#names) === null) return this.#misplaced(options);
    return new SaturnnError('ERR_INVALID_ARGUMENT', this.#unknown(name));
  }

  #unknown(name: string): string {
    const nearest = nearestName(name, this.#names);
    const advice = nearest === null ? `its options are ${this.#names.join(', ')}` : `did you mean "${nearest}"?`;
    return `${this.owner} has no option ${JSON.stringify(name)}: ${advice}`;
  }
}

/** Whether a value can hold options: no array, function, Map or the like, in which options would be overlooked. */
function isOptions(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return ['[object Object]', '[object Module]'].includes(Object.prototype.toString.call(value));
}

const parse = <T>(field: Field<T>, value: unknown) =>
  valibot().safeParse(field.schema as GenericSchema<unknown, T>, value, { abortEarly: true });

/** Returns the place of a value within the options: "checkpoints.everyEpochs", "groups[1].match". */
function pathOf({ path }: BaseIssue<unknown>): string {
  return (path ?? []).reduce((text: string, { key }) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

/** Returns an argument that is no object of options, if `field` accepts it. @throws ERR_INVALID_ARGUMENT */
export function checkArgument<T>(argument: string, field: Field<T>, value: unknown): T {
  try {
    const result = parse(field, value);
    if (result.success) return result.output;
    const [issue] = result.issues;
    const path = pathOf(issue);
    throw invalid(
      path === '' ? argument : `${argument}${path.startsWith('[') ? '' : '.'}${path}`,
      issue.message,
      issue.input,
    );
  } catch (error) {
    if (error instanceof SaturnnError) throw error;
    throw unreadable(argument, error);
  }
}

/** A getter has thrown, or the trap of a Proxy. */
function unreadable(what: string, cause: unknown): SaturnnError {
  const reason = isError(cause) ? cause.message : show(cause);
  return new SaturnnError('ERR_INVALID_ARGUMENT', `The ${what} cannot be read: ${reason}`, { cause });
}

/**
 * Returns the result of a function of plain data, such as a chart. If the data have not the form that their type says, the
 * error has a code. Arrays with holes are refused first: one of 2^32 - 1 holes would take minutes to walk through.
 * @throws ERR_INVALID_ARGUMENT, with the error as its cause; every SaturnnError that `make` throws
 */
export function fromData<T>(argument: string, expected: string, data: unknown, make: () => T): T {
  try {
    const hole = holeIn(data);
    if (hole !== null) throw invalid(`${argument}${hole}`, 'an element in every place of an array', undefined);
    return make();
  } catch (cause) {
    if (cause instanceof SaturnnError) throw cause;
    const { code, message } = invalid(argument, expected, data);
    throw new SaturnnError(code, `${message}: ${show((cause as Error)?.message)}`, { cause });
  }
}

/** Returns the place of the first hole of an array, in plain data and the plain objects and arrays within; null: there is none. */
function holeIn(data: unknown, seen = new Set<unknown>()): string | null {
  if (typeof data !== 'object' || data === null || seen.has(data)) return null;
  seen.add(data);
  if (isArray(data)) {
    for (let index = 0; index < data.length; index++) {
      const below = index in data ? holeIn(data[index], seen) : '';
      if (below !== null) return `[${index}]${below}`;
    }
  } else if (isPlain(data)) {
    for (const [name, value] of Object.entries(data)) {
      const below = holeIn(value, seen);
      if (below !== null) return `.${name}${below}`;
    }
  }
  return null;
}

/** Whether an object is none of a class. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
