import { invalid, numberFromText } from '../errors';
import { type PlateauMetric, plateauRate } from './plateau';
import { constantRate, type Schedule, type Span } from './schedule';
import { cosineRate, oneCycleRate, stepRate } from './schedules';

/** How schedules are written, for help texts and messages. */
export const scheduleForms =
  'constant, step:MILESTONES[:FACTOR], cosine[:MINIMUM], onecycle[:SHARE[:FINAL DIVISION]], plateau[:FACTOR[:PATIENCE[:METRIC]]]';

/** "5" or "2.5" epochs, "500steps". @throws ERR_INVALID_ARGUMENT */
export function parseSpan(argument: string, text: string): Span {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(steps)?$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  if (digits === undefined || !(value > 0) || (unit && !Number.isSafeInteger(value)))
    throw invalid(argument, 'a positive number of epochs, or of steps as in "500steps",', text);
  return unit ? { steps: value } : { epochs: value };
}

/**
 * A schedule as text: its name, and after colons what may be left out. MILESTONES are epochs, or steps as in
 * "step:3000,6000steps". For example "cosine", "step:30,60:0.2", "plateau:0.5:5:testAccuracy".
 * @param rate the first, or the largest, learning rate
 * @throws ERR_INVALID_ARGUMENT
 */
export function parseSchedule(text: string, { rate }: { rate: number }): Schedule {
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
