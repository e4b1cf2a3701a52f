import { types } from 'node:util';
import { originOf } from './copies';
import { isClass } from './options/values';

/**
 * Every code of a SaturnnError, with what it means. docs/errors.md says what to do about each; test/errors.test.ts holds this
 * table to the codes that lib and native use. A code keeps its name and meaning from one version to the next.
 */
export const errorCodes = {
  ERR_INVALID_ARGUMENT: 'An argument or option has a value that is not accepted.',
  ERR_SHAPE: 'The shapes of tensors do not fit together, or do not fit the operation.',
  ERR_GRAPH: 'A graph cannot be differentiated, compiled or run as it is.',
  ERR_INVALID_PLAN: 'The native side refused a plan as inconsistent.',
  ERR_STATE: 'A State lives on another device than the one that it is used on.',
  ERR_DISPOSED: 'A device, plan, State, buffer or trainer was used after it had been disposed of.',
  ERR_UNSUPPORTED: 'The device or backend cannot do this: a precision, an operation or a size that it does not have.',
  ERR_NON_FINITE:
    'The loss or a gradient became infinite or NaN, or the update would overflow, and training stopped before the step was applied.',
  ERR_LSUV: 'LSUV could not bring the variance of a layer to 1.',
  ERR_DATA: 'A data set, archive or weights file is missing, damaged or of another layout.',
  ERR_DOWNLOAD: 'A data set could not be downloaded.',
  ERR_CHECKPOINT: 'A checkpoint or the settings of a run cannot be used.',
  ERR_EXPORT: 'A network cannot be written in another format, or computes something else there.',
  ERR_OUTPUT: 'A file or folder cannot be written.',
  ERR_BUSY: 'The folder or trainer is in use.',
  ERR_INTERRUPTED: 'The work was interrupted by Ctrl-C, a signal or an AbortSignal.',
  ERR_THREADS: 'The system does not grant the threads that computing needs.',
  ERR_OUT_OF_MEMORY: "The host's memory did not suffice.",
  ERR_UNSUPPORTED_PLATFORM: 'There are no binaries for this operating system, processor or C library.',
  ERR_PACKAGE: 'A package that this work needs is not installed, or is incomplete.',
  ERR_BINARY_NOT_FOUND: 'A compiled part of saturnn was not found.',
  ERR_BINARY_VERSION: 'A compiled part belongs to another version of saturnn.',
  ERR_BINARY_NOT_LOADED: 'The native addon was found but does not load.',
  ERR_BUILD: 'The native parts could not be compiled.',
  ERR_BACKEND_NOT_FOUND: 'The library of a backend, or a library that it needs, does not load.',
  ERR_BACKEND_ABI: 'The library of a backend was built for another version of the addon.',
  ERR_ONEDNN_VERSION: 'The oneDNN that was found has a version that saturnn does not support.',
  ERR_ONEDNN_RUNTIME: 'The oneDNN that was found was built without OpenMP.',
  ERR_CUDA_UNAVAILABLE: 'There is no NVIDIA driver, or no GPU, that saturnn can use.',
  ERR_CUDA: 'A call of CUDA failed.',
  ERR_CUDA_OOM: "The GPU's memory did not suffice.",
  ERR_CUDNN_NOT_FOUND: 'cuDNN 9 was not found.',
  ERR_CUDNN_INCOMPLETE: 'Some of the libraries of cuDNN are missing.',
  ERR_CUDNN: 'A call of cuDNN failed, or cuDNN has no plan for a convolution.',
  ERR_CUBLASLT_NOT_FOUND: 'cuBLASLt, which cuDNN needs, was not found.',
  ERR_INTERNAL: 'Something happened that saturnn did not expect: please report it.',
} as const;

/** Code of a SaturnnError. docs/errors.md lists all codes with their meaning, and says what to do about each. */
export type ErrorCode = keyof typeof errorCodes;

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorCodes, code);

/**
 * Characters that act on a terminal instead of being seen: control characters (but for tab and line feed), separators of lines and
 * paragraphs, and those that change the direction of text.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const invisible = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Replaces characters that would act on a terminal by escapes, "\\u001b" for ESC. Names in files, answers of servers and names of
 * hosts may hold them. JSON stays the same JSON.
 */
