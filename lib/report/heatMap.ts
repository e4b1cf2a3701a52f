/** Square tables of counts as pictures: a confusion matrix. */

import { arrayOf, custom, integer, optional, text } from '../options/field';
import { checkArgument, Options } from '../options/options';
import { harmless, isId } from './checkChart';
import { drawOption } from './draw';
import { textWidth } from './echarts';
import { escapeHtml, tableHtml } from './html';
import { font, ink } from './option';
import { colours } from './palette';

/** A square table of counts, as a picture in a page. */
export interface HeatMap {
  /** The anchor in the page: a letter, then letters, digits, `-` and `_`. */
  readonly id: string;
  /** Text above the picture. */
  readonly title: string;
  /** Text below the picture. */
  readonly caption?: string;
  /** One name per row, which is the name of the column with the same index too; at most 50. */
  readonly names: readonly string[];
  /** Title of the rows. */
  readonly rowLabel: string;
  /** Title of the columns. */
  readonly columnLabel: string;
  /** Counts, `[names.length, names.length]`, row-major. Cells are as dark as their share of the row. */
  readonly counts: readonly number[];
}

/** The most names of a heat map: with more, names and counts could not be read. */
export const mostNames = 50;

const isCounts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => Number.isFinite(one) && one >= 0);

/** Accepts the heat maps of a page. */
export const heatMapsField = optional(
  arrayOf(
    new Options<HeatMap>('a heat map', {
      ...{ id: custom('a letter, then letters, digits, - and _', isId), title: text, caption: optional(text) },
      names: arrayOf(text),
      ...{ rowLabel: text, columnLabel: text },
      counts: custom('an array of numbers from 0 on', isCounts),
    }).nested(),
  ),
);

const longestName = 24;
const shortened = (name: string) => (name.length > longestName ? `${name.slice(0, longestName - 1)}…` : name);

/** Opacity of a cell: the text on it must stay readable in both colour schemes. */
const opacityOf = (share: number) => 0.06 + 0.44 * share;

const shade = (colour: string, share: number) => {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return `rgba(${r},${g},${b},${opacityOf(share).toFixed(3)})`;
};

/** The colours of right and of wrong guesses. */
const [rightColour, wrongColour] = colours;

/** Returns the ECharts option of a heat map, which is data only, and its size in pixels. */
export function heatMapOption({ names: given, rowLabel, columnLabel, counts }: HeatMap) {
  const size = given.length;
  const names = given.map((name) => harmless(shortened(name)));
  const cell = Math.max(12, Math.min(46, Math.floor(640 / Math.max(1, size))));
  const fontSize = cell >= 18 ? 12 : 9;
  const longest = Math.ceil(names.reduce((most, name) => Math.max(most, textWidth(name, fontSize)), 0));
  const [left, top, side] = [longest + 44, 12, cell * size];
  const axisText = { color: ink, fontFamily: font, fontSize, interval: 0 };
  const axis = {
    type: 'category' as const,
    data: names,
    nameLocation: 'middle' as const,
    nameTextStyle: { color: ink, fontFamily: font, fontSize: 13 },
    axisLine: { lineStyle: { color: ink } },
    axisTick: { show: false },
    nameGap: longest + 20,
  };
  const sums = Array.from({ length: size }, (_, row) =>
    counts.slice(row * size, (row + 1) * size).reduce((sum, count) => sum + count, 0),
  );
  const cells = counts.flatMap((count, place) => {
    const [row, column] = [Math.floor(place / size), place % size];
    if (count === 0) return [];
    const colour = row === column ? rightColour : wrongColour;
    return [{ value: [column, row, count], itemStyle: { color: shade(colour, count / sums[row]!) } }];
  });
  const option = {
    animation: false,
    textStyle: { color: ink, fontFamily: font },
    grid: { left, top, width: side, height: side, containLabel: false },
    xAxis: { ...axis, name: harmless(columnLabel), axisLabel: { ...axisText, rotate: 90 } },
    yAxis: { ...axis, name: harmless(rowLabel), inverse: true, axisLabel: axisText },
    series: [
      {
        type: 'scatter' as const,
        symbol: 'rect',
        symbolSize: [cell - 1, cell - 1],
        silent: true,
        label: {
          // A count of four digits needs this width.
          show: cell >= 24,
          formatter: '{@[2]}',
          color: ink,
          fontFamily: font,
          fontSize: 11,
          textBorderWidth: 0,
        },
        data: cells,
      },
    ],
  };
  return { option, width: Math.max(left + side + 16, 260), height: top + side + longest + 48 };
}

/** Returns a heat map as HTML: the picture, and a table of its counts that can be opened. @throws ERR_INVALID_ARGUMENT */
export function heatMapHtml(map: HeatMap): string {
  const { id, title, caption, names, counts, rowLabel, columnLabel } = map;
  checkArgument(
    'names of a heat map',
    custom(`1 to ${mostNames} names`, () => names.length > 0 && names.length <= mostNames),
    names.length,
  );
  const cells = integer(names.length ** 2, names.length ** 2);
  checkArgument('the number of counts of a heat map', cells, counts.length);
  const { option, width, height } = heatMapOption(map);
  const label = escapeHtml(`${title}: ${rowLabel} by ${columnLabel}`);
  const rows = names.map((name, row) => [
    name,
    ...counts.slice(row * names.length, (row + 1) * names.length).map(String),
  ]);
  return `<figure aria-labelledby="${id}-title">
<div class="plot" role="img" aria-label="${label}" style="max-width: ${width}px">${drawOption(option, { id, width, height })}</div>
<figcaption>${caption ? escapeHtml(caption) : ''}</figcaption>
<details><summary>Values<span class="heard"> of ${escapeHtml(title)}</span></summary>
${tableHtml(title, [`${rowLabel} \\ ${columnLabel}`, ...names], rows)}
</details>
</figure>`;
}
