/** Line charts as vector images that follow the reader's light or dark scheme. */
import { invalid } from '../errors';
import { echarts } from './echarts';
import { escapeHtml } from './html';
import { formatNumber } from './number';
import { chartOption, ink, width } from './option';
import { schemes } from './palette';

/** One curve of a chart. */
export interface Series {
  /** Text of the legend. Series with the same name are shown and hidden together. */
  readonly name: string;
  /** Points in order of x. A y that is not finite is a gap; on a logarithmic axis, so is a y that is not positive. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /**
   * Index of the colour and the mark in the palette of 6 colours and 7 marks; larger numbers start again at 0. Series that
   * belong together (train and test of one model) share it. Default: the index of the series in the chart.
   */
  readonly colour?: number;
  /** Draws the line dashed. Default false. */
  readonly dashed?: boolean;
  /** Lowest and highest y at each x, drawn as a band around the line, for example one standard deviation over seeds. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}

/** An axis of a chart. */
export interface Axis {
  readonly label: string;
  /** Uses a logarithmic scale. Default false. */
  readonly log?: boolean;
  /** Lower end of the axis. Default: chosen from the values. */
  readonly min?: number;
  /** Upper end of the axis. Default: chosen from the values. */
  readonly max?: number;
  /** Names along an x axis: a point with x = i stands at `categories[i]`. `log`, `min` and `max` are ignored then. */
  readonly categories?: readonly string[];
}

/** A line chart as plain data, for chartSvg() and writeReport(). */
export interface Chart {
  /** Names the file (`figures/<id>.svg`) and the anchor in a page: a letter, then letters, digits, `-` and `_`. */
  readonly id: string;
  readonly title: string;
  /** Text below the chart in a page. An SVG file does not show it. */
  readonly caption?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const style =
  `<style>svg{color:${schemes.light.ink}}.paper{fill:${schemes.light.paper}}` +
  `@media(prefers-color-scheme:dark){svg{color:${schemes.dark.ink}}.paper{fill:${schemes.dark.paper}}}</style>`;

/**
 * Draws a chart, 900 pixels wide, as the text of an SVG file that follows the reader's light or dark colour scheme.
 * @throws ERR_INVALID_ARGUMENT if the id cannot be a file name, or `series` is not an array
 */
export const chartSvg = (chart: Chart): string => chartsSvg([chart]);

/**
 * Draws charts below each other in one SVG file. The file paints its own background, because the program that shows it may
 * use another colour scheme than the reader's.
 * @throws ERR_INVALID_ARGUMENT as chartSvg()
 */
export function chartsSvg(charts: readonly Chart[]): string {
  let height = 0;
  const parts = charts.map((chart) => {
    const drawn = drawChart(chart);
    const placed = drawn.svg.replace('<svg ', `<svg y="${height}" `);
    height += drawn.height;
    return placed;
  });
  // The colours stand in attributes as well, for programs that ignore style sheets.
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" \
role="img" color="${schemes.light.ink}"><title>${escapeHtml(charts.map(({ title }) => title).join('; '))}</title>${style}\
<rect class="paper" width="100%" height="100%" fill="${schemes.light.paper}"/>
${parts.join('\n')}
</svg>
`;
}

/**
 * Draws a chart for use inside a page: the `<svg>` element without background, in the colour of the text around it, and its
 * height in pixels.
 * @throws ERR_INVALID_ARGUMENT as chartSvg()
 */
export function drawChart(chart: Chart): { readonly svg: string; readonly height: number } {
  checkChart(chart);
  const { height, option } = chartOption(chart);
  const instance = echarts().init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    const formatter = (value: number) => formatNumber(value);
    instance.setOption({
      ...option,
      xAxis:
        'data' in option.xAxis
          ? option.xAxis
          : { ...option.xAxis, axisLabel: { ...option.xAxis.axisLabel, formatter } },
      yAxis: { ...option.yAxis, axisLabel: { ...option.yAxis.axisLabel, formatter } },
    });
    const svg = instance
      .renderToSVGString()
      .replaceAll(ink, 'currentColor')
      .replace(/<rect [^>]*fill="none"><\/rect>/, '')
      // Styles and attributes that only ECharts' own scripts use.
      .replace(/<style\b[\s\S]*?<\/style>/g, '')
      .replace(/<\w[^>]*>/g, (tag) => tag.replace(/ (class|ecmeta_\w+)="[^"]*"/g, ''))
      // ECharts numbers its ids per process: two charts in one page would clash, and a chart would differ from run to run.
      .replace(/\bzr\d+-/g, `${chart.id}-`);
    return { svg, height };
  } finally {
    instance.dispose();
  }
}

/** Checks a chart. @throws ERR_INVALID_ARGUMENT if the id cannot be a file name, or `series` is not an array */
export function checkChart({ id, series }: Chart): void {
  if (typeof id !== 'string' || !/^[a-z][\w-]*$/i.test(id))
    throw invalid('the id of a chart', 'a letter, then letters, digits, - and _', id);
  if (!Array.isArray(series)) throw invalid(`series of chart ${id}`, 'an array', series);
}