export const visible = (text: string): string =>
  text.replace(invisible, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** An error that saturnn throws on purpose. Programs can rely on `code`; the message is for people and may change. */
export class SaturnnError extends Error {
  /** Makes an error. `options` may contain the cause, as for Error. */
  constructor(
    /** The condition, by which programs tell errors apart. */
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(typeof message === 'string' ? visible(message) : show(message), options);
    this.name = 'SaturnnError';
  }

  /**
   * Turns an error of the native side, an Error whose `code` begins with "ERR_", into a SaturnnError, and returns anything else
   * as it is. A code that is not in `errorCodes` becomes ERR_INTERNAL, with the original code in the message.
   * @internal
   */
  static from(error: unknown): unknown {
    if (error instanceof SaturnnError || !isError(error)) return error;
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string' || !code.startsWith('ERR_')) return error;
    const [known, message] = isErrorCode(code)
      ? [code, error.message]
      : ['ERR_INTERNAL' as const, `${error.message} (${code})`];
    return new SaturnnError(known, message, { cause: error });
  }
}

/** Whether a value is an Error, also one of another realm (node:vm, Jest), which `instanceof` does not know. */
export const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value);

/** Waits for a promise of the native side; an error that it rejects with becomes a SaturnnError. */
export async function typed<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw SaturnnError.from(error);
  }
}

/** Returns an ERR_INVALID_ARGUMENT whose message names the argument, what was expected, and what was received. */
export function invalid(argument: string, expected: string, received: unknown): SaturnnError {
  return new SaturnnError(
    'ERR_INVALID_ARGUMENT',
    `Expected ${expected} for ${argument} but received ${show(received)}`,
  );
}

/** The flag of Node.js that gives a permission, by the `permission` of its ERR_ACCESS_DENIED. */
const permissionFlags: Readonly<Record<string, string>> = {
  FileSystemRead: '--allow-fs-read',
  FileSystemWrite: '--allow-fs-write',
  ChildProcess: '--allow-child-process',
  WorkerThreads: '--allow-worker',
  Net: '--allow-net',
};

/**
 * Returns the reason that an error of the system gives, for the end of a message. Under Node's permission model, the reason is the
 * flag that is missing.
 */
export function reasonOf(error: unknown): string {
  if (!isError(error)) return String(error);
  const {
    code,
    permission = '',
    resource = '',
    message,
  } = error as NodeJS.ErrnoException & Partial<Record<string, string>>;
  if (code === 'ERR_DLOPEN_DISABLED') return 'Node.js runs without --allow-addons';
  if (code !== 'ERR_ACCESS_DENIED') return message;
  const flag = permissionFlags[permission];
  if (!flag) return `${message.replace(/\.$/, '')} (Node.js runs with --permission)`;
  // A file is written beside the one that it replaces, under another name: the folder must be allowed.
  const path = permission === 'FileSystemWrite' ? resource.slice(0, resource.lastIndexOf('/') + 1) : resource;
  return `Node.js runs without ${flag}${path && flag.includes('fs') ? `=${path}` : ''}`;
}

/** Limits the elements of an array in a message: an array given where a typed array belongs may have millions. */
const mostShown = 16;
/** Limits the arrays within arrays in a message, which may contain themselves. */
const deepestShown = 4;
/** Limits the letters of a text in a message. */
const longestShown = 200;

/** Describes a value for a message. */
export function show(value: unknown): string {
  try {
    return describe(value, 0);
  } catch {
    // A getter, or the trap of a Proxy, has thrown.
    return 'an object that cannot be read';
  }
}

function describe(value: unknown, depth: number): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return visible(JSON.stringify(shortened(value)));
  if (typeof value === 'function') return isClass(value) ? 'a class' : 'a function';
  if (Array.isArray(value)) {
    if (depth === deepestShown) return '[…]';
    const shown = Array.from(value.slice(0, mostShown), (item) => describe(item, depth + 1));
    return `[${(value.length > mostShown ? [...shown, '…'] : shown).join(', ')}]`;
  }
  if (typeof value !== 'object' || value === null) return shortened(String(value));
  const name: unknown = value.constructor?.name;
  return `${typeof name === 'string' && name !== '' ? shortened(name) : 'an object'}${originOf(value)}`;
}

const shortened = (text: string): string => (text.length > longestShown ? `${text.slice(0, longestShown)}…` : text);

/** Limits of a number that an argument accepts, both included: the least and the most. For checkInteger and checkNumber. */
export type Range = readonly [least: number, most: number];

/** Reads a decimal number; NaN for any other text, also for none, which Number() takes for 0. */
export const numberFromText = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

/** Returns the value if it is an integer from `minimum` to `maximum`. @throws ERR_INVALID_ARGUMENT */
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

/** Returns the value if it is a number from `minimum` to `maximum`, both included. @throws ERR_INVALID_ARGUMENT */
export function checkNumber(argument: string, value: unknown, minimum: number, maximum: number): number {
  if (typeof value !== 'number' || !(value >= minimum && value <= maximum)) {
    throw invalid(argument, `a number from ${minimum} to ${maximum}`, value);
  }
  return value;
}
