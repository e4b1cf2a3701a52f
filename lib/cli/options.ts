/** Readers of option values. What they throw, commander prints as one line that names the option. */
import { InvalidArgumentError } from 'commander';
import { parseInitialization } from '../initial/initialization';
import { parseActivation } from '../ops/activations';

const number = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

export const positiveInteger = (text: string): number => {
  const value = number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Expected a positive integer.');
  return value;
};

export const seed = (text: string): number => {
  const value = number(text);
  const most = 2 ** 31 - 1;
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new InvalidArgumentError(`Expected an integer from 0 to ${most}.`);
  }
  return value;
};

export const positiveNumber = (text: string): number => {
  const value = number(text);
  if (!(Number.isFinite(value) && value > 0)) throw new InvalidArgumentError('Expected a positive number.');
  return value;
};

export const fraction = (text: string): number => {
  const value = number(text);
  if (!(value >= 0 && value < 1)) throw new InvalidArgumentError('Expected a number of at least 0 and below 1.');
  return value;
};

export const nonNegative = (text: string): number => {
  const value = number(text);
  if (!(Number.isFinite(value) && value >= 0)) throw new InvalidArgumentError('Expected a number of at least 0.');
  return value;
};

/** An option's reader: what a parser throws becomes commander's one line that names the option. */
export const reading =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(`${(error as Error).message}.`);
    }
  };

export const activation = reading(parseActivation);
export const initialization = reading(parseInitialization);

export const device = (text: string): string => {
  if (!/^(auto|cpu|cuda(:\d{1,3})?)$/.test(text)) throw new InvalidArgumentError('Expected auto, cpu, cuda or cuda:N.');
  return text;
};
