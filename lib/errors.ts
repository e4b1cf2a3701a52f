/** Every error that saturnn throws on purpose. `code` is stable; the message is for people. */
export class SaturnnError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'SaturnnError';
  }

  /** An error of the native side, which has a `code` already, as a SaturnnError; anything else as it is. */
  static from(error: unknown): unknown {
    if (error instanceof SaturnnError || !(error instanceof Error)) return error;
    const { code } = error as NodeJS.ErrnoException;
    return code?.startsWith('ERR_') ? new SaturnnError(code, error.message, { cause: error }) : error;
  }
}

/** Waits for the native side; its errors become SaturnnErrors. */
export async function typed<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw SaturnnError.from(error);
  }
}

/** Bad input: names the argument, what was expected, and what was received. */
export function invalid(argument: string, expected: string, received: unknown): SaturnnError {
  return new SaturnnError(
    'ERR_INVALID_ARGUMENT',
    `Expected ${expected} for ${argument} but received ${show(received)}`,
  );
}

/** Elements of an array in a message: data given where a typed array belongs may have millions. */
const mostShown = 16;

export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) {
    const shown = value.slice(0, mostShown).map(show);
    return `[${(value.length > mostShown ? [...shown, '…'] : shown).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'an object';
  return String(value);
}

/** Options that may not be left out: taking nothing apart would throw an error without a code. */
export function checkOptions<T extends object>(expected: string, options: T): T {
  if (typeof options !== 'object' || options === null) throw invalid('options', expected, options);
  return options;
}

export function checkInteger(
  argument: string,
  value: unknown,
  minimum: number,
  maximum = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
    const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw invalid(argument, `an integer ${range}`, value);
  }
  return value;
}

export function checkNumber(argument: string, value: unknown, minimum: number, maximum: number): number {
  if (typeof value !== 'number' || !(value >= minimum && value <= maximum)) {
    throw invalid(argument, `a number from ${minimum} to ${maximum}`, value);
  }
  return value;
}
