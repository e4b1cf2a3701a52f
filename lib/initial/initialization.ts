/** How weights begin, as text: NAME, or NAME:OPTIONS where that has any. */
import { checkNumber, SaturnnError } from '../errors';
import type { Activation } from '../ops/activations';
import { gainInit } from './gainInit';
import { type Initializer, msra, orthonormal, type XavierOptions, xavier } from './initializers';
import { type LsuvOptions, lsuv } from './lsuv';

export interface Initialization {
  /** As it was given, for the run's settings. */
  readonly text: string;
  /** Of the convolutions' weights. Undefined: the model's default. */
  readonly initializer: (activation: Activation) => Initializer | undefined;
  /** What is done to the weights once there are data. @returns a line for people, or null */
  readonly prepare: (options: LsuvOptions) => Promise<string | null>;
}

/** How initialisations are written, for help texts and messages. */
export const initializationForms =
  'default, xavier[:uniform|gaussian,in|out|avg,kernel|channels,MAGNITUDE], msra[:in|out|avg,kernel|channels], orthonormal[:gain], lsuv[:tolerance] or gain[:centred]';

const nothing = async () => null;
const defaultTolerance = 0.02;
const mostImages = 64;

/** What each name makes of its options. */
const readers: Readonly<Record<string, (parts: readonly string[]) => Omit<Initialization, 'text'>>> = {
  default: (parts) => {
    if (parts.length > 0) throw new Error(`default has no options, but received "${parts}"`);
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
      throw new Error(`Expected gain or gain:centred, not "${parts}"`);
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

/** Each option by the word that stands for it. */
function words(parts: readonly string[], allowed: readonly (keyof typeof choices)[]): XavierOptions {
  const entries = parts.map((part) => {
    const name = allowed.find((option) => (choices[option] as readonly string[]).includes(part));
    if (!name) throw new Error(`Expected ${allowed.flatMap((option) => choices[option]).join(', ')}, not "${part}"`);
    return [name, part] as const;
  });
  const options = Object.fromEntries(entries);
  if (Object.keys(options).length < parts.length) throw new Error(`Expected one of each kind, not "${parts}"`);
  return options;
}

function number(parts: readonly string[]): number | undefined {
  if (parts.length === 0) return undefined;
  const [text = ''] = parts;
  const value = parts.length > 1 || text.trim() === '' ? Number.NaN : Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new Error(`Expected a positive number, not "${parts}"`);
  return value;
}

function summary(layers: Awaited<ReturnType<typeof lsuv>>): string {
  const range = (values: readonly number[]) =>
    `${Math.min(...values).toPrecision(3)} to ${Math.max(...values).toPrecision(3)}`;
  const before = range(layers.map((layer) => layer.before));
  return `LSUV: ${layers.length} layers, variance ${before} before, ${range(layers.map(({ after }) => after))} after`;
}

/** @throws ERR_INVALID_ARGUMENT naming what there is */
export function parseInitialization(text: string): Initialization {
  const [name = '', ...rest] = text.split(':');
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  const parts = rest.length === 0 ? [] : rest.join(':').split(',');
  try {
    if (!read) throw new Error(`Expected one of ${Object.keys(readers).join(', ')}`);
    return { text, ...read(parts) };
  } catch (error) {
    throw new SaturnnError('ERR_INVALID_ARGUMENT', (error as Error).message, { cause: error });
  }
}
