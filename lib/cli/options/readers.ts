/** Readers of option values. Commander prints the error that a reader throws as one line that names the option. */
import { InvalidArgumentError } from 'commander';
import { numberFromText } from '../../errors';
import { parseInitialization } from '../../initial/initialization';
import { parseActivation } from '../../ops/activations';
import { seedRange } from '../../random';
import { checkDeviceName } from '../../runtime/device';

/** Makes a reader of numbers. `expected` describes the numbers that `accepts` is true for. */
const number =
  (expected: string, accepts: (value: number) => boolean) =>
  (text: string): number => {
    const value = numberFromText(text);
    if (!accepts(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };

export const positiveInteger = number('a positive integer', (value) => Number.isSafeInteger(value) && value > 0);
export const wholeNumber = number('an integer of at least 0', (value) => Number.isSafeInteger(value) && value >= 0);
export const positiveNumber = number('a positive number', (value) => Number.isFinite(value) && value > 0);
export const nonNegative = number('a number of at least 0', (value) => Number.isFinite(value) && value >= 0);
export const fraction = number('a number of at least 0 and below 1', (value) => value >= 0 && value < 1);
export const finiteNumber = number('numbers with commas between', Number.isFinite);

const [leastSeed, mostSeed] = seedRange;
export const seed = number(
  `an integer from ${leastSeed} to ${mostSeed}`,
  (value) => Number.isInteger(value) && value >= leastSeed && value <= mostSeed,
);

/** Makes a reader of a function of the library: its error becomes commander's one line that names the option. */
export const reading =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(`${(error as Error).message}.`);
    }
  };

/** Makes a reader that checks text with a function of the library, and keeps the text. */
export const checking = (parse: (text: string) => unknown) =>
  reading((text) => {
    parse(text);
    return text;
  });

/** Makes a reader of "a,b,c" from the reader of one value. `distinct`: refuses a text that comes twice. */
export const list =
  <T>(readOne: (text: string) => T, { distinct }: { distinct: boolean }) =>
  (text: string): T[] => {
    const items = text.split(',').map((item) => item.trim());
    if (distinct && new Set(items).size < items.length) throw new InvalidArgumentError('Expected each value once.');
    return items.map((item) => readOne(item));
  };

/** Makes a reader of one of several words. */
export const oneOf =
  <T extends string>(words: readonly T[]) =>
  (text: string): T => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new InvalidArgumentError(`Expected ${words.join(', ')}.`);
    return found;
  };

export const activation = reading(parseActivation);
export const initialization = reading(parseInitialization);
export const device = reading(checkDeviceName);
