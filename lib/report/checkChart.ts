/** Checks a chart before it is drawn: ECharts leaves out what it cannot read, without a word, and cannot draw every text. */
import { arrayOf, custom, type Field, flag, integer, optional, text } from '../options/field';
import { Options } from '../options/options';
import { isArray } from '../options/values';
import type { Axis, Chart, Series } from './option';

/** Accepts an array of `count` numbers. Null, which JSON has in place of NaN, is a gap like it. */
const numbers = <T>(expected: string, count: number): Field<T> =>
  custom(
    expected,
    (value) =>
      isArray(value) && value.length === count && value.every((one) => typeof one === 'number' || one === null),
  );

const finite: Field<number> = custom('a finite number', Number.isFinite);

const axis = new Options<Axis>('the axis of a chart', {
  label: text,
  log: optional(flag),
  ...{ min: optional(finite), max: optional(finite) },
  categories: optional(arrayOf(text)),
});

const series = new Options<Series>('a series of a chart', {
  name: text,
  points: arrayOf(numbers<Series['points'][number]>('a point [x, y]', 2)),
  colour: optional(integer(0)),
  dashed: optional(flag),
  band: optional(arrayOf(numbers<NonNullable<Series['band']>[number]>('[x, low, high]', 3))),
});

/** Whether a text may name a chart. */
export const isId = (id: unknown): id is string => typeof id === 'string' && /^[a-z][\w-]*$/i.test(id);

const chartOptions = new Options<Chart>(
  'a chart',
  {
    id: custom('a letter, then letters, digits, - and _', isId),
    title: text,
    caption: optional(text),
    ...{ x: axis.nested('an axis { label }'), y: axis.nested('an axis { label }') },
    series: arrayOf(series.nested('a series { name, points }'), 'an array of series'),
  },
  { argument: 'chart' },
);

/**
 * Returns a chart after checking it, with texts that ECharts can take.
 * @throws ERR_INVALID_ARGUMENT, which names the chart and the place in it
 */
export function checkChart(given: Chart): Chart {
  const chart = chartOptions.check(given, isId(given?.id) ? `chart "${given.id}"` : 'a chart');
  const axisOf = ({ label, categories, ...rest }: Axis): Axis => ({
    ...{ label: harmless(label), ...rest },
    ...(categories && { categories: categories.map(harmless) }),
  });
  return {
    ...chart,
    title: harmless(chart.title),
    x: axisOf(chart.x),
    y: axisOf(chart.y),
    series: chart.series.map((one) => ({ ...one, name: harmless(one.name) })),
  };
}

/**
 * Parts words that are names of members of all objects, such as "__proto__" and "constructor", by a space without width. ECharts keeps
 * widths of texts in a plain object by the text: it would take Object.prototype for an entry, and write `prev` and `next` into it.
 */
export const harmless = (text: string): string =>
  text.replace(/\w+/g, (word) => (word in {} ? `${word[0]}\u200b${word.slice(1)}` : word));
