/** Initialisations of weights, written as text: NAME, or NAME:OPTIONS. */
import { checkNumber, invalid, numberFromText, SaturnnError } from '../errors';
import { type Initializer, msra, orthonormal, type XavierOptions, xavier } from '../layers/initializers';
import type { Activation } from '../ops/activations';
import { entryOf } from '../options/values';
import { gainInit } from './gainInit';
import { type LsuvOptions, lsuv } from './lsuv';

/** An initialisation that parseInitialization() has read. */
export interface Initialization {
  /** The text that was parsed; it is kept in a run's settings. */
  readonly text: string;
  /** Returns the initialiser of the convolutions' weights. Undefined: the model's default. */
  readonly initializer: (activation: Activation) => Initializer | undefined;
  /** Changes the weights before training, with the help of data. @returns a line to print, or null */
  readonly prepare: (options: LsuvOptions) => Promise<string | null>;
}

/** The forms of an initialisation, for help texts and messages. */
export const initializationForms =
  'default, xavier[:uniform|gaussian,in|out|avg,kernel|channels,MAGNITUDE], msra[:in|out|avg,kernel|channels], orthonormal[:gain], lsuv[:tolerance] or gain[:centred]';

const nothing = async () => null;
const defaultTolerance = 0.02;
const mostImages = 64;

/** Parsers of the options behind each name. They throw plain Errors, to which parseInitialization() adds the code. */
const readers: Readonly<Record<string, (parts: readonly string[]) => Omit<Initialization, 'text'>>> = {
  default: (parts) => {
    if (parts.length > 0) throw new Error(`default has no options but received "${parts}"`);
    return { initializer: () => undefined, prepare: nothing };
  },
  xavier: (parts) => {
    const isNumber = (part: string) => /^[\d.]/.test(part);
    const magnitude = number(parts.filter(isNumber));
    const options = words(
      parts.filter((part) => !isNumber(part)),
      ['distribution', 'factor', 'fanOut'],
    );
    return { initializer: () => xavier({ ...options, magnitude }), prepare: nothing };
  },
  msra: (parts) => {
    const options = words(parts, ['factor', 'fanOut']);
    return { initializer: ({ slope }) => msra({ ...options, slope }), prepare: nothing };
  },
  orthonormal: (parts) => {
    const initializer = orthonormal({ gain: number(parts) });
    return { initializer: () => initializer, prepare: nothing };
  },
  lsuv: (parts) => {
    const tolerance = checkNumber('tolerance', number(parts) ?? defaultTolerance, 1e-5, 1);
    const prepare = async (options: LsuvOptions) => {
      const batch = Math.min(mostImages, options.dataset?.count ?? mostImages);
      return summary(await lsuv({ ...options, tolerance, batch }));
    };
    return { initializer: () => undefined, prepare };
  },
  gain: (parts) => {
    if (parts.length > 0 && parts.join() !== 'centred')
      throw new Error(`Expected gain or gain:centred but received "gain:${parts}"`);
    const initializer = xavier({ magnitude: 1, factor: 'in', distribution: 'gaussian' });
    const prepare = async ({ model, state, device }: LsuvOptions) => {
      const { smallest, largest } = await gainInit({ model, state, device, centred: parts.length > 0 });
      const [least, most] = [smallest, largest].map((factor) => Number(factor.toPrecision(3)));
      return `initial weights times ${least} to ${most}${parts.length > 0 ? ', biases centred' : ''}`;
    };
    return { initializer: () => initializer, prepare };
  },
};

const choices = {
  distribution: ['uniform', 'gaussian'],
  factor: ['in', 'out', 'avg'],
  fanOut: ['kernel', 'channels'],
} as const;

/** Returns options by name, each recognised by its value, which belongs to one option only. */
function words(parts: readonly string[], allowed: readonly (keyof typeof choices)[]): XavierOptions {
  const entries = parts.map((part) => {
    const name = allowed.find((option) => (choices[option] as readonly string[]).includes(part));
    if (!name)
      throw new Error(
        `Expected one of ${allowed.flatMap((option) => choices[option]).join(', ')} but received "${part}"`,
      );
    return [name, part] as const;
  });
  const options = Object.fromEntries(entries);
  if (Object.keys(options).length < parts.length)
    throw new Error(`Expected at most one option of each kind but received "${parts}"`);
  return options;
}

function number(parts: readonly string[]): number | undefined {
  if (parts.length === 0) return undefined;
  const [text = ''] = parts;
  const value = parts.length > 1 ? Number.NaN : numberFromText(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new Error(`Expected a positive number but received "${parts}"`);
  return value;
}

function summary(layers: Awaited<ReturnType<typeof lsuv>>): string {
  const range = (values: readonly number[]) =>
    `${Math.min(...values).toPrecision(3)} to ${Math.max(...values).toPrecision(3)}`;
  const before = range(layers.map((layer) => layer.before));
  return `LSUV: ${layers.length} layers, variance ${before} before, ${range(layers.map(({ after }) => after))} after`;
}

/**
 * Reads an initialisation of the weights from text.
 * @param text "default" (the model's own), "xavier", "msra", "orthonormal", "lsuv" or "gain", as the option --init of the command.
 * Options of the initialisation follow a colon, separated by commas: "xavier:gaussian,in,16", "orthonormal:1.1", "lsuv:0.01"
 * @throws ERR_INVALID_ARGUMENT for another text
 */
export function parseInitialization(text: string): Initialization {
  if (typeof text !== 'string') throw invalid('initialization', initializationForms, text);
  const [name = '', ...rest] = text.split(':');
  const read = entryOf(readers, name);
  const parts = rest.length === 0 ? [] : rest.join(':').split(',');
  try {
    if (!read) throw new Error(`Expected one of ${Object.keys(readers).join(', ')}`);
    return { text, ...read(parts) };
  } catch (error) {
    throw new SaturnnError('ERR_INVALID_ARGUMENT', (error as Error).message, { cause: error });
  }
}
