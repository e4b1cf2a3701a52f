/** Readers of option values. Commander prints the error that a reader throws as one line that names the option. */
import { InvalidArgumentError } from 'commander';
import { numberFromText } from '../../errors';
import { parseInitialization } from '../../initial/initialization';
import { parseActivation } from '../../ops/activations';
import { accepts, custom, type Field, integer } from '../../options/field';
import { checkDeviceName } from '../../runtime/device';

/** A field of the library's options that takes a number. */
export type LibraryField = Pick<Field<unknown>, 'schema' | 'expected' | 'limits'>;

/** Makes a reader of the numbers that an option of the library takes. */
export const numberOf =
  (field: LibraryField) =>
  (text: string): number => {
    const value = numberFromText(text);
    if (!Number.isNaN(value) && accepts(field, value)) return value;
    throw new InvalidArgumentError(`Expected ${field.expected.replace(/, or null$/, '')}.`);
  };

/** Readers of numbers for which the library has no option. */
export const positiveInteger = numberOf(integer(1));
export const wholeNumber = numberOf(integer(0));

/** Reads one of several numbers with commas between. */
export const finiteNumber = numberOf(custom('numbers with commas between', Number.isFinite));

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
