import { invalid, numberFromText } from '../errors';
import { Options } from '../options/options';
import { type PlateauMetric, plateauRate } from './plateau';
import { constantRate, rateField, type Schedule, type Span } from './schedule';
import { cosineRate, oneCycleRate, stepRate } from './schedules';

/** The forms of a schedule, for help texts and messages. */
export const scheduleForms =
  'constant, step:MILESTONES[:FACTOR], cosine[:MINIMUM], onecycle[:SHARE[:FINAL DIVISION]], plateau[:FACTOR[:PATIENCE[:METRIC]]]';

/** Reads a length: "5" or "2.5" means epochs, "500steps" means steps. @throws ERR_INVALID_ARGUMENT unless it is positive */
export function parseSpan(argument: string, text: string): Span {
  const expected = 'a positive number of epochs, or of steps as in "500steps",';
  if (typeof text !== 'string') throw invalid(argument, expected, text);
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(steps)?$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  if (digits === undefined || !(value > 0) || (unit && !Number.isSafeInteger(value)))
    throw invalid(argument, expected, text);
  return unit ? { steps: value } : { epochs: value };
}

const parseOptions = new Options<{ rate: number }>('parseSchedule()', { rate: rateField });

/**
 * Reads a schedule that is written as text: its name, and options after colons. The forms are constant,
 * step:MILESTONES[:FACTOR], cosine[:MINIMUM], onecycle[:SHARE[:FINAL DIVISION]] and plateau[:FACTOR[:PATIENCE[:METRIC]]], for
 * example "cosine", "step:30,60:0.2" or "plateau:0.5:5:testAccuracy". MILESTONES are epochs, or steps as in
 * "step:3000,6000steps". Defaults and ranges are those of stepRate(), cosineRate(), oneCycleRate() and plateauRate().
 * @param options `rate`: the first learning rate; for onecycle the largest
 * @throws ERR_INVALID_ARGUMENT
 */
export function parseSchedule(text: string, options: { rate: number }): Schedule {
  if (typeof text !== 'string') throw invalid('schedule', scheduleForms, text);
  const { rate } = parseOptions.check(options);
  const [name = '', ...fields] = text.split(':');
  const at = (index: number, what: string): number | undefined => {
    const field = fields[index];
    if (field === undefined) return undefined;
    const value = numberFromText(field);
    if (!Number.isFinite(value)) throw invalid(`${what} of schedule "${text}"`, 'a number', field);
    return value;
  };
  const most = (count: number): void => {
    if (fields.length > count) throw invalid('schedule', scheduleForms, text);
  };
  switch (name) {
    case 'constant':
      most(0);
      return constantRate(rate);
    case 'step': {
      most(2);
      const [, list, steps] = /^(.*?)(steps)?$/.exec(fields[0] ?? '') ?? [];
      const milestones = (list ?? '').split(',').map(numberFromText);
      return stepRate({ rate, milestones, unit: steps ? 'steps' : 'epochs', factor: at(1, 'factor') });
    }
    case 'cosine':
      most(1);
      return cosineRate({ rate, minimum: at(0, 'minimum') });
    case 'onecycle':
      most(2);
      return oneCycleRate({ peak: rate, warmUpShare: at(0, 'share'), finalDivision: at(1, 'final division') });
    case 'plateau':
      most(3);
      return plateauRate({
        rate,
        factor: at(0, 'factor'),
        patience: at(1, 'patience'),
        metric: fields[2] as PlateauMetric | undefined,
      });
    default:
      throw invalid('schedule', scheduleForms, text);
  }
}
